/* SPDX-License-Identifier: Apache-2.0 */
/* NO_PROXY, Retry-After, Warning, Status, Basic. */
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_base64.h"
#include "kube/kube_head.h"
#include "kube/kube_proxy.h"
#include "kube/kube_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *no_proxy, *host;
    uint16_t port;
    bool left_out;
} no_proxies[] = {
    {"", "a.b", 443, false},
    {"*", "a.b", 443, true},
    {"", "localhost", 443, true},
    {"", "127.8.9.1", 443, true},
    {"", "::1", 443, true},
    {"a.b", "a.b", 443, true},
    {"A.B", "a.b", 443, true},
    {"a.b", "x.a.b", 443, true},
    {"a.b", "xa.b", 443, false},
    {".a.b", "a.b", 443, false},
    {".a.b", "x.a.b", 443, true},
    {"*.a.b", "x.a.b", 443, true},
    {"*.a.b", "a.b", 443, false},
    {"a.b:6443", "a.b", 6443, true},
    {"a.b:6443", "a.b", 443, false},
    {"x , a.b ,y", "a.b", 443, true},
    {",,", "a.b", 443, false},
    {"192.0.2.1", "192.0.2.1", 443, true},
    {"192.0.2.1", "192.0.2.10", 443, false},
    {"192.0.2.1:6443", "192.0.2.1", 6443, true},
    {"192.0.2.1:6443", "192.0.2.1", 443, false},
    {"192.0.2.0/24", "192.0.2.77", 443, true},
    {"192.0.2.0/24", "192.0.3.1", 443, false},
    {"192.0.2.0/24", "a.b", 443, false},
    {"2001:db8::/32", "2001:db8::1", 443, true},
    {"2001:db8::1", "2001:db8:0::1", 443, true},
    {"[2001:db8::1]:6443", "2001:db8::1", 6443, true},
    {"[2001:db8::1]:6443", "2001:db8::1", 443, false},
    {"[2001:db8::1]", "2001:db8::1", 443, true},
    {":6443", "a.b", 6443, false},
};

static void test_no_proxy(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(no_proxies); i++) {
        if (kube_no_proxy(no_proxies[i].no_proxy, no_proxies[i].host, no_proxies[i].port) !=
            no_proxies[i].left_out)
            fail_msg("\"%s\" for %s:%u", no_proxies[i].no_proxy, no_proxies[i].host,
                     no_proxies[i].port);
    }
}

#define NOON_S 1795608000 /* Wed, 25 Nov 2026 12:00:00 GMT */

static const struct {
    const char *value;
    int64_t want_ns;
} retries[] = {
    {"1", NS_PER_SEC},
    {"0", 0},
    {"120", 120 * NS_PER_SEC},
    {"99999999999999999999", KUBE_RETRY_AFTER_MAX_S *NS_PER_SEC},
    {"Wed, 25 Nov 2026 12:00:05 GMT", 5 * NS_PER_SEC},
    {"Wed, 25 Nov 2026 11:00:00 GMT", 0},
    {"Wed, 25 Nov 2027 11:00:00 GMT", KUBE_RETRY_AFTER_MAX_S *NS_PER_SEC},
    {"", -1},
    {"-1", -1},
    {"1.5", -1},
    {"soon", -1},
    {"Wed, 25 Nov 2026 12:00:05 GMT+1", -1},
};

static void test_retry_after(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(retries); i++) {
        if (kube_retry_after_parse(retries[i].value, NOON_S) != retries[i].want_ns)
            fail_msg("\"%s\": %lld", retries[i].value,
                     (long long)kube_retry_after_parse(retries[i].value, NOON_S));
    }
}

static void add(struct kube_head *h, const char *name, const char *value)
{
    kube_head_add(h, &(struct kube_field){name, value, strlen(name), strlen(value)}, NOON_S);
}

static void test_head(void **state)
{
    struct kube_head h = kube_head_new();

    (void)state;
    assert_int_equal(h.retry_after_ns, -1);
    add(&h, "Retry-After", "7");
    add(&h, "CONTENT-ENCODING", "gzip");
    add(&h, "warning", "299 - \"use \\\"v1\\\"\"");
    add(&h, "warning", "299 - \"the second\"");
    assert_int_equal(h.retry_after_ns, 7 * NS_PER_SEC);
    assert_true(h.gzip && !h.unknown_encoding);
    assert_string_equal(text_str(&h.warning), "use \"v1\"");
    add(&h, "content-encoding", "br");
    assert_true(!h.gzip && h.unknown_encoding);
    kube_head_done(&h);
    add(&h, "warning", "199 - \"of another kind\"");
    add(&h, "warning", "299");
    assert_string_equal(text_str(&h.warning), "");
    kube_head_done(&h);
}

static const struct {
    const char *name, *body;
    const char *text, *reason;
    int64_t retry_ns;
} statuses[] = {
    {"a Status",
     "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"pods \\\"a\\\" not found\","
     "\"reason\":\"NotFound\",\"code\":404}",
     "pods \"a\" not found", "NotFound", -1},
    {"with a time to wait",
     "{\"kind\":\"Status\",\"message\":\"slow\",\"reason\":\"TooManyRequests\","
     "\"details\":{\"retryAfterSeconds\":3}}",
     "slow", "TooManyRequests", 3 * NS_PER_SEC},
    {"of several lines", "{\"kind\":\"Status\",\"message\":\"a\\nb\\u001b[31m\"}", "a b?[31m", "",
     -1},
    {"without a message", "{\"kind\":\"Status\",\"reason\":\"Conflict\"}",
     "HTTP status 404, Conflict", "Conflict", -1},
    {"a text", "404 page not found\n", "HTTP status 404: 404 page not found ", "", -1},
    {"nothing", "", "HTTP status 404", "", -1},
    {"another object", "{\"kind\":\"Pod\"}", "HTTP status 404: {\"kind\":\"Pod\"}", "", -1},
    {"of the wrong types", "{\"kind\":\"Status\",\"message\":1,\"reason\":[],\"details\":[]}",
     "HTTP status 404", "", -1},
};

static void test_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        struct kube_refusal s = kube_refusal_read(404, statuses[i].body, strlen(statuses[i].body));

        if (!str_eq(s.text, statuses[i].text) || !str_eq(s.reason, statuses[i].reason) ||
            s.retry_after_ns != statuses[i].retry_ns)
            fail_msg("%s: \"%s\", \"%s\"", statuses[i].name, s.text, s.reason);
        kube_refusal_done(&s);
    }
}

static void test_basic(void **state)
{
    static const char *const rows[][2] = {
        {"", "Basic "}, {"a:b", "Basic YTpi"}, {"user:pass", "Basic dXNlcjpwYXNz"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(xfreep) char *got = kube_basic(rows[i][0]);

        assert_string_equal(got, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_proxy), cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_head),     cmocka_unit_test(test_status),
        cmocka_unit_test(test_basic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
