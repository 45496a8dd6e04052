/* SPDX-License-Identifier: Apache-2.0 */
/* What `steellb status` is told of BGP. This file stands in for the router. */
#include "speaker/bgp_answer.h"

#include "base/macro.h"
#include "base/mono.h"
#include "speaker/bgp_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const peers[] = {"spine", "tor"};

static struct {
    const struct router_peer_view *views;
    size_t view_count;
    uint32_t prefix_count; /* hosts of 198.18.0.0/15, and 2001:db8::1 */
} seen;                    /* the stand-ins have no argument for it */

void router_each_peer(const struct router *r, router_view_fn fn, void *arg)
{
    (void)r;
    for (size_t i = 0; i < seen.view_count; i++)
        fn(arg, &seen.views[i]);
}

static struct prefix nth_prefix(uint32_t n)
{
    const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

    if (n == seen.prefix_count)
        return prefix_of(ip_v6(v6), 128);
    return prefix_of(ip_v4(0xc6120000U + n), 32);
}

size_t router_prefixes(const struct router *r, const struct router_range *range, struct prefix *ret,
                       size_t max)
{
    size_t n = 0;

    (void)r;
    for (uint32_t i = 0; i <= seen.prefix_count && n < max; i++) {
        struct prefix p = nth_prefix(i);

        if (range->after.addr.family != IP_NONE && prefix_cmp(p, range->after) <= 0)
            continue;
        if (range->within.addr.family == IP_NONE || prefix_overlaps(range->within, p))
            ret[n++] = p;
    }
    return n;
}

size_t router_prefix_count(const struct router *r)
{
    (void)r;
    return seen.prefix_count + 1;
}

void router_each_route(const struct router *r, struct prefix p, router_route_fn fn, void *arg)
{
    static const struct bgp_community communities[] = {{BGP_COMMUNITY_STANDARD, 0xfde80064, 0, 0},
                                                       {BGP_COMMUNITY_EXTENDED, 0x0002fde8, 7, 0}};
    const struct bgp_attrs attrs = {.has_local_pref = true,
                                    .local_pref = 200,
                                    .med = 5,
                                    .prepend = 2,
                                    .communities = communities,
                                    .community_count = ARRAY_SIZE(communities)};

    (void)r;
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
        fn(arg, &(struct router_route_view){
                    .prefix = p,
                    .peer = peers[i],
                    .state = i == 0 ? BGP_ROUTE_NO_SESSION : BGP_ROUTE_SENT,
                    .attrs = i == 0 ? NULL : &attrs,
                });
}

/* --- answers --- */

/* All portions; *ret_longest: bytes of the longest one. */
static struct text take_all(struct control_answer *a, size_t *ret_longest)
{
    struct text t = {0};
    bool more = true;

    for (*ret_longest = 0; more;) {
        size_t before = t.len;
        CLEANUP(text_done) struct text portion = {0};

        more = a->next(a, &portion);
        text_add_n(&t, text_str(&portion), portion.len);
        if (t.len - before > *ret_longest)
            *ret_longest = t.len - before;
    }
    a->free(a);
    return t;
}

#define SENT                                                                                       \
    ",\"state\":\"sent\",\"localPref\":200,\"med\":5,\"asPathPrepend\":2,"                         \
    "\"communities\":[\"65000:100\",\"rt:65000:7\"]}"
#define ROUTE(prefix, peer) "{\"prefix\":\"" prefix "\",\"peer\":\"" peer "\""
#define IDLE ",\"state\":\"no-session\"}"

static const struct {
    const char *name, *request, *answer;
} requests[] = {
    {"all", "routes",
     "[\n" ROUTE("198.18.0.0/32", "spine") IDLE ",\n" ROUTE("198.18.0.0/32", "tor") SENT
     ",\n" ROUTE("198.18.0.1/32", "spine") IDLE ",\n" ROUTE("198.18.0.1/32", "tor") SENT
     ",\n" ROUTE("2001:db8::1/128", "spine") IDLE ",\n" ROUTE("2001:db8::1/128", "tor") SENT
     "\n]\n"},
    {"of an address", "routes within 2001:db8::1",
     "[\n" ROUTE("2001:db8::1/128", "spine") IDLE ",\n" ROUTE("2001:db8::1/128", "tor") SENT
     "\n]\n"},
    {"of a prefix, to a peer", "routes peer spine within 198.18.0.0/24",
     "[\n" ROUTE("198.18.0.0/32", "spine") IDLE ",\n" ROUTE("198.18.0.1/32", "spine") IDLE "\n]\n"},
    {"none of a prefix", "routes within 192.0.2.0/24", "[\n]\n"},
    {"none to a peer", "routes peer leaf", "[\n]\n"},
    {"the last filter counts", "routes peer tor  peer leaf", "[\n]\n"},
    {"another question", "prefixes", "{\n  \"error\": \"no such question\"\n}\n"},
    {"a filter without a value", "routes peer", "{\n  \"error\": \"a filter needs a value\"\n}\n"},
    {"another filter", "routes of web", "{\n  \"error\": \"no such filter\"\n}\n"},
    {"no prefix", "routes within web", "{\n  \"error\": \"not an address or a prefix\"\n}\n"},
};

static void answers(void **state)
{
    (void)state;
    seen.prefix_count = 2;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        size_t longest;
        CLEANUP(text_done)
        struct text t = take_all(bgp_answer(NULL, requests[i].request), &longest);

        if (strcmp(text_str(&t), requests[i].answer) != 0)
            fail_msg("%s: %s", requests[i].name, text_str(&t));
    }
    assert_null(bgp_answer(NULL, ""));
    assert_null(bgp_answer(NULL, "  "));
}

/* Nothing is lost between portions and pages, and no portion is large. */
static void lists_many(void **state)
{
    enum { PREFIXES = 5000 };
    CLEANUP(text_done) struct text t = {0};
    json_t *routes;
    size_t longest;

    (void)state;
    seen.prefix_count = PREFIXES;
    t = take_all(bgp_answer(NULL, "routes peer tor"), &longest);
    assert_true(longest < (size_t)CONTROL_PORTION + 1024);
    routes = json_loadb(t.chars, t.len, 0, NULL);
    assert_int_equal(json_array_size(routes), PREFIXES + 1);
    for (uint32_t i = 0; i <= PREFIXES; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(routes, i), "prefix")),
                            prefix_format(nth_prefix(i)).s);
    json_decref(routes);
}

/* The whole status has the first ones only. */
static void reports_some_routes(void **state)
{
    json_t *routes;

    (void)state;
    seen.prefix_count = 3 * BGP_REPORT_ROUTES;
    routes = bgp_report_routes(NULL);
    assert_int_equal(json_array_size(routes), BGP_REPORT_ROUTES);
    json_decref(routes);
}

/* --- peers --- */

static const struct bgp_fsm_counts counts = {
    .established = 3, .hold_expirations = 1, .updates_received = 4, .prefixes_received = 5};

static json_t *peer_report(const struct router_peer_view *v)
{
    CLEANUP(text_done) struct text t = {0};
    size_t longest;
    json_t *report, *peer;

    seen.views = v;
    seen.view_count = 1;
    seen.prefix_count = 2;
    t = take_all(bgp_answer(NULL, "bgp"), &longest);
    report = json_loadb(t.chars, t.len, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(report, "prefixes")), 3);
    assert_int_equal(json_array_size(json_object_get(report, "peers")), 1);
    peer = json_incref(json_array_get(json_object_get(report, "peers"), 0));
    json_decref(report);
    return peer;
}

static void expect(const json_t *o, const char *want)
{
    char *got = json_dumps(o, JSON_COMPACT);

    assert_string_equal(got, want);
    free(got);
}

static void reports_an_idle_peer(void **state)
{
    const struct bgp_fsm_options options = {
        .local_as = 64512, .asn = 64513, .peer_as = BGP_AS_IS, .family = {true, true}};
    const struct router_peer_view v = {
        .bgp = {.name = "tor",
                .key = {.interface = "", .vrf = "blue", .port = 1179},
                .address = ip_v4(0xc0000201),
                .state = BGP_STATE_ACTIVE,
                .options = &options,
                .counts = &counts,
                .routes = {.wanted = 7, .too_long = 1},
                .last_error = "connection refused"},
        .hint = "try it",
    };
    json_t *peer = peer_report(&v);

    (void)state;
    expect(peer,
           "{\"name\":\"tor\",\"address\":\"192.0.2.1\",\"vrf\":\"blue\",\"port\":1179,"
           "\"state\":\"Active\",\"sinceSeconds\":0,\"localASN\":64512,\"peerASN\":64513,"
           "\"offeredFamilies\":[\"ipv4\",\"ipv6\"],\"prefixesWanted\":7,\"prefixesSent\":0,"
           "\"prefixesTooLong\":1,\"prefixesReceived\":5,\"updatesSent\":0,\"updatesReceived\":4,"
           "\"established\":3,\"holdExpirations\":1,\"lastError\":\"connection refused\","
           "\"hint\":\"try it\",\"noNextHop\":{}}");
    json_decref(peer);
}

static void reports_a_session(void **state)
{
    struct mono now = mono_now(), before = mono_add(now, -100 * NS_PER_SEC);
    const struct bgp_fsm_options options = {.local_as = 64512, .peer_as = BGP_AS_EXTERNAL};
    const struct bgp_agreement agreement = {.keeps_routes = true,
                                            .peer_as = 64513,
                                            .family = {[BGP_IPV6] = true},
                                            .hold_s = 90,
                                            .keepalive_s = 30};
    const struct router_peer_view v = {
        .bgp = {.name = "spine",
                .key = {.interface = "eth0", .vrf = "", .port = 179},
                .local = ip_v4(0xc0000202),
                .state = BGP_STATE_ESTABLISHED,
                .since = before,
                .agreement = &agreement,
                .options = &options,
                .counts = &counts,
                .routes = {.wanted = 7, .sent = 6},
                .updates_sent = 2,
                .last_error = "",
                .no_next_hop = {[BGP_IPV4] = "no address"}},
        .has_bfd = true,
        .bfd = {.state = BFD_UP,
                .remote_state = BFD_UP,
                .since = before,
                .transmit_us = 300000,
                .detect_us = 900000,
                .downs = 2,
                .diagnostic = ""},
    };
    json_t *peer = peer_report(&v), *bfd = json_object_get(peer, "bfd");
    json_int_t since = json_integer_value(json_object_get(peer, "sinceSeconds"));

    (void)state;
    assert_true(since >= 100 && since < 200);
    json_object_del(peer, "sinceSeconds");
    json_object_del(bfd, "sinceSeconds");
    expect(peer,
           "{\"name\":\"spine\",\"interface\":\"eth0\",\"port\":179,"
           "\"localAddress\":\"192.0.2.2\",\"state\":\"Established\",\"localASN\":64512,"
           "\"peerASN\":64513,\"class\":\"eBGP\",\"families\":[\"ipv6\"],\"holdSeconds\":90,"
           "\"keepaliveSeconds\":30,\"gracefulRestart\":true,\"prefixesWanted\":7,"
           "\"prefixesSent\":6,\"prefixesTooLong\":0,\"prefixesReceived\":5,\"updatesSent\":2,"
           "\"updatesReceived\":4,\"established\":3,\"holdExpirations\":1,"
           "\"noNextHop\":{\"ipv4\":\"no address\"},\"bfd\":{\"state\":\"up\","
           "\"remoteState\":\"up\",\"transmitMicroseconds\":300000,\"detectMicroseconds\":900000,"
           "\"downs\":2}}");
    json_decref(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(lists_many),
        cmocka_unit_test(reports_some_routes),
        cmocka_unit_test(reports_an_idle_peer),
        cmocka_unit_test(reports_a_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
