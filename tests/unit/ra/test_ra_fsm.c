/* SPDX-License-Identifier: Apache-2.0 */
#include "ra/ra_fsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MS NS_PER_MS
#define S NS_PER_SEC

/* One interface under a clock that only moves when told to. */
struct bench {
    struct ra_fsm f;
    struct mono start, now, last_sent;
    unsigned advertised, solicited;
};

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(&ip, text));
    return ip;
}

static void take(struct bench *b, unsigned acts)
{
    if ((acts & RA_DO_ADVERTISE) != 0) {
        b->advertised++;
        b->last_sent = b->now;
    }
    if ((acts & RA_DO_SOLICIT) != 0)
        b->solicited++;
}

/* To `ns` after the start, by every deadline on the way. */
static void run_until(struct bench *b, int64_t ns)
{
    struct mono end = mono_add(b->start, ns);

    take(b, ra_fsm_tick(&b->f, b->now));
    while (mono_is_set(ra_fsm_deadline(&b->f)) && !mono_before(end, ra_fsm_deadline(&b->f))) {
        assert_true(mono_before(b->now, ra_fsm_deadline(&b->f))); /* else it would spin */
        b->now = ra_fsm_deadline(&b->f);
        take(b, ra_fsm_tick(&b->f, b->now));
    }
    b->now = end;
}

static struct bench begin(void)
{
    struct bench b = {.start = {1000 * S}, .now = {1000 * S}};

    ra_fsm_init(&b.f, 1);
    ra_fsm_start(&b.f, ip("fe80::1"), b.now);
    return b;
}

static enum ra_result hear(struct bench *b, const char *from, enum ra_kind kind)
{
    const uint8_t mac[RA_MAC_LEN] = {2};
    struct ra_packet p = {.from = ip(from), .hop_limit = RA_HOP_LIMIT};
    enum ra_result result;

    p.len = ra_write(p.bytes, kind, mac);
    result = ra_fsm_hear(&b->f, &p, b->now);
    take(b, ra_fsm_tick(&b->f, b->now));
    return result;
}

static void hear_router(struct bench *b, const char *from)
{
    assert_int_equal(hear(b, from, RA_ADVERTISEMENT), RA_ROUTER);
}

/* It has come after the quick ones of the start. */
static struct bench begin_with_router(void)
{
    struct bench b = begin();

    run_until(&b, 4 * S);
    hear_router(&b, "fe80::2");
    return b;
}

static void assert_router(const struct bench *b, const char *want)
{
    struct ip router = ra_fsm_router(&b->f);

    assert_string_equal(router.family != IP_NONE ? ip_format(router).s : "", want);
}

static void starts_quickly(void **state)
{
    struct bench b = begin();

    (void)state;
    run_until(&b, 0);
    assert_int_equal(b.advertised, 1);
    run_until(&b, 3 * S);
    assert_int_equal(b.advertised, 4);
    assert_int_equal(b.solicited, 4);
    run_until(&b, 3 * S + 8999 * MS);
    assert_int_equal(b.advertised, 4);
    run_until(&b, 13 * S);
    assert_int_equal(b.advertised, 5);
    run_until(&b, 1013 * S);
    assert_in_range(b.advertised, 104, 117);
    assert_int_equal(b.solicited, 4); /* nobody is there; its own quick ones will tell */
}

static void solicits_only_while_it_knows_no_router(void **state)
{
    struct bench b = begin();

    (void)state;
    run_until(&b, 1500 * MS);
    assert_int_equal(b.solicited, 2);
    hear_router(&b, "fe80::2");
    run_until(&b, 20 * S);
    assert_int_equal(b.solicited, 2);
}

static void answers_within_half_a_second(void **state)
{
    struct bench b = begin();
    unsigned before;

    (void)state;
    run_until(&b, 7 * S);
    before = b.advertised;
    assert_int_equal(hear(&b, "fe80::2", RA_SOLICITATION), RA_SOLICITED);
    run_until(&b, 7500 * MS);
    assert_int_equal(b.advertised, before + 1);
    assert_router(&b, ""); /* who solicits is no router yet */
}

static void answers_many_solicitations_rarely(void **state)
{
    struct bench b = begin();

    (void)state;
    for (int64_t t = 4 * S; t < 64 * S; t += 50 * MS) {
        struct mono sent = b.last_sent;

        run_until(&b, t);
        assert_int_equal(hear(&b, "fe80::2", RA_SOLICITATION), RA_SOLICITED);
        if (t > 5 * S && sent.ns != b.last_sent.ns)
            assert_true(mono_sub(b.last_sent, sent) >= 3 * S);
    }
    assert_in_range(b.advertised, 4 + 17, 4 + 21);
}

static void tells_a_new_router_about_us(void **state)
{
    struct bench b = begin();
    unsigned before;

    (void)state;
    run_until(&b, 7 * S);
    before = b.advertised;
    hear_router(&b, "fe80::2");
    run_until(&b, 7500 * MS);
    assert_int_equal(b.advertised, before + 1);
    hear_router(&b, "fe80::2");
    run_until(&b, 11 * S);
    assert_int_equal(b.advertised, before + 1);
}

static void follows_the_router_that_appeared_last(void **state)
{
    struct bench b = begin();

    (void)state;
    hear_router(&b, "fe80::2");
    assert_router(&b, "fe80::2");
    run_until(&b, 5 * S);
    hear_router(&b, "fe80::3"); /* another MAC address, say */
    assert_router(&b, "fe80::3");
    for (int64_t t = 6 * S; t < 100 * S; t += 5 * S) { /* both are there: no wavering */
        run_until(&b, t);
        hear_router(&b, t % (10 * S) == 6 * S ? "fe80::2" : "fe80::3");
        assert_router(&b, "fe80::3");
    }
    run_until(&b, 120 * S);
    hear_router(&b, "fe80::2"); /* from now on it is alone */
    run_until(&b, 130 * S);
    assert_router(&b, "fe80::2");
}

static void solicits_a_silent_router_before_it_is_gone(void **state)
{
    struct bench b = begin_with_router();
    unsigned before;

    (void)state;
    before = b.solicited;
    run_until(&b, 34 * S - 1);
    assert_int_equal(b.solicited, before);
    run_until(&b, 34 * S);
    assert_int_equal(b.solicited, before + 1);
    run_until(&b, 39 * S - 1);
    assert_int_equal(b.solicited, before + 5);
    assert_router(&b, "fe80::2");
    run_until(&b, 39 * S);
    assert_router(&b, "");
    run_until(&b, 100 * S);
    assert_int_equal(b.solicited, before + 5);
}

static void an_answer_keeps_a_router(void **state)
{
    struct bench b = begin_with_router();
    unsigned before;

    (void)state;
    before = b.solicited;
    run_until(&b, 35500 * MS);
    hear_router(&b, "fe80::2");
    run_until(&b, 65 * S);
    assert_router(&b, "fe80::2");
    assert_int_equal(b.solicited, before + 2);
}

/* A router that sends every 10 minutes says so by its lifetime. */
static void a_lifetime_keeps_a_router(void **state)
{
    struct bench b = begin();
    struct ra_packet p = {
        .from = ip("fe80::2"),
        .hop_limit = RA_HOP_LIMIT,
        .len = 16,
        .bytes = {134, [6] = 1800 >> 8, 1800 & 0xff},
    };
    unsigned before;

    (void)state;
    run_until(&b, 4 * S);
    assert_int_equal(ra_fsm_hear(&b.f, &p, b.now), RA_ROUTER);
    before = b.solicited;
    run_until(&b, 1804 * S - 1);
    assert_router(&b, "fe80::2");
    assert_int_equal(b.solicited, before);
    run_until(&b, 1809 * S);
    assert_router(&b, "");
}

static void many_senders_push_out_the_oldest(void **state)
{
    const char *const names[] = {"fe80::2", "fe80::3", "fe80::4", "fe80::5", "fe80::6", "fe80::7"};
    struct bench b = begin();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        run_until(&b, (int64_t)i * S);
        hear_router(&b, names[i]);
        assert_router(&b, names[i]);
    }
    assert_int_equal(b.f.sender_count, RA_SENDERS_MAX);
    hear_router(&b, "fe80::4"); /* still known */
    assert_router(&b, "fe80::7");
    hear_router(&b, "fe80::2"); /* new again */
    assert_router(&b, "fe80::2");
}

static void stopping_forgets(void **state)
{
    struct bench b = begin_with_router();
    unsigned before;

    (void)state;
    before = b.advertised;
    ra_fsm_stop(&b.f);
    assert_router(&b, "");
    assert_false(mono_is_set(ra_fsm_deadline(&b.f)));
    assert_int_equal(hear(&b, "fe80::2", RA_ADVERTISEMENT), RA_DROP_STOPPED);
    run_until(&b, 60 * S);
    assert_int_equal(b.advertised, before);
    ra_fsm_start(&b.f, ip("fe80::1"), b.now);
    run_until(&b, 63 * S);
    assert_int_equal(b.advertised, before + 4);
}

static void another_address_is_told_quickly(void **state)
{
    struct bench b = begin_with_router();
    unsigned advertised, solicited;

    (void)state;
    run_until(&b, 8 * S);
    advertised = b.advertised;
    solicited = b.solicited;
    ra_fsm_start(&b.f, ip("fe80::11"), b.now);
    run_until(&b, 11 * S);
    assert_int_equal(b.advertised, advertised + 4);
    assert_int_equal(b.solicited, solicited);
    assert_router(&b, "fe80::2");
    assert_int_equal(hear(&b, "fe80::11", RA_ADVERTISEMENT), RA_DROP_OWN);
}

static const struct {
    const char *name, *from;
    uint8_t hop_limit;
    size_t len;
    uint8_t bytes[24];
    enum ra_result want;
} packets[] = {
    {"advertisement", "fe80::2", 255, 16, {134}, RA_ROUTER},
    {"over a router", "fe80::2", 64, 16, {134}, RA_DROP_HOP_LIMIT},
    {"over one router", "fe80::2", 254, 16, {134}, RA_DROP_HOP_LIMIT},
    {"our own", "fe80::1", 255, 16, {134}, RA_DROP_OWN},
    {"from a global address", "2001:db8::2", 255, 16, {134}, RA_DROP_SENDER},
    {"from no address", "::", 255, 16, {134}, RA_DROP_SENDER},
    {"cut short", "fe80::2", 255, 15, {134}, RA_DROP_MALFORMED},
    {"redirect", "fe80::2", 255, 16, {137}, RA_DROP_OTHER},
    {"solicitation", "fe80::2", 255, 8, {133}, RA_SOLICITED},
    {"solicitation from a global address", "2001:db8::2", 255, 8, {133}, RA_SOLICITED},
    {"solicitation without address", "::", 255, 8, {133}, RA_SOLICITED},
    {"without address, with MAC", "::", 255, 16, {[0] = 133, [8] = 1, 1}, RA_DROP_SENDER},
    {"solicitation over a router", "fe80::2", 64, 8, {133}, RA_DROP_HOP_LIMIT},
};

static void takes_valid_packets_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
        struct bench b = begin();
        struct ra_packet p = {
            .from = ip(packets[i].from), .hop_limit = packets[i].hop_limit, .len = packets[i].len};
        enum ra_result result;

        memcpy(p.bytes, packets[i].bytes, sizeof(packets[i].bytes));
        result = ra_fsm_hear(&b.f, &p, b.now);
        if (result != packets[i].want)
            fail_msg("%s: %s", packets[i].name, ra_result_name(result));
        if ((ra_fsm_router(&b.f).family != IP_NONE) != (result == RA_ROUTER))
            fail_msg("%s: router", packets[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_quickly),
        cmocka_unit_test(solicits_only_while_it_knows_no_router),
        cmocka_unit_test(answers_within_half_a_second),
        cmocka_unit_test(answers_many_solicitations_rarely),
        cmocka_unit_test(tells_a_new_router_about_us),
        cmocka_unit_test(follows_the_router_that_appeared_last),
        cmocka_unit_test(solicits_a_silent_router_before_it_is_gone),
        cmocka_unit_test(an_answer_keeps_a_router),
        cmocka_unit_test(a_lifetime_keeps_a_router),
        cmocka_unit_test(many_senders_push_out_the_oldest),
        cmocka_unit_test(stopping_forgets),
        cmocka_unit_test(another_address_is_told_quickly),
        cmocka_unit_test(takes_valid_packets_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
