/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_rib.h"

#include "base/mem.h"
#include "base/text.h"
#include "rib_message.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PEER = 3, OTHER = 9, HUGE_SET = 1100 };

static const bool both[BGP_FAMILIES] = {true, true};
static const bool only_v4[BGP_FAMILIES] = {true, false};

static const struct bgp_path path = {
    .as4 = true,
    .local_as = 64512,
    .next_hop = {{4, {192, 0, 2, 1}}, {16, {0x20, 0x01, 0x0d, 0xb8}}},
};

static struct prefix prefix_from(const char *text)
{
    struct prefix p;

    if (!prefix_parse(&p, text))
        fail_msg("%s is no prefix", text);
    return p;
}

static struct prefix nth(uint32_t n)
{
    return prefix_of(ip_v4(UINT32_C(0xc6120000) + n), 32);
}

/* --- the two sides --- */

/* An offer of those MEDs to PEER and OTHER; 0: none for that one. */
static struct bgp_offer *offer_med(struct bgp_rib *r, uint32_t peer, uint32_t other)
{
    struct bgp_share shares[2] = {{0}};
    size_t count = 0;

    if (peer != 0)
        shares[count++] = (struct bgp_share){PEER, {.med = peer}};
    if (other != 0)
        shares[count++] = (struct bgp_share){OTHER, {.med = other}};
    return bgp_offer_get(r, shares, count);
}

static void put(struct bgp_rib *r, struct prefix p, uint32_t peer, uint32_t other)
{
    struct bgp_offer *o = offer_med(r, peer, other);

    bgp_rib_put(r, p, o);
    bgp_offer_unref(r, o);
}

static void put_text(struct bgp_rib *r, const char *p, uint32_t peer)
{
    put(r, prefix_from(p), peer, 0);
}

static void put_huge(struct bgp_rib *r, const char *p, uint32_t med)
{
    CLEANUP(xfreep) struct bgp_community *communities = xcalloc(HUGE_SET, sizeof(*communities));
    struct bgp_share share = {PEER, {.med = med, .communities = communities}};
    struct bgp_offer *o;

    for (uint32_t i = 0; i < HUGE_SET; i++)
        communities[i] = (struct bgp_community){.a = i};
    share.attrs.community_count = HUGE_SET;
    o = bgp_offer_get(r, &share, 1);
    bgp_rib_put(r, prefix_from(p), o);
    bgp_offer_unref(r, o);
}

static bool next_message(struct bgp_rib *r, uint32_t peer, struct rib_message *ret)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    size_t len = bgp_rib_peer_next(r, peer, &path, bytes, sizeof(bytes));

    if (len == 0)
        return false;
    if (!rib_message_read(ret, bytes, len))
        fail_msg("a message of %zu bytes cannot be read", len);
    return true;
}

/* "7: 198.18.0.1/32 198.18.0.2/32; -: 198.18.0.3/32; ", announcements with their MED. */
static void read_message(struct text *t, const struct rib_message *m)
{
    if (m->withdraw)
        text_add(t, "-:");
    else
        text_printf(t, "%u:", m->med);
    for (size_t i = 0; i < m->count; i++)
        text_printf(t, " %s", prefix_format(m->prefixes[i]).s);
    text_add(t, "; ");
}

static void expect_one(struct bgp_rib *r, uint32_t peer, const char *want)
{
    CLEANUP(xfreep) struct rib_message *m = xmalloc(sizeof(*m));
    struct text t = {0};

    if (next_message(r, peer, m))
        read_message(&t, m);
    assert_string_equal(text_str(&t), want);
    text_done(&t);
}

static void expect(struct bgp_rib *r, uint32_t peer, const char *want)
{
    CLEANUP(xfreep) struct rib_message *m = xmalloc(sizeof(*m));
    struct text t = {0};

    while (next_message(r, peer, m))
        read_message(&t, m);
    assert_string_equal(text_str(&t), want);
    text_done(&t);
    assert_false(bgp_rib_peer_pending(r, peer));
}

static struct bgp_rib *rib_with_peer(void)
{
    struct bgp_rib *r = bgp_rib_new();

    bgp_rib_peer_up(r, PEER, both);
    return r;
}

/* --- what is sent --- */

static void tells_a_peer_what_is_there_when_it_comes_up(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = bgp_rib_new();

    (void)state;
    put_text(r, "198.18.0.1/32", 7);
    put_text(r, "2001:db8::1/128", 7);
    put_text(r, "198.18.0.2/32", 8);
    put_text(r, "198.18.0.3/32", 7);
    put(r, prefix_from("198.18.0.4/32"), 0, 7);
    assert_false(bgp_rib_peer_pending(r, PEER));
    bgp_rib_peer_up(r, PEER, both);
    assert_true(bgp_rib_peer_pending(r, PEER));
    expect(r, PEER, "7: 198.18.0.1/32 198.18.0.3/32; 8: 198.18.0.2/32; 7: 2001:db8::1/128; ");
    bgp_rib_peer_down(r, PEER);
    assert_false(bgp_rib_peer_pending(r, PEER));
    bgp_rib_peer_up(r, PEER, only_v4);
    expect(r, PEER, "7: 198.18.0.1/32 198.18.0.3/32; 8: 198.18.0.2/32; ");
    bgp_rib_peer_up(r, PEER, both); /* without a word of the session that ended */
    expect(r, PEER, "7: 198.18.0.1/32 198.18.0.3/32; 8: 198.18.0.2/32; 7: 2001:db8::1/128; ");
}

static void sends_announcements_before_withdrawals(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();

    (void)state;
    put_text(r, "198.18.0.1/32", 7);
    put_text(r, "2001:db8::1/128", 7);
    expect(r, PEER, "7: 198.18.0.1/32; 7: 2001:db8::1/128; ");
    bgp_rib_del(r, prefix_from("198.18.0.1/32"));
    bgp_rib_del(r, prefix_from("2001:db8::1/128"));
    put_text(r, "198.18.0.0/24", 7);
    put_text(r, "2001:db8::/64", 8);
    expect(r, PEER, "7: 198.18.0.0/24; 8: 2001:db8::/64; -: 198.18.0.1/32; -: 2001:db8::1/128; ");
}

static void says_nothing_of_what_was_taken_back(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();
    struct prefix known = prefix_from("198.18.0.1/32"), new = prefix_from("198.18.0.2/32");

    (void)state;
    put(r, known, 7, 0);
    expect(r, PEER, "7: 198.18.0.1/32; ");
    put(r, new, 7, 0);
    bgp_rib_del(r, new);
    assert_false(bgp_rib_peer_pending(r, PEER));
    bgp_rib_del(r, known);
    assert_true(bgp_rib_peer_pending(r, PEER));
    put(r, known, 7, 0);
    assert_false(bgp_rib_peer_pending(r, PEER));
    put(r, known, 8, 0);
    put(r, known, 7, 5); /* another offer, but the same for this peer */
    assert_false(bgp_rib_peer_pending(r, PEER));
    bgp_rib_del(r, new); /* unknown */
    expect(r, PEER, "");
}

static void tells_only_the_peers_that_a_change_concerns(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();
    struct prefix p = prefix_from("198.18.0.1/32");

    (void)state;
    bgp_rib_peer_up(r, OTHER, both);
    put(r, p, 7, 7);
    expect(r, PEER, "7: 198.18.0.1/32; ");
    expect(r, OTHER, "7: 198.18.0.1/32; ");
    put(r, p, 7, 8);
    assert_false(bgp_rib_peer_pending(r, PEER));
    expect(r, OTHER, "8: 198.18.0.1/32; ");
    put(r, p, 0, 8);
    assert_false(bgp_rib_peer_pending(r, OTHER));
    expect(r, PEER, "-: 198.18.0.1/32; ");
}

static void packs_messages(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();
    CLEANUP(xfreep) struct rib_message *m = xmalloc(sizeof(*m));
    size_t messages = 0, prefixes = 0;

    (void)state;
    for (uint32_t i = 0; i < 10000; i++)
        put(r, nth(i), 7 + i % 2, 0);
    for (; next_message(r, PEER, m); messages++)
        prefixes += m->count;
    assert_int_equal(prefixes, 10000);
    assert_in_range(messages, 14, 16); /* 5,000 of each, about 800 a message */
    for (uint32_t i = 0; i < 10000; i++)
        bgp_rib_del(r, nth(i));
    for (messages = prefixes = 0; next_message(r, PEER, m); messages++)
        prefixes += m->count;
    assert_int_equal(prefixes, 10000);
    assert_in_range(messages, 12, 14);
    assert_int_equal(bgp_rib_peer_counts(r, PEER).sent, 0);
}

static void finds_what_has_changed_among_many(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();
    CLEANUP(xfreep) struct rib_message *m = xmalloc(sizeof(*m));

    (void)state;
    for (uint32_t i = 0; i < 10000; i++)
        put(r, nth(i), 7, 0);
    while (next_message(r, PEER, m))
        assert_int_equal(m->med, 7);
    put(r, nth(9999), 8, 0);
    put(r, nth(5000), 8, 0);
    put(r, nth(63), 8, 0);
    put(r, nth(64), 8, 0);
    bgp_rib_del(r, nth(4096));
    expect(r, PEER,
           "8: 198.18.0.63/32 198.18.0.64/32 198.18.19.136/32 198.18.39.15/32; "
           "-: 198.18.16.0/32; ");
}

/* What has changed after its batch was made is skipped there, and comes with the next one. */
static void follows_changes_while_it_drains(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();

    (void)state;
    put_text(r, "198.18.0.9/32", 7);
    expect(r, PEER, "7: 198.18.0.9/32; ");
    bgp_rib_del(r, prefix_from("198.18.0.9/32"));
    put_text(r, "198.18.0.1/32", 7);
    put_text(r, "198.18.0.2/32", 8);
    put_text(r, "198.18.0.3/32", 8);
    put_text(r, "198.18.0.4/32", 8);
    expect_one(r, PEER, "7: 198.18.0.1/32; ");
    put_text(r, "198.18.0.1/32", 9);
    put_text(r, "198.18.0.2/32", 7);
    bgp_rib_del(r, prefix_from("198.18.0.3/32"));
    put_text(r, "198.18.0.5/32", 8); /* takes the place of 198.18.0.3 */
    expect_one(r, PEER, "8: 198.18.0.5/32 198.18.0.4/32; ");
    expect(r, PEER, "-: 198.18.0.9/32; 9: 198.18.0.1/32; 7: 198.18.0.2/32; ");
}

static void withdraws_a_family_without_next_hop(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();

    (void)state;
    put_text(r, "198.18.0.1/32", 7);
    put_text(r, "2001:db8::1/128", 7);
    bgp_rib_peer_allow(r, PEER, BGP_IPV6, false);
    expect(r, PEER, "7: 198.18.0.1/32; ");
    bgp_rib_peer_allow(r, PEER, BGP_IPV6, true);
    expect(r, PEER, "7: 2001:db8::1/128; ");
    bgp_rib_peer_allow(r, PEER, BGP_IPV6, false);
    bgp_rib_peer_allow(r, PEER, BGP_IPV6, true); /* with another next hop */
    expect(r, PEER, "7: 2001:db8::1/128; ");
    bgp_rib_peer_allow(r, PEER, BGP_IPV6, true);
    assert_false(bgp_rib_peer_pending(r, PEER));
    bgp_rib_peer_allow(r, PEER, BGP_IPV4, false);
    put_text(r, "198.18.0.2/32", 7);
    put_text(r, "2001:db8::2/128", 7);
    expect(r, PEER, "7: 2001:db8::2/128; -: 198.18.0.1/32; ");
    bgp_rib_peer_up(r, PEER, both); /* it stays so */
    expect(r, PEER, "7: 2001:db8::1/128 2001:db8::2/128; ");
    bgp_rib_peer_forget(r, PEER);
    bgp_rib_peer_up(r, PEER, both);
    put_text(r, "198.18.0.1/32", 7);
    expect(r, PEER, "7: 198.18.0.1/32; ");
}

static void tells_a_family_once_more(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();

    (void)state;
    put_text(r, "198.18.0.1/32", 7);
    put_text(r, "198.18.0.2/32", 7);
    put_text(r, "2001:db8::1/128", 7);
    expect(r, PEER, "7: 198.18.0.1/32 198.18.0.2/32; 7: 2001:db8::1/128; ");
    bgp_rib_peer_again(r, PEER, BGP_IPV4);
    bgp_rib_del(r, prefix_from("198.18.0.2/32"));
    put_text(r, "198.18.0.3/32", 7);
    expect(r, PEER, "7: 198.18.0.1/32 198.18.0.3/32; -: 198.18.0.2/32; ");
    bgp_rib_peer_again(r, PEER, BGP_IPV6);
    bgp_rib_del(r, prefix_from("2001:db8::1/128"));
    put_text(r, "2001:db8::1/128", 7); /* taken back, but to be told all the same */
    expect(r, PEER, "7: 2001:db8::1/128; ");
}

static void withdraws_what_no_longer_fits(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();
    struct prefix had = prefix_from("198.18.0.1/32");

    (void)state;
    put_text(r, "198.18.0.1/32", 7);
    expect(r, PEER, "7: 198.18.0.1/32; ");
    put_huge(r, "198.18.0.1/32", 8);
    put_huge(r, "198.18.0.2/32", 8);
    put_text(r, "198.18.0.3/32", 7);
    expect(r, PEER, "7: 198.18.0.3/32; -: 198.18.0.1/32; ");
    assert_int_equal(bgp_rib_peer_route(r, PEER, had, NULL), BGP_ROUTE_TOO_LONG);
    assert_int_equal(bgp_rib_peer_counts(r, PEER).wanted, 3);
    assert_int_equal(bgp_rib_peer_counts(r, PEER).sent, 1);
    assert_int_equal(bgp_rib_peer_counts(r, PEER).too_long, 2);
    bgp_rib_del(r, prefix_from("198.18.0.2/32"));
    assert_false(bgp_rib_peer_pending(r, PEER)); /* it never had that one */
    bgp_rib_peer_again(r, PEER, BGP_IPV4);
    expect(r, PEER, "7: 198.18.0.3/32; ");
    assert_int_equal(bgp_rib_peer_counts(r, PEER).too_long, 3);
    put_text(r, "198.18.0.1/32", 7);
    expect(r, PEER, "7: 198.18.0.1/32; ");
}

static void gives_no_old_route_to_a_new_peer(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();
    struct bgp_offer *old = offer_med(r, 7, 7), *fresh;

    (void)state;
    bgp_rib_put(r, nth(1), old);
    bgp_rib_peer_forget(r, PEER);
    bgp_rib_peer_up(r, PEER, both);
    bgp_rib_peer_up(r, OTHER, both);
    expect(r, PEER, "");
    expect(r, OTHER, "7: 198.18.0.1/32; ");
    bgp_rib_put(r, nth(2), old);
    expect(r, PEER, "");
    expect(r, OTHER, "7: 198.18.0.2/32; ");
    fresh = offer_med(r, 7, 7);
    assert_ptr_not_equal(fresh, old);
    bgp_rib_put(r, nth(1), fresh);
    expect(r, PEER, "7: 198.18.0.1/32; ");
    expect(r, OTHER, "");
    bgp_offer_unref(r, fresh);
    bgp_offer_unref(r, old);
}

static void makes_equal_offers_one(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = bgp_rib_new();
    struct bgp_community a[] = {{.a = 1}, {.kind = BGP_COMMUNITY_LARGE, .a = 1}},
                         b[] = {{.a = 1}, {.a = 2}};
    struct bgp_share x = {PEER, {.med = 7, .communities = a, .community_count = 2}};
    struct bgp_share y = x, z = x;
    struct bgp_offer *first = bgp_offer_get(r, &x, 1), *second, *third;

    (void)state;
    y.attrs.local_pref = 100; /* no value without has_local_pref */
    z.attrs.communities = b;
    second = bgp_offer_get(r, &y, 1);
    third = bgp_offer_get(r, &z, 1);
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, third);
    assert_null(bgp_offer_unref(r, first));
    assert_null(bgp_offer_unref(r, second));
    assert_null(bgp_offer_unref(r, third));
    assert_null(bgp_offer_unref(r, NULL));
}

/* Removed routes give their memory back, and with it slots their numbers, while peers are told. */
static void keeps_its_senses_when_it_shrinks(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();
    CLEANUP(xfreep) struct rib_message *m = xmalloc(sizeof(*m));

    (void)state;
    for (uint32_t i = 0; i < 5000; i++)
        put(r, nth(i), 7, 7);
    while (next_message(r, PEER, m))
        assert_false(m->withdraw);
    bgp_rib_peer_up(r, OTHER, both);
    assert_true(next_message(r, OTHER, m)); /* a batch is under way */
    for (uint32_t i = 0; i < 4997; i++)
        bgp_rib_del(r, nth(i));
    put(r, nth(4998), 8, 7);
    while (next_message(r, PEER, m) && m->withdraw == false)
        assert_int_equal(m->med, 8);
    while (next_message(r, PEER, m))
        assert_true(m->withdraw);
    expect_one(r, OTHER, "7: 198.18.19.133/32 198.18.19.134/32 198.18.19.135/32; ");
    while (next_message(r, OTHER, m))
        assert_true(m->withdraw);
    assert_int_equal(bgp_rib_count(r), 3);
    assert_int_equal(bgp_rib_peer_counts(r, PEER).sent, 3);
    assert_int_equal(bgp_rib_peer_counts(r, OTHER).sent, 3);
    bgp_rib_del(r, nth(4999));
    put(r, nth(1), 9, 9);
    expect(r, OTHER, "9: 198.18.0.1/32; -: 198.18.19.135/32; ");
}

static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2(); /* all 0 under a sanitizer */

    return m.uordblks + m.hblkhd;
}

static void costs_little_memory(void **state)
{
    CLEANUP(xfreep) struct rib_message *m = xmalloc(sizeof(*m));
    size_t before = heap_bytes();
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();

    (void)state;
    for (uint32_t i = 0; i < 10000; i++)
        put(r, nth(i), 7, 0);
    assert_true(next_message(r, PEER, m));
    assert_true(heap_bytes() - before < 512 * 1024); /* with the batch */
    while (next_message(r, PEER, m))
        assert_false(m->withdraw);
    for (uint32_t i = 0; i < 10000; i++)
        bgp_rib_del(r, nth(i));
    while (next_message(r, PEER, m))
        assert_true(m->withdraw);
    assert_true(heap_bytes() - before < 64 * 1024);
}

/* --- questions --- */

static void says_how_a_route_stands(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = bgp_rib_new();
    struct prefix v4 = prefix_from("198.18.0.1/32"), v6 = prefix_from("2001:db8::1/128");
    const struct bgp_attrs *attrs = NULL;

    (void)state;
    put(r, v4, 7, 0);
    put(r, v6, 7, 0);
    assert_int_equal(bgp_rib_peer_route(r, PEER, v4, &attrs), BGP_ROUTE_NO_SESSION);
    assert_int_equal(attrs->med, 7);
    assert_int_equal(bgp_rib_peer_route(r, PEER, nth(2), &attrs), BGP_ROUTE_ABSENT);
    assert_null(attrs);
    assert_int_equal(bgp_rib_peer_route(r, OTHER, v4, NULL), BGP_ROUTE_ABSENT);
    bgp_rib_peer_up(r, PEER, only_v4);
    assert_int_equal(bgp_rib_peer_route(r, PEER, v4, NULL), BGP_ROUTE_PENDING);
    assert_int_equal(bgp_rib_peer_route(r, PEER, v6, NULL), BGP_ROUTE_NO_FAMILY);
    expect(r, PEER, "7: 198.18.0.1/32; ");
    assert_int_equal(bgp_rib_peer_route(r, PEER, v4, NULL), BGP_ROUTE_SENT);
    bgp_rib_peer_again(r, PEER, BGP_IPV4);
    assert_int_equal(bgp_rib_peer_route(r, PEER, v4, NULL), BGP_ROUTE_PENDING);
    bgp_rib_peer_allow(r, PEER, BGP_IPV4, false);
    assert_int_equal(bgp_rib_peer_route(r, PEER, v4, NULL), BGP_ROUTE_NO_NEXT_HOP);
    bgp_rib_del(r, v4); /* still to be withdrawn, but no route any more */
    assert_int_equal(bgp_rib_peer_route(r, PEER, v4, NULL), BGP_ROUTE_ABSENT);
}

static void check_counts(const struct bgp_rib *r, size_t wanted, size_t sent)
{
    struct bgp_rib_peer_counts c = bgp_rib_peer_counts(r, PEER);

    assert_int_equal(c.wanted, wanted);
    assert_int_equal(c.sent, sent);
}

static void counts_routes(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = bgp_rib_new();

    (void)state;
    check_counts(r, 0, 0);
    put_text(r, "198.18.0.1/32", 7);
    put_text(r, "2001:db8::1/128", 7);
    put(r, nth(2), 0, 7);
    assert_int_equal(bgp_rib_count(r), 3);
    check_counts(r, 0, 0);
    bgp_rib_peer_up(r, PEER, only_v4);
    check_counts(r, 1, 0);
    expect(r, PEER, "7: 198.18.0.1/32; ");
    check_counts(r, 1, 1);
    put(r, nth(2), 7, 7);
    check_counts(r, 2, 1);
    bgp_rib_del(r, nth(1));
    check_counts(r, 1, 1);
    assert_int_equal(bgp_rib_count(r), 2);
    expect(r, PEER, "7: 198.18.0.2/32; -: 198.18.0.1/32; ");
    check_counts(r, 1, 1);
    bgp_rib_peer_down(r, PEER);
    check_counts(r, 0, 0);
}

static void add_prefix(void *arg, struct prefix p)
{
    text_printf(arg, "%s ", prefix_format(p).s);
}

static void lists_routes(void **state)
{
    CLEANUP(bgp_rib_freep) struct bgp_rib *r = rib_with_peer();
    struct text t = {0};

    (void)state;
    put_text(r, "198.18.0.1/32", 7);
    put_text(r, "198.18.0.0/24", 7);
    put_text(r, "2001:db8::/64", 7);
    expect(r, PEER, "7: 198.18.0.1/32 198.18.0.0/24; 7: 2001:db8::/64; ");
    bgp_rib_del(r, prefix_from("198.18.0.1/32"));
    bgp_rib_each(r, add_prefix, &t);
    assert_string_equal(text_str(&t), "198.18.0.0/24 2001:db8::/64 ");
    text_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_peer_what_is_there_when_it_comes_up),
        cmocka_unit_test(sends_announcements_before_withdrawals),
        cmocka_unit_test(says_nothing_of_what_was_taken_back),
        cmocka_unit_test(tells_only_the_peers_that_a_change_concerns),
        cmocka_unit_test(packs_messages),
        cmocka_unit_test(finds_what_has_changed_among_many),
        cmocka_unit_test(follows_changes_while_it_drains),
        cmocka_unit_test(withdraws_a_family_without_next_hop),
        cmocka_unit_test(tells_a_family_once_more),
        cmocka_unit_test(withdraws_what_no_longer_fits),
        cmocka_unit_test(gives_no_old_route_to_a_new_peer),
        cmocka_unit_test(makes_equal_offers_one),
        cmocka_unit_test(keeps_its_senses_when_it_shrinks),
        cmocka_unit_test(costs_little_memory),
        cmocka_unit_test(says_how_a_route_stands),
        cmocka_unit_test(counts_routes),
        cmocka_unit_test(lists_routes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
