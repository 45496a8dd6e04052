/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/membership_options.h"

#include "base/mem.h"
#include "base/mono.h"
#include "speaker/membership.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int64_t interval_ns; /* 0: refused */
    unsigned count;
} detects[] = {
    {"50msx3", 50 * NS_PER_MS, 3},
    {"10msx3", 10 * NS_PER_MS, 3},
    {"1msx1", NS_PER_MS, 1},
    {"10sx100", 10 * NS_PER_SEC, 100},
    {"1.5sx2", 1500 * NS_PER_MS, 2},
    {"", 0, 0},
    {"50ms", 0, 0},
    {"x3", 0, 0},
    {"50msx", 0, 0},
    {"50x3", 0, 0},
    {"50msx3x", 0, 0},
    {"50msx0", 0, 0},
    {"50msx-1", 0, 0},
    {"50msx101", 0, 0},
    {"999usx3", 0, 0},
    {"11sx3", 0, 0},
    {"-50msx3", 0, 0},
};

static void fast_detect(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(detects); i++) {
        struct fast_detect f = {0};
        struct err err = {0};
        int r = fast_detect_parse(&f, detects[i].text, &err);

        if (r != (detects[i].interval_ns == 0 ? -EINVAL : 0) ||
            f.interval_ns != detects[i].interval_ns || f.count != detects[i].count)
            fail_msg("'%s': %d %s", detects[i].text, r, err_text(&err));
        err_done(&err);
    }
}

static const struct {
    const char *text, *ip; /* NULL: refused */
    uint16_t port;
} addrs[] = {
    {"192.0.2.1", "192.0.2.1", 7946},
    {"192.0.2.1:80", "192.0.2.1", 80},
    {"2001:db8::1", "2001:db8::1", 7946},
    {"[2001:db8::1]", "2001:db8::1", 7946},
    {"[2001:db8::1]:80", "2001:db8::1", 80},
    {"::1", "::1", 7946},
    {"", NULL, 0},
    {":80", NULL, 0},
    {"192.0.2.1:", NULL, 0},
    {"192.0.2.1:0", NULL, 0},
    {"192.0.2.1:65536", NULL, 0},
    {"192.0.2.1:8o", NULL, 0},
    {"[2001:db8::1", NULL, 0},
    {"[2001:db8::1]80", NULL, 0},
    {"[]", NULL, 0},
    {"[", NULL, 0},
    {"node-1", NULL, 0},
};

static void addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
        struct gossip_addr a = {0};
        struct err err = {0};
        int r = membership_addr_parse(&a, addrs[i].text, MEMBERSHIP_PORT, &err);

        if (r != (addrs[i].ip == NULL ? -EINVAL : 0))
            fail_msg("'%s': %d %s", addrs[i].text, r, err_text(&err));
        if (r == 0) {
            assert_string_equal(ip_format(a.ip).s, addrs[i].ip);
            assert_int_equal(a.port, addrs[i].port);
        }
        err_done(&err);
    }
}

static void address_lists(void **state)
{
    CLEANUP(xfreep) struct gossip_addr *list = NULL;
    CLEANUP(err_done) struct err err = {0};
    struct gossip_addr *untouched = list;
    size_t count = 7;

    (void)state;
    assert_int_equal(membership_addrs_parse(&list, &count, "192.0.2.1,x", 1, &err), -EINVAL);
    assert_ptr_equal(list, untouched);
    assert_int_equal(count, 7);
    assert_int_equal(membership_addrs_parse(&list, &count, "192.0.2.1,,[2001:db8::1]:5,", 9, &err),
                     0);
    assert_int_equal(count, 2);
    assert_int_equal(list[0].port, 9);
    assert_int_equal(list[1].port, 5);
}

struct folder {
    char path[64], file[96];
};

static void write_file(struct folder *f, const char *name, const char *bytes, size_t len)
{
    FILE *out;

    snprintf(f->file, sizeof(f->file), "%s/%s", f->path, name);
    out = fopen(f->file, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    fclose(out);
}

/* Every byte is part of the secret, the line's end too (changes-0.16.2 3). */
static void secrets(void **state)
{
    static const char bytes[] = "abc\0def\n";
    struct folder f = {.path = "/tmp/test_membership_XXXXXX"};
    struct membership_secret s = {0};
    struct err err = {0};

    (void)state;
    assert_non_null(mkdtemp(f.path));
    assert_int_equal(membership_secret_read_in(&s, f.path, &err), -ENOENT);
    assert_non_null(strstr(err_text(&err), "/secretkey: No such file"));
    err_done(&err);
    write_file(&f, "secretkey", bytes, sizeof(bytes) - 1);
    assert_int_equal(membership_secret_read_in(&s, f.path, &err), 0);
    assert_int_equal(s.len, 8);
    assert_memory_equal(s.bytes, bytes, 8);
    membership_secret_done(&s);
    assert_null(s.bytes);
    unlink(f.file);
    rmdir(f.path);
}

static void profiles(void **state)
{
    struct folder f = {.path = "/tmp/test_membership_XXXXXX"};
    struct gossip_profile p;
    struct err err = {0};

    (void)state;
    assert_int_equal(membership_profile_read(&p, "/nowhere/config.json", false, &err), 0);
    assert_int_equal(p.probe_interval_ns, NS_PER_SEC);
    assert_int_equal(membership_profile_read(&p, "/nowhere/config.json", true, &err), 0);
    assert_int_equal(p.probe_interval_ns, 5 * NS_PER_SEC);
    assert_non_null(mkdtemp(f.path));
    write_file(&f, "config.json", "{}", 2);
    assert_int_equal(membership_profile_read(&p, f.file, true, &err), -EINVAL);
    err_done(&err);
    unlink(f.file);
    rmdir(f.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_detect), cmocka_unit_test(addresses), cmocka_unit_test(address_lists),
        cmocka_unit_test(secrets),     cmocka_unit_test(profiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
