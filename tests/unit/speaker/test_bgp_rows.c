/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What MetalLB's tests of its FRR and FRR-K8s modes find in a written configuration, as the one
 * engine is told it: which peers, which options, which attributes for whom (spec speaker-bgp 7.3,
 * 7.4, changes-0.16.2 13), and rows of its end-to-end tests that concern one node (7.5).
 *
 * Two things are otherwise, and tested in config: the same peer under two names is refused, where
 * MetalLB makes it one neighbor, and profiles of BFD are of no interest while no peer uses them.
 */
#include "bgp_stage.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The node is on the network of most peers; its own router ID would be that of the loopback. */
static int set_up(void **state)
{
    fake_link_put("lo", 1, "10.1.1.254/32");
    fake_link_put("eth0", 2, "10.2.2.1/24 2001:db8:2::1/64 fe80::1/64");
    return stage_set_up(state);
}

/* --- peers --- */

static void add_as(struct text *t, const struct bgp_fsm_options *o)
{
    text_printf(t, " %u", o->my_as);
    if (o->local_as != o->my_as)
        text_printf(t, "/%u", o->local_as);
    switch (o->peer_as) {
    case BGP_AS_IS:
        text_printf(t, ">%u", o->asn);
        return;
    case BGP_AS_INTERNAL:
        text_add(t, ">internal");
        return;
    case BGP_AS_EXTERNAL:
        text_add(t, ">external");
        return;
    }
}

static void add_options(struct text *t, const struct bgp_peer_options *o)
{
    const struct bgp_peer_key *k = &o->key;

    text_printf(t, " %s", k->address.family == IP_NONE ? k->interface : ip_format(k->address).s);
    if (k->port != 179)
        text_printf(t, ":%u", k->port);
    if (!str_empty(k->vrf))
        text_printf(t, "%%%s", k->vrf);
    add_as(t, &o->fsm);
    text_printf(t, " ttl %u %u/%u", o->ttl, o->fsm.hold_s, o->fsm.keepalive_s);
    if (o->fsm.connect_s != 0)
        text_printf(t, " connect %u", o->fsm.connect_s);
    text_printf(t, "%s%s%s", o->fsm.family[BGP_IPV4] ? " v4" : "",
                o->fsm.family[BGP_IPV6] ? " v6" : "", o->fsm.v4_over_v6 ? " 8950" : "");
    text_printf(t, " id %s", ip_format(ip_v4(o->fsm.id)).s);
    if (k->source.family != IP_NONE)
        text_printf(t, " from %s", ip_format(k->source).s);
    text_add(t, o->fsm.graceful ? " graceful" : "");
    if (!str_empty(o->password))
        text_printf(t, " password %s", o->password);
}

static void add_peer(void *arg, const struct router_peer_view *v)
{
    struct text *t = arg;

    text_printf(t, "%s%s", t->len > 0 ? "\n" : "", v->bgp.name);
    add_options(t, fake_peer(v->bgp.name));
}

#define HERE "node pandora {}\n"
#define PEER(name, fields) "peer " name " {" fields "}\n"
#define AS(mine, theirs) "'myASN':" mine ",'peerASN':" theirs
#define AT(address) ",'peerAddress':'" address "'"
#define TIMES ",'holdTime':'3s','keepaliveTime':'1s'"
#define SOURCE ",'sourceAddress':'10.1.1.254'"
#define ID(id) ",'routerID':'" id "'"
#define BASE TIMES SOURCE ID("10.1.1.254") ",'password':'password'"
#define V4 AT("10.2.2.254")
#define V6 AT("2001:db8:2::254")
#define DUAL ",'dualStackAddressFamily':true"
#define RED ",'vrf':'red'"
#define MULTIHOP ",'ebgpMultiHop':true"

#define TOLD " id 10.1.1.254 from 10.1.1.254 password password"

static const struct {
    const char *name, *config, *want;
} sessions[] = {
    {"SingleEBGPSessionMultiHop", PEER("a", AS("100", "200") V4 BASE MULTIHOP),
     "a 10.2.2.254 100>200 ttl 255 3/1 v4" TOLD},
    {"SingleEBGPSessionOneHop", PEER("a", AS("100", "200") AT("127.0.0.2") BASE),
     "a 127.0.0.2 100>200 ttl 1 3/1 v4" TOLD},
    {"SingleIPv6EBGPSessionOneHop", PEER("a", AS("100", "200") V6 TIMES),
     "a 2001:db8:2::254 100>200 ttl 1 3/1 v6 id 10.1.1.254"},
    {"SingleIBGPSession", PEER("a", AS("100", "100") V4 BASE),
     "a 10.2.2.254 100>100 ttl 255 3/1 v4" TOLD},
    {"SingleIPv6IBGPSession", PEER("a", AS("100", "100") V6 TIMES ",'connectTime':'1s'"),
     "a 2001:db8:2::254 100>100 ttl 255 3/1 connect 1 v6 id 10.1.1.254"},
    {"SingleSessionClose", "", ""},
    {"SingleSessionWithGracefulRestart",
     PEER("a", AS("100", "200") V4 ",'enableGracefulRestart':true"),
     "a 10.2.2.254 100>200 ttl 1 180/60 v4 id 10.1.1.254 graceful"},
    {"SingleSessionWithLocalASN", PEER("a", AS("100", "200") V4 ",'localASN':65410" TIMES),
     "a 10.2.2.254 100/65410>200 ttl 1 3/1 v4 id 10.1.1.254"},
    {"TwoSessions",
     PEER("a", AS("100", "200") V4 BASE)
         PEER("b", AS("300", "400") AT("10.4.4.255") ID("10.3.3.254") TIMES),
     "a 10.2.2.254 100>200 ttl 1 3/1 v4" TOLD "\n"
     "b 10.4.4.255 300>400 ttl 1 3/1 v4 id 10.3.3.254"},
    {"TwoIPv6Sessions",
     PEER("a", AS("100", "200") V6 TIMES)
         PEER("b", AS("300", "400") AT("2001:db8:4::255") ID("10.3.3.254") TIMES),
     "a 2001:db8:2::254 100>200 ttl 1 3/1 v6 id 10.1.1.254\n"
     "b 2001:db8:4::255 300>400 ttl 1 3/1 v6 id 10.3.3.254"},
    {"IPv4AndIPv6SessionsDualStackFamily",
     PEER("a", AS("100", "200") V6 DUAL TIMES) PEER("b", AS("100", "200") V4 DUAL TIMES),
     "a 2001:db8:2::254 100>200 ttl 1 3/1 v4 v6 8950 id 10.1.1.254\n"
     "b 10.2.2.254 100>200 ttl 1 3/1 v4 v6 id 10.1.1.254"},
    {"TwoSessionsDuplicateRouter",
     PEER("a", AS("100", "200") V4 BASE) PEER("b", AS("100", "400") AT("10.4.4.255") BASE),
     "a 10.2.2.254 100>200 ttl 1 3/1 v4" TOLD "\nb 10.4.4.255 100>400 ttl 1 3/1 v4" TOLD},
    {"SingleSessionWithNoTimers", PEER("a", AS("100", "200") V4),
     "a 10.2.2.254 100>200 ttl 1 180/60 v4 id 10.1.1.254"},
    {"SingleSessionWithZeroTimers",
     PEER("a", AS("100", "200") V4 ",'holdTime':'0s','keepaliveTime':'0s'"),
     "a 10.2.2.254 100>200 ttl 1 0/0 v4 id 10.1.1.254"},
    {"SingleSessionWithInternalASN", PEER("a", "'myASN':100,'dynamicASN':'internal'" V4),
     "a 10.2.2.254 100>internal ttl 255 180/60 v4 id 10.1.1.254"},
    {"SingleSessionWithExternalASN", PEER("a", "'myASN':100,'dynamicASN':'external'" V4),
     "a 10.2.2.254 100>external ttl 1 180/60 v4 id 10.1.1.254"},
    {"UnnumberedSession", PEER("a", "'myASN':100,'dynamicASN':'external','interface':'net0'" TIMES),
     "a net0 100>external ttl 1 3/1 v4 v6 8950 id 10.1.1.254"},
    {"SingleSessionWithInterface",
     PEER("a", "'myASN':100,'dynamicASN':'internal','interface':'net0'"),
     "a net0 100>internal ttl 255 180/60 v4 v6 8950 id 10.1.1.254"},
    {"a port, and a source",
     PEER("a", AS("100", "200") V4 SOURCE ",'peerPort':1179") PEER("b", AS("100", "200") V4),
     "a 10.2.2.254:1179 100>200 ttl 1 180/60 v4 id 10.1.1.254 from 10.1.1.254\n"
     "b 10.2.2.254 100>200 ttl 1 180/60 v4 id 10.1.1.254"},
    {"VRFSingleEBGPSessionMultiHop", PEER("a", AS("100", "200") V4 RED BASE MULTIHOP),
     "a 10.2.2.254%red 100>200 ttl 255 3/1 v4" TOLD},
    {"SingleVRFIBGPSession", PEER("a", AS("100", "100") V4 RED BASE),
     "a 10.2.2.254%red 100>100 ttl 255 3/1 v4" TOLD},
    {"TwoSessionsOneVRF",
     PEER("a", AS("100", "200") V4 BASE)
         PEER("b", AS("300", "400") AT("10.4.4.255") ID("10.3.3.254") RED TIMES),
     "a 10.2.2.254 100>200 ttl 1 3/1 v4" TOLD "\n"
     "b 10.4.4.255%red 300>400 ttl 1 3/1 v4 id 10.3.3.254"},
    {"TwoSessionsSameIPVRF",
     PEER("a", AS("100", "200") V4 BASE) PEER("b", AS("300", "400") V4 ID("10.3.3.254") RED TIMES),
     "a 10.2.2.254 100>200 ttl 1 3/1 v4" TOLD "\n"
     "b 10.2.2.254%red 300>400 ttl 1 3/1 v4 id 10.3.3.254"},
    /* There is no loopback in the VRF, so the ID there is that of the node. */
    {"TwoSessionsSameIPRouterIDASNVRF",
     PEER("a", AS("100", "200") V4) PEER("b", AS("100", "200") V4 RED),
     "a 10.2.2.254 100>200 ttl 1 180/60 v4 id 10.1.1.254\n"
     "b 10.2.2.254%red 100>200 ttl 1 180/60 v4 id 198.18.0.1"},
    {"my AS is another one on each node",
     "node iris {'n':'1'}\n" PEER("a", AS("64513", "200") V4 ",'nodeSelectors':[{'matchLabels':"
                                                             "{'n':'1'}}]")
         PEER("b", AS("64512", "200") V4 ",'nodeSelectors':[{'matchExpressions':[{'key':'n',"
                                         "'operator':'DoesNotExist'}]}]"),
     "b 10.2.2.254 64512>200 ttl 1 180/60 v4 id 10.1.1.254"},
};

static void test_sessions(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(sessions); i++) {
        CLEANUP(text_done) struct text t = {0}, lines = {0};
        struct stage *s = *state;

        text_printf(&lines, HERE "%s", sessions[i].config);
        stage_configure(s, sessions[i].name, text_str(&lines), 0);
        router_each_peer(s->router, add_peer, &t);
        stage_expect(sessions[i].name, "peers", text_str(&t), sessions[i].want);
    }
}

/* --- BFD --- */

#define FOO                                                                                        \
    "bfd foo {'receiveInterval':60,'transmitInterval':70,'detectMultiplier':5,"                    \
    "'echoInterval':90,'minimumTtl':60}\n"
#define WITH(profile) ",'bfdProfile':'" profile "'"

static const struct {
    const char *name, *config, *want; /* since the last row */
} profiles[] = {
    {"BFDProfileNoSessions", FOO "bfd bar {}\n", ""},
    {"BFDWithSession", FOO PEER("a", AS("100", "200") V4 SOURCE WITH("foo")),
     "bfd join 10.2.2.254 from 10.1.1.254 dev 2 60000/70000 x5 ttl 60"},
    {"BFDProfileCornerCases",
     "bfd foo {'echoMode':true,'passiveMode':true}\n" PEER("a",
                                                           AS("100", "200") V4 SOURCE WITH("foo")),
     "bfd change 300000/300000 x3 ttl 254 echo passive"},
    {"BFDProfileAllDefault", "bfd foo {}\n" PEER("a", AS("100", "200") V4 SOURCE WITH("foo")),
     "bfd change 300000/300000 x3 ttl 254"},
    {"another profile of the same content",
     "bfd bar {}\n" PEER("a", AS("100", "200") V4 SOURCE WITH("bar")), ""},
    {"BFDProfileThenDelete", PEER("a", AS("100", "200") V4 SOURCE), "bfd leave"},
    {"multihop", "bfd foo {}\n" PEER("a", AS("100", "200") V4 WITH("foo") MULTIHOP),
     "bfd join 10.2.2.254 multihop 0 300000/300000 x3 ttl 254"},
    {"the peer is deleted", FOO, "bfd leave; peers"},
};

static void test_profiles(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
        CLEANUP(text_done) struct text lines = {0};
        const char *told;

        text_printf(&lines, HERE "%s", profiles[i].config);
        (void)fake_calls();
        stage_configure(*state, profiles[i].name, text_str(&lines), 0);
        told = strstr(fake_calls(), "bfd ");
        stage_expect(profiles[i].name, "BFD", told != NULL ? told : "", profiles[i].want);
    }
}

/* --- advertisements --- */

#define EXT PEER("ext", AS("100", "200") V4)
#define INT PEER("int", AS("100", "100") AT("10.2.2.253"))
#define POOL "pool all {'addresses':['172.16.1.0/24','2001:db8:16::/64']}\n"
#define TEN "pool ten {'addresses':['172.16.1.10/32']}\n"
#define ELEVEN "pool eleven {'addresses':['172.16.1.11/32']}\n"
#define OF(pool) "'ipAddressPools':['" pool "']"
#define TAGS(tags) ",'communities':[" tags "]"
#define SERVICE(ip)                                                                                \
    {                                                                                              \
        "LoadBalancer", "Cluster", ip, "iris/r", NULL                                              \
    }
#define LABELLED(ip, labels)                                                                       \
    {                                                                                              \
        "LoadBalancer", "Cluster", ip, "iris/r", labels                                            \
    }
#define FOR(labels) ",'serviceSelectors':[{'matchLabels':{" labels "}}]"
#define P_TEN "172.16.1.10/32"
#define P_ELEVEN "172.16.1.11/32"

static const struct {
    const char *name, *config; /* NULL: as before */
    struct stage_service services[STAGE_SERVICES];
    const char *routes;
} advertisements[] = {
    {"SingleAdvertisement",
     POOL EXT INT
     "bgp a {" OF("all") ",'aggregationLength':24,'localPref':300,'asPathPrepend':3" TAGS(
         "'3333:4444','1111:2222'") "}\n",
     {SERVICE("172.16.1.10")},
     "172.16.1.0/24 int lp=300 1111:2222 3333:4444, ext pp=3 1111:2222 3333:4444"},
    {"SingleAdvertisementStop", NULL, {{0}}, ""},
    {"SingleAdvertisementChange",
     POOL EXT "bgp a {" OF("all") "}\n",
     {SERVICE("172.16.1.10")},
     P_TEN " ext"},
    {"SingleAdvertisementChange, to", NULL, {SERVICE("172.16.1.11")}, P_ELEVEN " ext"},
    {"TwoAdvertisements",
     TEN ELEVEN EXT "bgp a {" OF("ten") TAGS("'1111:2222'") "}\nbgp b {" OF("eleven") "}\n",
     {SERVICE("172.16.1.10"), SERVICE("172.16.1.11")},
     P_TEN " ext 1111:2222\n" P_ELEVEN " ext"},
    {"TwoAdvertisementsDuplicate",
     NULL,
     {SERVICE("172.16.1.10"), SERVICE("172.16.1.10")},
     P_TEN " ext 1111:2222"},
    {"TwoAdvertisementsTwoSessions",
     TEN ELEVEN EXT INT "bgp a {" OF("ten") ",'asPathPrepend':5" TAGS(
         "'1111:2222'") "}\n"
                        "bgp b {" OF("eleven") ",'localPref':2" TAGS("'2222:3333'") "}\n",
     {SERVICE("172.16.1.10"), SERVICE("172.16.1.11")},
     P_TEN " int 1111:2222, ext pp=5 1111:2222\n" P_ELEVEN " int lp=2 2222:3333, ext 2222:3333"},
    {"TwoAdvertisementsWithSamePrefix",
     TEN EXT INT "bgp a {" OF("ten") ",'peers':['ext']" TAGS(
         "'1111:2222'") "}\n"
                        "bgp b {" OF("ten") ",'peers':['int']" TAGS("'1111:2222'") "}\n",
     {SERVICE("172.16.1.10")},
     P_TEN " int 1111:2222, ext 1111:2222"},
    {"LargeCommunities",
     POOL INT "bgp a {" OF("all") ",'localPref':300" TAGS(
         "'large:2222:3333:4444','1111:2222','large:1111:2222:3333'") "}\n",
     {SERVICE("172.16.1.10")},
     P_TEN " int lp=300 large:1111:2222:3333 large:2222:3333:4444 1111:2222"},
    {"TwoAdvertisementsTwoSessionsOneVRF",
     TEN ELEVEN EXT PEER("red", AS("300", "400") V4 RED) "bgp a {" OF("ten")
         TAGS("'1111:2222'") "}\nbgp b {" OF("eleven") "}\n",
     {SERVICE("172.16.1.10"), SERVICE("172.16.1.11")},
     P_TEN " red 1111:2222, ext 1111:2222\n" P_ELEVEN " red, ext"},

    /* 7.5 */
    {"overlapping advertisements",
     POOL EXT "bgp a {" OF("all") TAGS("'65000:200'") "}\nbgp b {" OF("all")
         TAGS("'65000:100'") "}\n",
     {SERVICE("172.16.1.10")},
     P_TEN " ext 65000:100 65000:200"},
    {"alias of a well-known community",
     POOL EXT "community c {'communities':[{'name':'NO_ADVERTISE','value':'65535:65282'}]}\n"
              "bgp a {" OF("all") TAGS("'NO_ADVERTISE'") "}\n",
     {SERVICE("172.16.1.10")},
     P_TEN " ext 65535:65282"},
    {"two advertisements, two peers",
     POOL EXT INT "bgp a {" OF("all") ",'peers':['ext']" TAGS(
         "'65531:65281'") "}\n"
                          "bgp b {" OF("all") ",'peers':['int']" TAGS("'65532:65282'") "}\n",
     {SERVICE("172.16.1.10")},
     P_TEN " int 65532:65282, ext 65531:65281"},
    {"outside the list of peers",
     TEN ELEVEN EXT INT "bgp a {" OF("ten") ",'peers':['ext']}\n"
                                            "bgp b {" OF("eleven") ",'peers':['int']}\n",
     {SERVICE("172.16.1.10"), SERVICE("172.16.1.11")},
     P_TEN " ext\n" P_ELEVEN " int"},
    {"the lists are removed",
     TEN ELEVEN EXT INT "bgp a {" OF("ten") "}\nbgp b {" OF("eleven") "}\n",
     {SERVICE("172.16.1.10"), SERVICE("172.16.1.11")},
     P_TEN " int, ext\n" P_ELEVEN " int, ext"},
    {"an aggregate beside the address of one Service",
     POOL EXT "bgp a {" OF("all")
         FOR("'env':'prod'") "}\n"
                             "bgp b {" OF("all") ",'aggregationLength':24}\n",
     {LABELLED("172.16.1.10", "env=prod"), LABELLED("172.16.1.11", "env=staged")},
     "172.16.1.0/24 ext\n" P_TEN " ext"},
    {"a community of one Service beside that of all",
     POOL EXT "bgp a {" OF("all") TAGS("'65000:300'")
         FOR("'env':'prod'") "}\n"
                             "bgp b {" OF("all") TAGS("'65000:400'") "}\n",
     {LABELLED("172.16.1.10", "env=prod"), LABELLED("172.16.1.11", "env=staged")},
     P_TEN " ext 65000:300 65000:400\n" P_ELEVEN " ext 65000:400"},
    {"a community of each",
     POOL EXT "bgp a {" OF("all") TAGS("'65000:300'")
         FOR("'env':'prod'") "}\n"
                             "bgp b {" OF("all") TAGS("'65000:400'") FOR("'env':'staged'") "}\n",
     {LABELLED("172.16.1.10", "env=prod"), LABELLED("172.16.1.11", "env=staged")},
     P_TEN " ext 65000:300\n" P_ELEVEN " ext 65000:400"},
    {"the labels are exchanged",
     NULL,
     {LABELLED("172.16.1.10", "env=staged"), LABELLED("172.16.1.11", "env=prod")},
     P_TEN " ext 65000:400\n" P_ELEVEN " ext 65000:300"},
    {"another label", NULL, {LABELLED("172.16.1.10", "env=test"), {0}}, ""},
    {"pool and Service must both match",
     TEN ELEVEN EXT "bgp a {" OF("ten") FOR("'env':'prod'") "}\n",
     {LABELLED("172.16.1.10", "env=prod"), LABELLED("172.16.1.11", "env=prod")},
     P_TEN " ext"},
    {"neither matches",
     NULL,
     {LABELLED("172.16.1.10", "env=test"), LABELLED("172.16.1.11", "env=test")},
     ""},
    {"a prefix of IPv6",
     POOL PEER("six", AS("100", "100") V6) INT
     "bgp a {" OF("all") ",'aggregationLengthV6':124,'localPref':200" TAGS("'123:456'") "}\n",
     {SERVICE("2001:db8:16::1a"), SERVICE("172.16.1.10")},
     P_TEN " int lp=200 123:456\n2001:db8:16::10/124 six lp=200 123:456"},
    {"both over one session",
     POOL PEER("six", AS("100", "100") V6 DUAL) "bgp a {" OF("all") ",'localPref':50" TAGS(
         "'65535:65282'") "}\n",
     {SERVICE("2001:db8:16::1a"), SERVICE("172.16.1.10")},
     P_TEN " six lp=50 65535:65282\n2001:db8:16::1a/128 six lp=50 65535:65282"},
};

static void evaluate_all(struct stage *s, const struct stage_service *services)
{
    for (size_t k = 0; k < STAGE_SERVICES; k++)
        stage_evaluate(s, k, &services[k]);
}

static void test_advertisements(void **state)
{
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(advertisements); i++) {
        CLEANUP(text_done) struct text lines = {0};

        if (advertisements[i].config != NULL) {
            text_printf(&lines, HERE "%s", advertisements[i].config);
            stage_configure(s, advertisements[i].name, text_str(&lines), 0);
        }
        evaluate_all(s, advertisements[i].services);
        stage_expect(advertisements[i].name, "routes", fake_routes(), advertisements[i].routes);
    }
}

/* The order in which objects come, and Services are looked at, is of no account. */
static void test_any_order(void **state)
{
    enum { SHUFFLES = 100 };
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(advertisements); i++) {
        CLEANUP(text_done) struct text lines = {0};

        if (advertisements[i].config == NULL)
            continue;
        text_printf(&lines, HERE "%s", advertisements[i].config);
        for (unsigned seed = 1; seed <= SHUFFLES; seed++) {
            stage_configure(s, advertisements[i].name, text_str(&lines), seed);
            for (size_t k = 0; k < STAGE_SERVICES; k++) {
                size_t at = (k + seed) % STAGE_SERVICES;

                stage_evaluate(s, at, &advertisements[i].services[at]);
            }
            stage_expect(advertisements[i].name, "routes", fake_routes(), advertisements[i].routes);
        }
    }
    (void)fake_route_calls();
}

/* ManyAdvertisementsSameCommunity: what is told of all of them is told once. */
static void test_same_community(void **state)
{
    enum { MANY = 10 };
    struct stage *s = *state;
    char holders[MANY];

    stage_configure(s, "ManyAdvertisementsSameCommunity",
                    HERE POOL EXT "bgp a {" OF("all") TAGS("'1111:2222'") "}\n", 0);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct prefix p = {ip_v4(0xac100100 + i), 32};
        const struct bgp_ad ad = {p, s->cfg->pools[0].bgp[0]};

        router_put(s->router, &holders[i], &ad, 1, false);
    }
    assert_int_equal(fake_route_count(), MANY);
    assert_int_equal(fake_offer_count(), 1);
    for (size_t i = 0; i < MANY; i++)
        router_drop(s->router, &holders[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_sessions),  TEST(test_profiles),       TEST(test_advertisements),
        TEST(test_any_order), TEST(test_same_community),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
