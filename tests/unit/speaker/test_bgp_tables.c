/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From MetalLB's objects to sessions and routes: the steps of its own tests (spec speaker-bgp 7.1),
 * one after the other on one router.
 */
#include "bgp_stage.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void add_session(void *arg, const struct router_peer_view *v)
{
    struct text *t = arg;

    text_printf(t, "%s%s@%s", t->len > 0 ? " " : "", v->bgp.name,
                ip_format(fake_peer(v->bgp.name)->key.address).s);
}

static void expect_sessions(struct stage *s, const char *step, const char *want)
{
    CLEANUP(text_done) struct text t = {0};

    router_each_peer(s->router, add_session, &t);
    stage_expect(step, "sessions", text_str(&t), want);
}

/* --- TestBGPSpeakerEPSlices --- */

/* iBGP, so that local preferences are seen. */
#define PEER(name, address)                                                                        \
    "peer " name " {'myASN':100,'peerASN':100,'peerAddress':'" address "'}\n"
#define P1 PEER("peer1", "1.2.3.4")
#define P2 PEER("peer2", "1.2.3.5")
#define POOL                                                                                       \
    "pool default {'addresses':['10.20.30.0/24']}\nnode iris {}\nnode pandora {'host':'pandora'}\n"
#define HERE "'nodeSelectors':[{'matchLabels':{'host':'pandora'}}]"
#define THERE "'nodeSelectors':[{'matchExpressions':[{'key':'host','operator':'DoesNotExist'}]}]"
#define ADV "bgp adv1 {'ipAddressPools':['default']," HERE "}\n"
#define LONG "bgp adv1 {'localPref':100,'communities':['0:1234','0:2345']," HERE "}\n"
#define LONG_P1                                                                                    \
    "bgp adv1 {'localPref':100,'communities':['0:1234','0:2345'],'peers':['peer1']," HERE "}\n"
#define SHORT(nodes) "bgp adv2 {'localPref':1000,'aggregationLength':24," nodes "}\n"

#define CLUSTER(endpoints)                                                                         \
    {                                                                                              \
        "LoadBalancer", "Cluster", "10.20.30.1", endpoints, NULL                                   \
    }
#define LOCAL(endpoints)                                                                           \
    {                                                                                              \
        "LoadBalancer", "Local", "10.20.30.1", endpoints, NULL                                     \
    }
#define SECOND(ip)                                                                                 \
    {                                                                                              \
        "LoadBalancer", "Cluster", ip, "iris/r", NULL                                              \
    }
#define ONE "peer1@1.2.3.4"
#define BOTH "peer1@1.2.3.4 peer2@1.2.3.5"

static const struct {
    const char *name, *config; /* NULL: as before */
    struct stage_service services[STAGE_SERVICES];
    const char *sessions, *routes;
} slices[] = {
    {"1 no configuration", NULL, {CLUSTER("iris/r")}, "", ""},
    {"2 a configuration, no Service", POOL ADV P1, {{0}}, ONE, ""},
    {"3 not a load balancer",
     NULL,
     {{"ClusterIP", "Cluster", "10.20.30.1", "iris/r", NULL}},
     ONE,
     ""},
    {"4 Cluster", NULL, {CLUSTER("iris/r")}, ONE, "10.20.30.1/32 peer1"},
    {"5 Local, endpoint elsewhere", NULL, {LOCAL("iris/r")}, ONE, ""},
    {"6 Local, both", NULL, {LOCAL("iris/r|pandora/r")}, ONE, "10.20.30.1/32 peer1"},
    {"7 not ready and ready", NULL, {LOCAL("pandora/n|pandora/r")}, ONE, "10.20.30.1/32 peer1"},
    {"8 no slices", NULL, {CLUSTER("")}, ONE, ""},
    {"9 none ready", NULL, {CLUSTER("iris/n")}, ONE, ""},
    {"10 one ready", NULL, {CLUSTER("iris/r pandora/n")}, ONE, "10.20.30.1/32 peer1"},
    {"11 serving", NULL, {CLUSTER("iris/s")}, ONE, "10.20.30.1/32 peer1"},
    {"12 ready, not serving", NULL, {CLUSTER("iris/x")}, ONE, "10.20.30.1/32 peer1"},
    {"13 two advertisements",
     POOL LONG SHORT(HERE) P1,
     {CLUSTER("iris/r")},
     ONE,
     "10.20.30.0/24 peer1 lp=1000\n10.20.30.1/32 peer1 lp=100 0:1234 0:2345"},
    {"14 the second one is for iris",
     POOL LONG SHORT(THERE) P1,
     {CLUSTER("iris/r")},
     ONE,
     "10.20.30.1/32 peer1 lp=100 0:1234 0:2345"},
    {"15 the first one is for peer1",
     POOL LONG_P1 SHORT(HERE) P1,
     {CLUSTER("iris/r")},
     ONE,
     "10.20.30.0/24 peer1 lp=1000\n10.20.30.1/32 peer1 lp=100 0:1234 0:2345"},
    {"16 two peers", POOL ADV P1 P2, {CLUSTER("iris/r")}, BOTH, "10.20.30.1/32 peer2, peer1"},
    {"17 a second Service without address",
     NULL,
     {CLUSTER("iris/r"), SECOND(NULL)},
     BOTH,
     "10.20.30.1/32 peer2, peer1"},
    {"18 it gets one",
     NULL,
     {CLUSTER("iris/r"), SECOND("10.20.30.5")},
     BOTH,
     "10.20.30.1/32 peer2, peer1\n10.20.30.5/32 peer2, peer1"},
    {"19 it shares that of the first",
     NULL,
     {CLUSTER("iris/r"), SECOND("10.20.30.1")},
     BOTH,
     "10.20.30.1/32 peer2, peer1"},
    {"20 the first is deleted",
     NULL,
     {{0}, SECOND("10.20.30.1")},
     BOTH,
     "10.20.30.1/32 peer2, peer1"},
    {"21 the second peer under the first one's name",
     POOL ADV PEER("peer1", "1.2.3.5"),
     {{0}, SECOND("10.20.30.1")},
     "peer1@1.2.3.5",
     "10.20.30.1/32 peer1"},
    {"22 the second is deleted", NULL, {{0}}, "peer1@1.2.3.5", ""},
};

static void test_slices(void **state)
{
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(slices); i++) {
        if (slices[i].config != NULL)
            stage_configure(s, slices[i].name, slices[i].config, 0);
        for (size_t k = 0; k < STAGE_SERVICES; k++)
            stage_evaluate(s, k, &slices[i].services[k]);
        expect_sessions(s, slices[i].name, slices[i].sessions);
        stage_expect(slices[i].name, "routes", fake_routes(), slices[i].routes);
    }
}

/* --- TestNodeSelectors --- */

#define EVERYWHERE P1
#define SELECTED(selectors)                                                                        \
    "peer peer2 {'myASN':100,'peerASN':100,'peerAddress':'2.3.4.5','nodeSelectors':[" selectors    \
    "]}\n"
#define FOO_BAR "{'matchLabels':{'foo':'bar'}}"
#define FOO_IN "{'matchExpressions':[{'key':'foo','operator':'In','values':['bar','baz']}]}"
#define FRONTEND "{'matchLabels':{'host':'frontend'}}"
#define SELF(labels) "node pandora {" labels "}\n"
#define TWO "peer1@1.2.3.4 peer2@2.3.4.5"

static const struct {
    const char *name, *config, *sessions;
} selectors[] = {
    {"1 no configuration", NULL, ""},
    /* MetalLB starts peer1 before it knows the node; here a node is one that has a Node object. */
    {"2 the node is unknown", EVERYWHERE, ""},
    {"2 the node is known", EVERYWHERE SELF(""), ONE},
    {"3 a peer that selects others", EVERYWHERE SELECTED(FOO_BAR) SELF(""), ONE},
    {"4 foo=bar", EVERYWHERE SELECTED(FOO_BAR) SELF("'foo':'bar'"), TWO},
    {"5 foo=baz", EVERYWHERE SELECTED(FOO_BAR) SELF("'foo':'baz'"), ONE},
    {"6 foo in (bar,baz)", EVERYWHERE SELECTED(FOO_IN) SELF("'foo':'baz'"), TWO},
    {"7 foo=bar", EVERYWHERE SELECTED(FOO_IN) SELF("'foo':'bar'"), TWO},
    {"8 two selectors", EVERYWHERE SELECTED(FRONTEND "," FOO_IN) SELF("'foo':'bar'"), TWO},
    {"9 the other one", EVERYWHERE SELECTED(FRONTEND "," FOO_IN) SELF("'host':'frontend'"), TWO},
    {"neither", EVERYWHERE SELECTED(FRONTEND "," FOO_IN) SELF(""), ONE},
};

static void test_node_selectors(void **state)
{
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
        if (selectors[i].config != NULL)
            stage_configure(s, selectors[i].name, selectors[i].config, 0);
        expect_sessions(s, selectors[i].name, selectors[i].sessions);
    }
}

/* --- TestPeersForService --- */

#define POOLS                                                                                      \
    "node pandora {}\npool pool1 {'addresses':['10.20.30.0/24']}\n"                                \
    "pool pool2 {'addresses':['10.20.40.0/24']}\nbgp adv2 {'ipAddressPools':['pool2']}\n"
#define ADV_1 "bgp adv1 {'ipAddressPools':['pool1']}\n"
#define ADV_1_P1 "bgp adv1 {'ipAddressPools':['pool1'],'peers':['peer1']}\n"
#define SERVICE(ip)                                                                                \
    {                                                                                              \
        "LoadBalancer", "Cluster", ip, "pandora/r", NULL                                           \
    }

static const struct {
    const char *name, *config; /* NULL: as before */
    struct stage_service services[STAGE_SERVICES];
    const char *peers[STAGE_SERVICES];
    bool told[STAGE_SERVICES]; /* that its peers have changed; more than once in a turn is once */
} peers_of_services[] = {
    {"1 configuration", POOLS ADV_1 P1 P2, {{0}}, {"", ""}, {false, false}},
    {"2 first", NULL, {SERVICE("10.20.30.1")}, {"peer1,peer2", ""}, {true, false}},
    {"3 second",
     NULL,
     {SERVICE("10.20.30.1"), SERVICE("10.20.40.1")},
     {"peer1,peer2", "peer1,peer2"},
     {false, true}},
    {"4 the first one's advertisement lists peer1",
     POOLS ADV_1_P1 P1 P2,
     {SERVICE("10.20.30.1"), SERVICE("10.20.40.1")},
     {"peer1", "peer1,peer2"},
     {true, false}},
    {"the same again",
     NULL,
     {SERVICE("10.20.30.1"), SERVICE("10.20.40.1")},
     {"peer1", "peer1,peer2"},
     {false, false}},
    {"5 first is deleted", NULL, {{0}, SERVICE("10.20.40.1")}, {"", "peer1,peer2"}, {true, false}},
    {"6 peer1 is deleted",
     POOLS ADV_1_P1 P2,
     {{0}, SERVICE("10.20.40.1")},
     {"", "peer2"},
     {false, true}},
};

static void test_peers_of_services(void **state)
{
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(peers_of_services); i++) {
        const char *name = peers_of_services[i].name;

        memset(s->changed, 0, sizeof(s->changed));
        if (peers_of_services[i].config != NULL)
            stage_configure(s, name, peers_of_services[i].config, 0);
        for (size_t k = 0; k < STAGE_SERVICES; k++)
            stage_evaluate(s, k, &peers_of_services[i].services[k]);
        event_base_loop(s->base, EVLOOP_NONBLOCK);
        for (size_t k = 0; k < STAGE_SERVICES; k++) {
            const struct string_list list =
                router_holder_peers(s->router, &s->holders[k], s->f.arena);

            stage_expect(name, "peers", fixture_join(&s->f, &list), peers_of_services[i].peers[k]);
            if (s->changed[k] != peers_of_services[i].told[k])
                fail_msg("%s: service %zu: told is %d", name, k + 1, s->changed[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_slices, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_node_selectors, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_peers_of_services, stage_set_up, stage_tear_down),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
