/* SPDX-License-Identifier: Apache-2.0 */
/* L2 attachments and scores (spec 8.1), and what must hold for every snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "world.h"

#define POOL "pool p {'addresses':['192.0.2.0/24']} {'tier':'a'}\n"
#define AB "node a {'n':'a'}\nnode b {'n':'b'}\nnode c {'n':'c'}\n"
#define ON(x, y) "'nodeSelectors':[{'matchLabels':{'n':'" x "'}},{'matchLabels':{'n':'" y "'}}]"
#define ON_AB ON("a", "b")
#define APP(x) "'serviceSelectors':[{'matchLabels':{'app':'" x "'}}]"
#define APPS(x, y)                                                                                 \
    "'serviceSelectors':[{'matchLabels':{'app':'" x "'}},{'matchLabels':{'app':'" y "'}}]"
#define PREFERS_A "'preferredNodeSelectors':[{'weight':5,'preference':{'matchLabels':{'n':'a'}}}]"

/* One attachment with both names, or two. */
static const struct world_row equivalence[] = {
    {"other order of nodes and interfaces",
     POOL AB "l2 x {" ON_AB ",'interfaces':['eth0','eth1']}\n"
             "l2 y {" ON("b", "a") ",'interfaces':['eth1','eth0']}\nl2 z {" ON("c", "c2") "}\n",
     NULL,
     {"(1)\n  l2 x names=[x,y] nodes=[a,b] interfaces=[eth0,eth1] services=[] scores=none\n"
      "  l2 z names=[z] nodes=[c]"}},
    {"other nodes",
     POOL AB "l2 x {" ON_AB "}\nl2 y {" ON("b", "c") "}\n",
     NULL,
     {"l2 x names=[x]", "l2 y names=[y]"}},
    {"fewer interfaces",
     POOL AB "l2 x {'interfaces':['eth0','eth1']}\nl2 y {'interfaces':['eth1']}\n",
     NULL,
     {"l2 x names=[x]", "l2 y names=[y]"}},
    {"all interfaces",
     POOL AB "l2 x {'interfaces':['eth0']}\nl2 y {}\n",
     NULL,
     {"l2 x names=[x]", "l2 y names=[y]"}},
    {"same selector",
     POOL AB "l2 x {" APP("nginx") "}\nl2 y {" APP("nginx") "}\n",
     NULL,
     {"l2 x names=[x,y]"}},
    {"other selector",
     POOL AB "l2 x {" APP("nginx") "}\nl2 y {" APP("apache") "}\n",
     NULL,
     {"l2 x names=[x]", "l2 y names=[y]"}},
    {"no selector and one",
     POOL AB "l2 x {}\nl2 y {" APP("nginx") "}\n",
     NULL,
     {"l2 x names=[x]", "l2 y names=[y]"}},
    {"same two selectors, in another order",
     POOL AB "l2 x {" APPS("apache", "nginx") "}\nl2 y {" APPS("nginx", "apache") "}\n",
     NULL,
     {"l2 x names=[x,y] nodes=[a,b,c] interfaces=[] services=[app=apache; app=nginx]"}},
    {"equal scores",
     POOL AB "l2 x {" PREFERS_A "}\nl2 y {" PREFERS_A "}\n",
     NULL,
     {"l2 x names=[x]", "l2 y names=[y]"}},
    {"scores on the first",
     POOL AB "l2 x {" PREFERS_A "}\nl2 y {}\n",
     NULL,
     {"l2 x names=[x]", "l2 y names=[y]"}},
    {"scores on the second",
     POOL AB "l2 x {}\nl2 y {" PREFERS_A "}\n",
     NULL,
     {"l2 x names=[x]", "l2 y names=[y]"}},
    {"a preference without effect is no score",
     POOL AB "l2 x {" ON("b", "c") "}\nl2 y {" ON("b", "c") "," PREFERS_A "}\n",
     NULL,
     {"l2 x names=[x,y]"}},
    {"identical", POOL AB "l2 x {}\nl2 y {}\nl2 z {}\n", NULL, {"l2 x names=[x,y,z]"}},
    {"equal, but not for the same pools",
     "pool p {'addresses':['192.0.2.0/24']}\npool q {'addresses':['198.51.100.0/24']}\n"
     "l2 x {'ipAddressPools':['p']}\nl2 y {}\nl2 z {'ipAddressPools':['q']}\n",
     NULL,
     {"192.0.2.0/24(1)\n  l2 x names=[x,y]", "198.51.100.0/24(1)\n  l2 y names=[y,z]"}},
};

#define FOUR                                                                                       \
    "node edge-a {'role':'edge','zone':'primary'}\nnode edge-b {'role':'edge'}\n"                  \
    "node worker-a {'role':'worker','zone':'primary'}\nnode worker-b {'role':'worker'}\n"
#define PREFER(weight, key, value)                                                                 \
    "{'weight':" weight ",'preference':{'matchLabels':{'" key "':'" value "'}}}"
#define L2(more) POOL FOUR "l2 x {" more "}\n"

static const struct world_row preferred[] = {
    {"none", L2(""), NULL, {"scores=none"}},
    {"one",
     L2("'preferredNodeSelectors':[" PREFER("100", "role", "edge") "]"),
     NULL,
     {"scores=edge-a:100,edge-b:100,worker-a:0,worker-b:0"}},
    {"two add up",
     L2("'preferredNodeSelectors':[" PREFER("60", "zone", "primary") "," PREFER("50", "role",
                                                                                "edge") "]"),
     NULL,
     {"scores=edge-a:110,edge-b:50,worker-a:60,worker-b:0"}},
    {"eligible nodes only",
     L2("'nodeSelectors':[{'matchLabels':{'role':'edge'}}],'preferredNodeSelectors':[" PREFER(
         "100", "zone", "primary") "]"),
     NULL,
     {"nodes=[edge-a,edge-b] interfaces=[] services=[] "
      "scores=edge-a:100,edge-b:0,worker-a:0,worker-b:0"}},
    {"everything",
     L2("'preferredNodeSelectors':[{'weight':10,'preference':{}}]"),
     NULL,
     {"scores=edge-a:10,edge-b:10,worker-a:10,worker-b:10"}},
    {"nothing",
     L2("'preferredNodeSelectors':[" PREFER("50", "role", "gpu") "]"),
     NULL,
     {"scores=none"}},
    {"disjoint",
     L2("'preferredNodeSelectors':[" PREFER("40", "role", "edge") "," PREFER("70", "role",
                                                                             "worker") "]"),
     NULL,
     {"scores=edge-a:40,edge-b:40,worker-a:70,worker-b:70"}},
    {"with a Service selector",
     L2(APP("web") ",'preferredNodeSelectors':[" PREFER("1", "role", "edge") "]"),
     NULL,
     {"services=[app=web] scores=edge-a:1"}},
    {"no eligible node is preferred",
     L2("'nodeSelectors':[{'matchLabels':{'role':'worker'}}],'preferredNodeSelectors':[" PREFER(
         "50", "role", "edge") "]"),
     NULL,
     {"nodes=[worker-a,worker-b] interfaces=[] services=[] scores=none"}},
    {"by name and by selector",
     L2("'ipAddressPools':['p'],'ipAddressPoolSelectors':[{'matchLabels':{'tier':'a'}}],"
        "'preferredNodeSelectors':[" PREFER("50", "role", "edge") "]") "bfd z {}\n",
     NULL,
     {"(1)\n  l2 x names=[x] nodes=[edge-a,edge-b,worker-a,worker-b] interfaces=[] services=[] "
      "scores=edge-a:50,edge-b:50,worker-a:0,worker-b:0\nbfd z"}},
    {"two objects",
     L2("'preferredNodeSelectors':[" PREFER(
         "70", "role", "edge") "]") "l2 y {'preferredNodeSelectors':[" PREFER("30", "role",
                                                                              "edge") "]}\n",
     NULL,
     {"scores=edge-a:70", "scores=edge-a:30"}},
    {"weights cannot overflow",
     L2("'preferredNodeSelectors':[" PREFER("9223372036854775807", "role", "edge") "," PREFER(
         "9223372036854775807", "role", "edge") "]"),
     NULL,
     {"scores=edge-a:9223372036854775807"}},
};

static void check_rows(const struct world_row *rows, size_t count)
{
    size_t failed = 0;

    for (size_t i = 0; i < count; i++)
        failed += !world_check(&rows[i]);
    assert_int_equal(failed, 0);
}

static void equal_l2_advs_attach_once(void **state)
{
    (void)state;
    check_rows(equivalence, ARRAY_SIZE(equivalence));
}

static void preferences_become_scores(void **state)
{
    (void)state;
    check_rows(preferred, ARRAY_SIZE(preferred));
}

static const char house[] =
    "node n1 {'rack':'1'}\nnode n2 {'rack':'2'}\nnode n3 {'rack':'1'}\n"
    "ns red {'team':'a'}\nns green {'team':'a'}\nns blue {}\n"
    "pool p1 {'addresses':['192.0.2.0/25','2001:db8:1::/64'],'serviceAllocation':{'priority':2,"
    "'namespaceSelectors':[{'matchLabels':{'team':'a'}}],'serviceSelectors':"
    "[{'matchLabels':{'x':'2'}},{'matchLabels':{'x':'1'}}]}} {'tier':'gold'}\n"
    "pool p2 {'addresses':['198.51.100.3-198.51.100.77']} {'tier':'iron'}\n"
    "pool p3 {'addresses':['203.0.113.0/24'],'autoAssign':false,'avoidBuggyIPs':true}\n"
    "l2 l1 {}\nl2 l2 {'interfaces':['eth1','eth0']}\nl2 l3 {'interfaces':['eth0','eth1']}\n"
    "l2 l4 {'preferredNodeSelectors':[{'weight':3,'preference':{'matchLabels':{'rack':'1'}}}]}\n"
    "bgp b1 {'peers':['t2','t1'],'communities':['site','1:2']}\n"
    "bgp b2 {'ipAddressPoolSelectors':[{'matchLabels':{'tier':'gold'}}],'localPref':7,"
    "'serviceSelectors':[{'matchLabels':{'app':'b'}},{'matchLabels':{'app':'a'}}]}\n"
    "peer t1 {'myASN':1,'peerASN':2,'peerAddress':'10.0.0.1','bfdProfile':'fast',"
    "'nodeSelectors':[{'matchLabels':{'rack':'1'}}]}\n"
    "peer t2 {'myASN':1,'peerASN':2,'peerAddress':'10.0.0.2','passwordSecret':{'name':'s'}}\n"
    "bfd fast {'receiveInterval':50}\nbfd slow {}\n"
    "community c1 {'communities':[{'name':'site','value':'65000:7'}]}\n"
    "secret s {'type':'kubernetes.io/basic-auth','stringData':{'password':'pw'}}\n";

static struct snapshot *build(struct world *w, struct fault_list *warnings)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    struct config_input in = world_input(w);
    struct snapshot *c = NULL;
    int r = config_build(&c, &in, &faults, warnings);

    assert_int_equal(r, 0);
    assert_int_equal(faults.count, 0);
    return c;
}

static void order_of_the_input_does_not_matter(void **state)
{
    CLEANUP(fault_list_done) struct fault_list warnings = {0};
    CLEANUP(text_done) struct text first = {0};
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w, house);
    for (unsigned seed = 0; seed < 200; seed++) {
        CLEANUP(snapshot_unrefp) struct snapshot *c = build(&w, &warnings);
        CLEANUP(text_done) struct text dump = {0};

        snapshot_dump(seed == 0 ? &first : &dump, c);
        if (seed > 0)
            assert_string_equal(text_str(&dump), text_str(&first));
        world_shuffle(&w, seed);
    }
    assert_non_null(first.chars);
}

/* The objects may go, and a reference keeps the snapshot alive. */
static void a_snapshot_owns_what_it_needs(void **state)
{
    CLEANUP(fault_list_done) struct fault_list warnings = {0};
    CLEANUP(text_done) struct text before = {0};
    CLEANUP(text_done) struct text after = {0};
    struct snapshot *c, *second;
    struct world w;

    (void)state;
    world_init(&w, house);
    c = build(&w, &warnings);
    snapshot_dump(&before, c);
    second = snapshot_ref(c);
    world_done(&w);
    snapshot_unref(c);
    snapshot_dump(&after, second);
    assert_string_equal(text_str(&before), text_str(&after));
    assert_int_equal(snapshot_node_index(second, "n2"), 1);
    assert_non_null(snapshot_peer_find(second, "t2"));
    snapshot_unref(second);
}

/* Only MetalLB's namespace has a say, but for nodes and namespaces. */
static void the_store_gives_one_namespace(void **state)
{
    CLEANUP(store_freep) struct store *s = store_new();
    struct config_input in;
    struct world w;

    (void)state;
    world_init(&w, house);
    for (size_t i = 0; i < w.count; i++) {
        if (w.objects[i]->kind == OBJ_BGP_PEER && str_eq(w.objects[i]->meta.name, "t1"))
            w.objects[i]->meta.namespace = "another";
        if (w.objects[i]->kind == OBJ_IP_ADDRESS_POOL && str_eq(w.objects[i]->meta.name, "p2"))
            w.objects[i]->meta.namespace = "zoo";
        store_put_take(s, w.objects[i]);
    }
    w.count = 0;
    world_done(&w);
    in = config_input_from(s, WORLD_NAMESPACE);
    assert_string_equal(in.namespace, WORLD_NAMESPACE);
    assert_int_equal(in.peers.count, 1);
    assert_string_equal(in.peers.items[0]->meta.name, "t2");
    assert_int_equal(in.pools.count, 2);
    assert_string_equal(in.pools.items[1]->meta.name, "p3");
    assert_int_equal(in.secrets.count, 1);
    assert_int_equal(in.nodes.count, 3);
    assert_int_equal(in.namespaces.count, 3);
    assert_int_equal(config_input_from(s, "nowhere").pools.count, 0);
}

static void secrets_of_other_namespaces_are_not_read(void **state)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(fault_list_done) struct fault_list warnings = {0};
    CLEANUP(world_done) struct world w;
    struct snapshot *c = NULL;
    struct config_input in;

    (void)state;
    world_init(&w, house);
    for (size_t i = 0; i < w.count; i++) {
        if (w.objects[i]->kind == OBJ_SECRET)
            w.objects[i]->meta.namespace = "default";
    }
    in = world_input(&w);
    assert_int_equal(config_build(&c, &in, &faults, &warnings), -EINVAL);
    assert_null(c);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].kind, "BGPPeer");
    assert_string_equal(faults.items[0].namespace, WORLD_NAMESPACE);
    assert_string_equal(faults.items[0].name, "t2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_l2_advs_attach_once),
        cmocka_unit_test(preferences_become_scores),
        cmocka_unit_test(order_of_the_input_does_not_matter),
        cmocka_unit_test(a_snapshot_owns_what_it_needs),
        cmocka_unit_test(the_store_gives_one_namespace),
        cmocka_unit_test(secrets_of_other_namespaces_are_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
