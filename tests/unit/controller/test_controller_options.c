/* SPDX-License-Identifier: Apache-2.0 */
/* Which command lines are taken, with which exit status the others end, and what is said. */
#include "controller/controller_options.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGS_MAX = 4, SAID_MAX = 6144 };

#define DEPRECATED "The FRR mode is deprecated and will be removed in a future release. "

static const struct {
    const char *name;
    const char *args[ARGS_MAX];
    const char *bgp_type; /* NULL: unset */
    int want, exit;
    const char *said, *unsaid; /* NULL: does not matter */
} rows[] = {
    {"nothing", {NULL}, NULL, 0, 0, "MetalLB controller starting version ", "FRR"},
    {"help", {"--help"}, NULL, -1, 0, "webhook-mode", "starting"},
    {"one dash", {"-h"}, NULL, -1, 0, "webhook-mode", NULL},
    {"unknown flag", {"--no-such"}, NULL, -1, 2, "no-such", "starting"},
    {"no value", {"--port"}, NULL, -1, 2, "port", NULL},
    {"no number", {"--port=x"}, NULL, -1, 2, "port", NULL},
    {"no switch", {"--webhook-http2=perhaps"}, NULL, -1, 2, "webhook-http2", NULL},
    {"no level",
     {"--log-level=loud"},
     NULL,
     -1,
     1,
     "failed to initialize logging: failed to parse log level: loud\n",
     "starting"},
    {"no format", {"--log-format=xml"}, NULL, -1, 1, "failed to initialize logging", "starting"},
    {"no TLS version",
     {"--tls-min-version=TLS1"},
     NULL,
     -1,
     1,
     "failed to parse TLS configuration",
     NULL},
    {"no cipher",
     {"--tls-cipher-suites=ROT13"},
     NULL,
     -1,
     1,
     "failed to parse TLS configuration",
     NULL},
    {"TLS", {"--tls-min-version=VersionTLS13"}, NULL, 0, 0, "VersionTLS13", "failed"},
    {"no webhook mode", {"--webhook-mode=on"}, NULL, -1, 1, "invalid webhookmode value", NULL},
    {"only webhooks", {"--webhook-mode=onlywebhook"}, NULL, 0, 0, NULL, "invalid"},
    {"port too large", {"--port=65536"}, NULL, -1, 1, "a port is a number from 0 to 65535", NULL},
    {"negative port", {"--health-probe-port=-1"}, NULL, -1, 1, "a port is a number", NULL},
    {"no ports", {"--port=0", "--health-probe-port", "0"}, NULL, 0, 0, NULL, "a port"},
    {"text", {"--log-format=text"}, NULL, 0, 0, " info MetalLB controller starting", "{"},
    {"frr", {NULL}, "frr", 0, 0, DEPRECATED, NULL},
    {"frr-k8s", {NULL}, "frr-k8s", 0, 0, NULL, DEPRECATED},
    {"native", {NULL}, "native", 0, 0, NULL, DEPRECATED},
    {"a mode that the speaker refuses", {NULL}, "quagga", 0, 0, NULL, "quagga"},
    {"an empty mode", {NULL}, "", 0, 0, NULL, DEPRECATED},
    {"silence, which lasts", {"--log-level=none"}, "frr", 0, 0, NULL, "starting"},
};

static int parse(struct controller_options *ret, const char *const *args, int *ret_exit)
{
    char *argv[ARGS_MAX + 2] = {(char *)(uintptr_t) "controller"};
    int argc = 1;

    for (size_t i = 0; i < ARGS_MAX && args[i] != NULL; i++)
        argv[argc++] = (char *)(uintptr_t)args[i];
    return controller_options_parse(ret, argc, argv, ret_exit);
}

/* As parse, with what it says on stdout and stderr, which belong to the test's own report. */
static int parse_quietly(struct controller_options *ret, const char *const *args, int *ret_exit,
                         char said[SAID_MAX])
{
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO),
        file = memfd_create("said", MFD_CLOEXEC);
    ssize_t len;
    int r;

    fflush(NULL);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    r = parse(ret, args, ret_exit);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    len = pread(file, said, SAID_MAX - 1, 0);
    said[len < 0 ? 0 : len] = '\0';
    close(file);
    close(out);
    close(err);
    return r;
}

static void set_bgp_type(const char *type)
{
    if (type == NULL)
        unsetenv("METALLB_BGP_TYPE");
    else
        setenv("METALLB_BGP_TYPE", type, 1);
}

static void takes_or_ends(void **state)
{
    char said[SAID_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct controller_options o;
        int exit_status = 0, r;

        set_bgp_type(rows[i].bgp_type);
        r = parse_quietly(&o, rows[i].args, &exit_status, said);
        if (r != rows[i].want || (r < 0 && exit_status != rows[i].exit) ||
            (rows[i].said != NULL && strstr(said, rows[i].said) == NULL) ||
            (rows[i].unsaid != NULL && strstr(said, rows[i].unsaid) != NULL))
            fail_msg("%s: %d, status %d, \"%s\"", rows[i].name, r, exit_status, said);
    }
}

static void has_defaults(void **state)
{
    const char *const args[ARGS_MAX] = {NULL};
    struct controller_options o;
    char said[SAID_MAX];
    int exit_status;

    (void)state;
    setenv("METALLB_NAMESPACE", "lb", 1);
    unsetenv("METALLB_POD_NAME");
    assert_int_equal(parse_quietly(&o, args, &exit_status, said), 0);
    assert_string_equal(o.namespace, "lb");
    assert_string_equal(o.pod_name, "");
    assert_string_equal(o.lb_class, "");
    assert_int_equal(o.port, 9120);
    assert_int_equal(o.health_probe_port, 17472);
    assert_false(o.only_webhook);
}

static void prefers_flags(void **state)
{
    const char *const args[ARGS_MAX] = {"--namespace=flag", "-pod-name", "p",
                                        "--webhook-mode=onlywebhook"};
    struct controller_options o;
    char said[SAID_MAX];
    int exit_status;

    (void)state;
    setenv("METALLB_NAMESPACE", "lb", 1);
    setenv("METALLB_POD_NAME", "q", 1);
    assert_int_equal(parse_quietly(&o, args, &exit_status, said), 0);
    assert_string_equal(o.namespace, "flag");
    assert_string_equal(o.pod_name, "p");
    assert_true(o.only_webhook);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_or_ends),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(prefers_flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
