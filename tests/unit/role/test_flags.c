/* SPDX-License-Identifier: Apache-2.0 */
/* What is expected was taken down from programs that use Go's package flag. */
#include "role/flags.h"

#include "base/macro.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define USAGE                                                                                      \
    "Usage of /controller:\n"                                                                      \
    "  -b\tone letter\n"                                                                           \
    "  -dir name\n    \tthe name of it (default \"/tmp/\\\"x\\\"\")\n"                             \
    "  -http2\n    \ttwo\n    \tlines (default true)\n"                                            \
    "  -kubeconfig string\n    \tpath\n"                                                           \
    "  -n int\n    \tnumber\n"                                                                     \
    "  -port int\n    \tthe port (default 9120)\n"

struct values {
    int64_t port, n;
    bool http2, b;
    const char *dir, *kubeconfig;
    char words[8][64]; /* of the command line: the values point into it */
};

/* Parses, and gives back what came on stderr. */
static int parse(struct values *v, const char *const *args, char *ret_text, size_t size,
                 int *ret_exit)
{
    const struct flag flags[] = {
        {"port", FLAG_INT, &v->port, NULL, "the port"},
        {"n", FLAG_INT, &v->n, NULL, "number"},
        {"http2", FLAG_BOOL, &v->http2, NULL, "two\nlines"},
        {"b", FLAG_BOOL, &v->b, NULL, "one letter"},
        {"dir", FLAG_STRING, &v->dir, "TEST_FLAGS_DIR", "the `name` of it"},
        {"kubeconfig", FLAG_STRING, &v->kubeconfig, "TEST_FLAGS_KUBECONFIG", "path"},
    };
    char *argv[9] = {v->words[0]};
    int argc = 1, saved = dup(STDERR_FILENO), r;
    FILE *file = tmpfile();
    size_t len;

    snprintf(v->words[0], sizeof(v->words[0]), "/controller");
    for (; args[argc - 1] != NULL; argc++) {
        snprintf(v->words[argc], sizeof(v->words[argc]), "%s", args[argc - 1]);
        argv[argc] = v->words[argc];
    }
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    r = flags_parse("/controller", flags, ARRAY_SIZE(flags), argc, argv, ret_exit);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    len = fread(ret_text, 1, size - 1, file);
    ret_text[len] = '\0';
    fclose(file);
    return r;
}

static struct values defaults(void)
{
    return (struct values){.port = 9120, .http2 = true, .dir = "/tmp/\"x\"", .kubeconfig = ""};
}

static void reads_values(void **state)
{
    static const struct {
        const char *name, *args[6];
        int64_t port;
        bool http2, b;
    } rows[] = {
        {"nothing", {NULL}, 9120, true, false},
        {"one dash, equals", {"-port=1"}, 1, true, false},
        {"two dashes, apart", {"--port", "2"}, 2, true, false},
        {"the last one counts", {"-port", "2", "--port=3"}, 3, true, false},
        {"a bool alone", {"-b", "-port=4"}, 4, true, true},
        {"a bool takes no word", {"-http2", "false", "-port=4"}, 9120, true, false},
        {"false", {"-http2=f"}, 9120, false, false},
        {"all names of true", {"-http2=FALSE", "-b=T"}, 9120, false, true},
        {"two dashes end", {"-b", "--", "-port=4"}, 9120, true, true},
        {"a word ends", {"word", "-port=4"}, 9120, true, false},
        {"a dash is a word", {"-", "-port=4"}, 9120, true, false},
        {"an empty word ends", {"", "-port=4"}, 9120, true, false},
        {"a value like a flag", {"-dir", "-port=4"}, 9120, true, false},
        {"hexadecimal", {"-port=0x1F"}, 31, true, false},
        {"octal", {"-port=0o17"}, 15, true, false},
        {"old octal", {"-port=017"}, 15, true, false},
        {"binary", {"-port=0B101"}, 5, true, false},
        {"underscores", {"-port=1_000_0"}, 10000, true, false},
        {"underscore after a prefix", {"-port=0x_ff"}, 255, true, false},
        {"underscore after a zero", {"-port=0_7"}, 7, true, false},
        {"sign", {"-port=-5"}, -5, true, false},
        {"plus", {"-port=+5"}, 5, true, false},
        {"zero", {"-port=0"}, 0, true, false},
        {"the least", {"-port=-9223372036854775808"}, INT64_MIN, true, false},
        {"the most", {"-port=0x7fff_ffff_ffff_ffff"}, INT64_MAX, true, false},
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct values v = defaults();
        int code = -1;
        int r = parse(&v, rows[i].args, text, sizeof(text), &code);

        if (r != 0 || text[0] != '\0' || v.port != rows[i].port || v.http2 != rows[i].http2 ||
            v.b != rows[i].b)
            fail_msg("%s: %d %s", rows[i].name, r, text);
    }
}

static void complains(void **state)
{
    static const struct {
        const char *name, *args[4], *want;
        int code;
    } rows[] = {
        {"unknown", {"-x=1"}, "flag provided but not defined: -x\n", 2},
        {"unknown, two dashes", {"--xy"}, "flag provided but not defined: -xy\n", 2},
        {"three dashes", {"---port"}, "bad flag syntax: ---port\n", 2},
        {"no name", {"-=1"}, "bad flag syntax: -=1\n", 2},
        {"no name, two dashes", {"--=1"}, "bad flag syntax: --=1\n", 2},
        {"no value", {"-port"}, "flag needs an argument: -port\n", 2},
        {"word", {"-port=x"}, "invalid value \"x\" for flag -port: parse error\n", 2},
        {"empty", {"-port="}, "invalid value \"\" for flag -port: parse error\n", 2},
        {"no octal", {"-port=08"}, "invalid value \"08\" for flag -port: parse error\n", 2},
        {"blank", {"-port", " 1"}, "invalid value \" 1\" for flag -port: parse error\n", 2},
        {"real", {"-port=1.0"}, "invalid value \"1.0\" for flag -port: parse error\n", 2},
        {"two underscores",
         {"-port=1__0"},
         "invalid value \"1__0\" for flag -port: parse error\n",
         2},
        {"underscore first", {"-port=_1"}, "invalid value \"_1\" for flag -port: parse error\n", 2},
        {"underscore last", {"-port=1_"}, "invalid value \"1_\" for flag -port: parse error\n", 2},
        {"prefix alone", {"-port=0x"}, "invalid value \"0x\" for flag -port: parse error\n", 2},
        {"sign alone", {"-port=-"}, "invalid value \"-\" for flag -port: parse error\n", 2},
        {"too large",
         {"-port=9223372036854775808"},
         "invalid value \"9223372036854775808\" for flag -port: value out of range\n",
         2},
        {"far too large, and no number",
         {"-port=99999999999999999999x"},
         "invalid value \"99999999999999999999x\" for flag -port: value out of range\n",
         2},
        {"too large, and no number",
         {"-port=9223372036854775808x"},
         "invalid value \"9223372036854775808x\" for flag -port: parse error\n",
         2},
        {"two underscores, then too large",
         {"-port=1__99999999999999999999"},
         "invalid value \"1__99999999999999999999\" for flag -port: value out of range\n",
         2},
        {"too small",
         {"-port=-9223372036854775809"},
         "invalid value \"-9223372036854775809\" for flag -port: value out of range\n",
         2},
        {"bool", {"-http2=yes"}, "invalid boolean value \"yes\" for -http2: parse error\n", 2},
        {"empty bool", {"-b="}, "invalid boolean value \"\" for -b: parse error\n", 2},
        {"help", {"-port=1", "-h"}, "", 0},
        {"help in full", {"--help"}, "", 0},
    };
    char text[2048], want[2048];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct values v = defaults();
        int code = -1;
        int r = parse(&v, rows[i].args, text, sizeof(text), &code);

        snprintf(want, sizeof(want), "%s" USAGE, rows[i].want);
        if (r != -1 || code != rows[i].code || strcmp(text, want) != 0)
            fail_msg("%s: %d %d %s", rows[i].name, r, code, text);
    }
}

static void environment_gives_defaults(void **state)
{
    static const char *const none[] = {NULL}, *const dir[] = {"-dir=flag", NULL},
                             *const bad[] = {"-x", NULL};
    struct values v = defaults();
    char text[1024];
    int code;

    (void)state;
    setenv("TEST_FLAGS_DIR", "env", 1);
    setenv("TEST_FLAGS_KUBECONFIG", "", 1);
    v.kubeconfig = "k";
    assert_int_equal(parse(&v, none, text, sizeof(text), &code), 0);
    assert_string_equal(v.dir, "env");
    assert_string_equal(v.kubeconfig, "k");
    assert_int_equal(parse(&v, dir, text, sizeof(text), &code), 0);
    assert_string_not_equal(v.dir, "env");
    assert_int_equal(parse(&v, bad, text, sizeof(text), &code), -1);
    assert_non_null(strstr(text, "(default \"env\")"));
    unsetenv("TEST_FLAGS_DIR");
    unsetenv("TEST_FLAGS_KUBECONFIG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values),
        cmocka_unit_test(complains),
        cmocka_unit_test(environment_gives_defaults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
