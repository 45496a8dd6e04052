/* SPDX-License-Identifier: Apache-2.0 */
/* Each case in a process of its own, since what is dropped does not come back. */
#include "net/caps.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t status_field(const char *name)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long long value = ~0ull;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            (void)sscanf(line + strlen(name), ":\t%llx", &value); /* stays ~0 when malformed */
    }
    if (f != NULL)
        fclose(f);
    return value;
}

static int child_exit(int (*body)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(body());
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* 0, or the number of the first thing that is wrong. */
static int holds_only(uint64_t keep)
{
    if (status_field("CapPrm") != keep || status_field("CapEff") != keep)
        return 2;
    if (status_field("CapInh") != 0 || status_field("CapAmb") != 0)
        return 3;
    if (status_field("CapBnd") != keep)
        return 4;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 5;
}

static int keep_raw(void)
{
    struct err err = {0};

    if (caps_drop(CAPS_BIT(CAP_NET_RAW), NULL, &err) < 0)
        return 1;
    return holds_only(CAPS_BIT(CAP_NET_RAW));
}

static int become_nobody(void)
{
    struct err err = {0};
    int fd;

    if (caps_drop(CAPS_BIT(CAP_NET_RAW), &(struct caps_user){65534, 65533}, &err) < 0)
        return 1;
    if (getuid() != 65534 || geteuid() != 65534 || getgid() != 65533 || getgroups(0, NULL) != 0)
        return 6;
    if (setuid(0) == 0)
        return 7;
    fd = socket(AF_PACKET, SOCK_RAW, 0);
    return fd < 0 ? 8 : holds_only(CAPS_BIT(CAP_NET_RAW));
}

static int ask_for_too_much(void)
{
    struct err err = {0};

    if (caps_drop(CAPS_BIT(CAP_NET_RAW), NULL, &err) < 0)
        return 1;
    if (caps_drop(CAPS_BIT(CAP_NET_RAW) | CAPS_BIT(CAP_NET_ADMIN), NULL, &err) != -1)
        return 9;
    if (strcmp(err_text(&err), "capability NET_ADMIN is missing") != 0)
        return 10;
    return holds_only(CAPS_BIT(CAP_NET_RAW));
}

static int drop_all(void)
{
    struct err err = {0};

    return caps_drop(0, NULL, &err) < 0 ? 1 : holds_only(0);
}

static void drops(void **state)
{
    (void)state;
    if (geteuid() != 0 || (status_field("CapPrm") & CAPS_BIT(CAP_NET_RAW)) == 0)
        skip();
    assert_int_equal(child_exit(keep_raw), 0);
    assert_int_equal(child_exit(become_nobody), 0);
    assert_int_equal(child_exit(ask_for_too_much), 0);
    assert_int_equal(child_exit(drop_all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
