/* SPDX-License-Identifier: Apache-2.0 */
/* BGPPeer and BFDProfile as the engines take them: spec speaker-bgp 0.1, 3.2, 3.3, 9. */
#include "speaker/router_int.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What a real BFD engine starts from; it is not part of this test. */
struct bfd_params bfd_params_default(void)
{
    return (struct bfd_params){300000, 300000, 50000, 3, 254, false, false};
}

static struct ip ip(const char *text)
{
    struct ip a;

    assert_true(ip_parse(&a, text));
    return a;
}

static struct opt_duration ms(int64_t n)
{
    return (struct opt_duration){.set = true, .ns = n * NS_PER_MS};
}

static void change_nothing(struct peer *p)
{
    (void)p;
}

static void make_ibgp(struct peer *p)
{
    p->peer_asn = p->my_asn;
}

static void make_multihop(struct peer *p)
{
    p->ebgp_multi_hop = true;
}

static void make_secure(struct peer *p)
{
    p->ttl_security_hops = 1;
}

static void make_unnumbered(struct peer *p)
{
    p->address = (struct ip){0};
    p->interface = "eth7";
}

static void make_unnumbered_multihop(struct peer *p)
{
    make_unnumbered(p);
    p->ebgp_multi_hop = true;
}

static void make_v6(struct peer *p)
{
    p->address = ip("2001:db8::2");
}

static void make_dual_v4(struct peer *p)
{
    p->dual_stack_address_family = true;
}

static void make_dual_v6(struct peer *p)
{
    make_v6(p);
    p->dual_stack_address_family = true;
}

static void set_local_as(struct peer *p)
{
    p->local_asn = 64520;
}

static void set_same_local_as(struct peer *p)
{
    p->local_asn = p->my_asn;
}

static void make_internal_by_local_as(struct peer *p)
{
    p->local_asn = p->peer_asn;
}

static void make_internal(struct peer *p)
{
    p->peer_asn = 0;
    p->dynamic_asn = ASN_INTERNAL;
}

static void make_external(struct peer *p)
{
    p->peer_asn = 0;
    p->dynamic_asn = ASN_EXTERNAL;
}

static void set_timers(struct peer *p)
{
    p->hold_time = ms(57900);
    p->keepalive_time = ms(13000);
    p->connect_time = ms(10000);
}

static void set_no_timers(struct peer *p)
{
    p->hold_time = p->keepalive_time = ms(0);
}

static void set_short_keepalive(struct peer *p)
{
    p->hold_time = ms(3000);
    p->keepalive_time = ms(300);
}

static void set_no_keepalive(struct peer *p)
{
    p->hold_time = ms(30000);
    p->keepalive_time = ms(0);
}

static void set_port_and_id(struct peer *p)
{
    p->port = 1179;
    p->router_id = ip("192.0.2.9");
    p->source_address = ip("198.18.0.1");
    p->graceful_restart = true;
}

static void set_null_id(struct peer *p)
{
    p->router_id = ip("0.0.0.0");
}

static void set_vrf_and_password(struct peer *p)
{
    p->vrf = "red";
    p->password = "secret";
}

static const struct {
    const char *name;
    void (*change)(struct peer *p);
    const char *want;
} rows[] = {
    {"plain eBGP", change_nothing, "198.18.0.2:179 as 64512 is 64500 ttl 1 180/60 v4 id 16"},
    {"iBGP", make_ibgp, "198.18.0.2:179 as 64512 is 64512 ttl 255 180/60 v4 id 16"},
    {"multihop", make_multihop, "198.18.0.2:179 as 64512 is 64500 ttl 255 180/60 v4 id 16"},
    {"GTSM", make_secure, "198.18.0.2:179 as 64512 is 64500 ttl 255>=255 180/60 v4 id 16"},
    {"unnumbered", make_unnumbered, "eth7:179 as 64512 is 64500 ttl 1 180/60 v4 v6 8950 id 16"},
    {"unnumbered ignores multihop", make_unnumbered_multihop,
     "eth7:179 as 64512 is 64500 ttl 1 180/60 v4 v6 8950 id 16"},
    {"IPv6", make_v6, "2001:db8::2:179 as 64512 is 64500 ttl 1 180/60 v6 id 16"},
    {"both over IPv4", make_dual_v4, "198.18.0.2:179 as 64512 is 64500 ttl 1 180/60 v4 v6 id 16"},
    {"both over IPv6", make_dual_v6,
     "2001:db8::2:179 as 64512 is 64500 ttl 1 180/60 v4 v6 8950 id 16"},
    {"localASN", set_local_as, "198.18.0.2:179 as 64512/64520 is 64500 ttl 1 180/60 v4 id 16"},
    {"localASN is myASN", set_same_local_as,
     "198.18.0.2:179 as 64512 is 64500 ttl 1 180/60 v4 id 16"},
    {"localASN makes it internal", make_internal_by_local_as,
     "198.18.0.2:179 as 64512/64500 is 64500 ttl 255 180/60 v4 id 16"},
    {"internal", make_internal, "198.18.0.2:179 as 64512 internal ttl 255 180/60 v4 id 16"},
    {"external", make_external, "198.18.0.2:179 as 64512 external ttl 1 180/60 v4 id 16"},
    {"timers are cut to seconds", set_timers,
     "198.18.0.2:179 as 64512 is 64500 ttl 1 57/13 connect 10 v4 id 16"},
    {"no timers", set_no_timers, "198.18.0.2:179 as 64512 is 64500 ttl 1 0/0 v4 id 16"},
    {"a keepalive below 1 s", set_short_keepalive,
     "198.18.0.2:179 as 64512 is 64500 ttl 1 3/1 v4 id 16"},
    {"a keepalive of 0 with a hold time", set_no_keepalive,
     "198.18.0.2:179 as 64512 is 64500 ttl 1 30/10 v4 id 16"},
    {"port, id, source, graceful", set_port_and_id,
     "198.18.0.2:1179 from 198.18.0.1 as 64512 is 64500 ttl 1 180/60 v4 id 3221225993 gr 120"},
    {"id 0.0.0.0 is none", set_null_id, "198.18.0.2:179 as 64512 is 64500 ttl 1 180/60 v4 id 16"},
    {"VRF and password", set_vrf_and_password,
     "198.18.0.2:179 vrf red as 64512 is 64500 ttl 1 180/60 v4 id 16 password secret"},
};

static void print_as(struct text *t, const struct bgp_fsm_options *o)
{
    text_printf(t, " as %u", o->my_as);
    if (o->local_as != o->my_as)
        text_printf(t, "/%u", o->local_as);
    switch (o->peer_as) {
    case BGP_AS_IS:
        text_printf(t, " is %u", o->asn);
        return;
    case BGP_AS_INTERNAL:
        text_add(t, " internal");
        return;
    case BGP_AS_EXTERNAL:
        text_add(t, " external");
        return;
    }
}

static void print_options(struct text *t, const struct bgp_peer_options *o)
{
    bool numbered = o->key.address.family != IP_NONE;

    assert_int_equal(numbered, str_empty(o->key.interface));
    text_printf(t, "%s:%u", numbered ? ip_format(o->key.address).s : o->key.interface, o->key.port);
    if (o->key.source.family != IP_NONE)
        text_printf(t, " from %s", ip_format(o->key.source).s);
    if (o->key.vrf[0] != '\0')
        text_printf(t, " vrf %s", o->key.vrf);
    print_as(t, &o->fsm);
    text_printf(t, " ttl %u", o->ttl);
    if (o->min_ttl > 0)
        text_printf(t, ">=%u", o->min_ttl);
    text_printf(t, " %u/%u", o->fsm.hold_s, o->fsm.keepalive_s);
    if (o->fsm.connect_s != 0)
        text_printf(t, " connect %u", o->fsm.connect_s);
    text_add(t, o->fsm.family[BGP_IPV4] ? " v4" : "");
    text_add(t, o->fsm.family[BGP_IPV6] ? " v6" : "");
    text_add(t, o->fsm.v4_over_v6 ? " 8950" : "");
    text_printf(t, " id %u", o->fsm.id);
    if (o->fsm.graceful)
        text_printf(t, " gr %u", o->fsm.restart_s);
    if (o->password[0] != '\0')
        text_printf(t, " password %s", o->password);
}

static void test_options(void **state)
{
    struct router_defaults d;

    (void)state;
    assert_true(router_defaults_of(&d, "frr-k8s"));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct peer p = {.name = "tor",
                         .my_asn = 64512,
                         .peer_asn = 64500,
                         .address = ip("198.18.0.2"),
                         .interface = ""};
        struct bgp_peer_options o;
        struct text t = {0};

        rows[i].change(&p);
        router_peer_options(
            &o, &p, &(struct router_place){.address = p.address, .id = 16, .node = "node-a"}, &d);
        print_options(&t, &o);
        if (strcmp(text_str(&t), rows[i].want) != 0)
            fail_msg("%s: %s, not %s", rows[i].name, text_str(&t), rows[i].want);
        assert_string_equal(o.fsm.hostname, "node-a");
        assert_true(o.fsm.dials);
        text_done(&t);
    }
}

static void test_place(void **state)
{
    struct peer p = {.name = "tor", .my_asn = 1, .peer_asn = 2, .interface = "eth7"};
    struct router_place place = {.address = ip("198.18.0.2"),
                                 .id = 1,
                                 .forwarding = true,
                                 .refused = "no",
                                 .node = "a-name-that-is-longer-than-the-64-bytes-of-a-label-which-"
                                         "the-capability-takes"};
    struct router_defaults d = {0};
    struct bgp_peer_options o;

    (void)state;
    router_peer_options(&o, &p, &place, &d);
    /* The other end of a /31 makes it a numbered peer that carries both families. */
    assert_true(ip_eq(o.key.address, place.address));
    assert_string_equal(o.key.interface, "");
    assert_true(o.fsm.family[BGP_IPV4] && o.fsm.family[BGP_IPV6] && !o.fsm.v4_over_v6);
    assert_true(o.fsm.forwarding);
    assert_string_equal(o.refused, "no");
    assert_int_equal(strlen(o.fsm.hostname), 64);
}

static const struct {
    const char *type;
    bool good;
    struct router_defaults want;
} types[] = {
    {"native", true, {90, 30, 64}}, {"frr", true, {180, 60, 1}}, {"frr-k8s", true, {180, 60, 1}},
    {"", true, {180, 60, 1}},       {NULL, true, {180, 60, 1}},  {"quagga", false, {0}},
};

static void test_defaults(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct router_defaults d = {0};

        assert_int_equal(router_defaults_of(&d, types[i].type), types[i].good);
        assert_int_equal(d.hold_s, types[i].want.hold_s);
        assert_int_equal(d.keepalive_s, types[i].want.keepalive_s);
        assert_int_equal(d.ebgp_ttl, types[i].want.ebgp_ttl);
    }
}

static void test_bfd_params(void **state)
{
    struct bfd_profile none = {0}, all = {.receive_interval = {true, 60},
                                          .transmit_interval = {true, 61},
                                          .echo_interval = {true, 62},
                                          .detect_multiplier = {true, 5},
                                          .minimum_ttl = {true, 250},
                                          .echo_mode = true,
                                          .passive_mode = true};
    struct bfd_params defaults = bfd_params_default(), p = router_bfd_params(&none, false);

    (void)state;
    assert_true(router_bfd_params_eq(&p, &defaults));
    p = router_bfd_params(&all, false);
    assert_true(
        router_bfd_params_eq(&p, &(struct bfd_params){60000, 61000, 62000, 5, 250, true, true}));
    p = router_bfd_params(&all, true);
    assert_false(p.echo);
}

static const struct {
    const char *own;
    uint8_t len;
    const char *want;
} ends[] = {
    {"198.18.0.0", 31, "198.18.0.1"}, {"198.18.0.1", 31, "198.18.0.0"},
    {"198.18.0.1", 30, "198.18.0.2"}, {"198.18.0.6", 30, "198.18.0.5"},
    {"198.18.0.4", 30, ""},           {"198.18.0.7", 30, ""},
    {"198.18.0.1", 29, ""},           {"198.18.0.1", 32, ""},
    {"2001:db8::", 31, ""},
};

static void test_other_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        struct ip got = router_other_end(ip(ends[i].own), ends[i].len);

        assert_string_equal(got.family == IP_NONE ? "" : ip_format(got).s, ends[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),   cmocka_unit_test(test_place),
        cmocka_unit_test(test_defaults),  cmocka_unit_test(test_bfd_params),
        cmocka_unit_test(test_other_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
