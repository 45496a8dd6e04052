/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_body.h"

#include "base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name, *in, *want; /* NULL: as it came; "": refused */
} rows[] = {
    {"nothing", "{}", NULL},
    {"order of keys", "{\"z\":1,\"a\":2,\"m\":{\"y\":[],\"b\":null}}", NULL},
    {"int64", "{\"a\":999999999999999999,\"b\":-999999999999999999,\"c\":0}", NULL},
    {"the ends of int64", "{\"a\":9223372036854775807,\"b\":-9223372036854775808}", NULL},
    {"above int64", "{\"a\":[9223372036854775808,18446744073709551615]}", NULL},
    {"far above", "{\"a\":123456789012345678901234567890123456789012345678901234567890}", NULL},
    {"reals", "{\"a\":0.1,\"b\":1e400,\"c\":-1.50E-7,\"d\":80.0,\"e\":-0,\"f\":1E+2}", NULL},
    {"digits in strings", "{\"1.5\":\"2.5\",\"a\":\"x\\\"1e9\\\\\",\"b\":1.5}", NULL},
    {"NUL in a string", "{\"a\":\"x\\u0000y\",\"b\":0.5}", NULL},
    {"a string that looks marked", "{\"a\":\"\\u000E1.5\",\"b\":0.5}", NULL},
    {"two that look marked", "{\"a\":\"\\u000e1.5\",\"b\":[\"\\u000F7\",\"\\u00101\"],\"c\":0.5}",
     "{\"a\":\"\\u000E1.5\",\"b\":[\"\\u000F7\",\"\\u00101\"],\"c\":0.5}"},
    {"white space", " { \"a\" : [ 1 , 2.0 ] } ", "{\"a\":[1,2.0]}"},
    {"no object", "[1]", ""},
    {"cut short", "{\"a\":1.", ""},
    {"two points", "{\"a\":1.2.3}", ""},
    {"leading zero", "{\"a\":01.5}", ""},
    {"empty exponent", "{\"a\":1e}", ""},
    {"plus", "{\"a\":+1.5}", ""},
    {"empty", "", ""},
};

static void keeps_what_it_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *want = rows[i].want == NULL ? rows[i].in : rows[i].want;
        struct kube_body j = {0};
        CLEANUP(err_done) struct err err = {0};
        CLEANUP(xfreep) char *out = NULL;
        size_t len;
        int r = kube_body_read(&j, rows[i].in, strlen(rows[i].in), &err);

        if (r != (*want == '\0' ? -EBADMSG : 0))
            fail_msg("%s: %d %s", rows[i].name, r, err_text(&err));
        if (r < 0)
            continue;
        out = kube_body_write(&j, &len);
        kube_body_done(&j);
        if (strcmp(out, want) != 0 || len != strlen(want))
            fail_msg("%s: %s", rows[i].name, out);
    }
}

/* All control characters are in use: only then an odd number cannot be kept. */
static void refuses_when_no_mark_is_free(void **state)
{
    char with_real[512] = "{\"s\":\"", with_int[512];
    struct kube_body j = {0};
    CLEANUP(err_done) struct err err = {0};

    (void)state;
    for (unsigned c = 1; c < 0x20; c++)
        snprintf(with_real + strlen(with_real), 7, "\\u%04x", c);
    snprintf(with_int, sizeof(with_int), "%s\",\"n\":7}", with_real);
    snprintf(with_real + strlen(with_real), 16, "\",\"n\":0.7}");
    assert_int_equal(kube_body_read(&j, with_real, strlen(with_real), &err), -EBADMSG);
    assert_int_equal(kube_body_read(&j, with_int, strlen(with_int), &err), 0);
    kube_body_done(&j);
}

static void writes_what_was_changed(void **state)
{
    const char *in = "{\"metadata\":{\"managedFields\":[1.5],\"name\":\"a\"},\"x\":2.50,\"y\":1}";
    struct kube_body j = {0};
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(xfreep) char *out = NULL;
    size_t len;

    (void)state;
    assert_int_equal(kube_body_read(&j, in, strlen(in), &err), 0);
    json_object_del(json_object_get(j.value, "metadata"), "managedFields");
    json_object_set_new(j.value, "y", json_string("\"\\"));
    out = kube_body_write(&j, &len);
    kube_body_done(&j);
    assert_string_equal(out, "{\"metadata\":{\"name\":\"a\"},\"x\":2.50,\"y\":\"\\\"\\\\\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_it_reads),
        cmocka_unit_test(refuses_when_no_mark_is_free),
        cmocka_unit_test(writes_what_was_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
