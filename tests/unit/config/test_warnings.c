/* SPDX-License-Identifier: Apache-2.0 */
/* What parses, but is hardly meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"

#define POOL "pool p {'addresses':['192.0.2.0/24']}\n"
#define PEER(more) "peer tor {'myASN':1,'peerASN':2,'peerAddress':'192.0.2.1'" more "}\n"
#define SCOPED(allocation)                                                                         \
    "pool p {'addresses':['192.0.2.0/24'],'serviceAllocation':" allocation "}\nl2 a {}\n"
#define RACK9 "'nodeSelectors':[{'matchLabels':{'rack':'9'}}]"

static const struct {
    const char *name, *lines, *warnings;
} rows[] = {
    {"nothing to say", POOL "l2 a {}\nbgp b {'peers':['tor']}\nnode n {}\n" PEER(""), ""},
    {"pool that does not exist", POOL "l2 a {'ipAddressPools':['p','q']}\n",
     "L2Advertisement a: ipAddressPools names \"q\", and there is no such IPAddressPool: create "
     "it, or correct the name\n"},
    {"no pool at all", POOL "l2 a {}\nbgp b {'ipAddressPools':['q']}\n",
     "BGPAdvertisement b: ipAddressPools names \"q\", and there is no such IPAddressPool: create "
     "it, or correct the name\n"
     "BGPAdvertisement b: this advertisement reaches no IPAddressPool and announces nothing: name "
     "a pool that exists, or remove ipAddressPools and ipAddressPoolSelectors to reach all "
     "pools\n"},
    {"no pools", "l2 a {}\n",
     "L2Advertisement a: this advertisement reaches no IPAddressPool and announces nothing: create "
     "a pool\n"},
    {"pool selector that matches nothing",
     POOL "l2 a {'ipAddressPools':['p'],'ipAddressPoolSelectors':[{'matchLabels':{'a':'b'}}]}\n",
     "L2Advertisement a: the ipAddressPoolSelectors entry a=b matches no IPAddressPool: correct "
     "it, or label the pools\n"},
    {"peer that does not exist", POOL "bgp b {'peers':['192.0.2.1']}\n" PEER(""),
     "BGPAdvertisement b: peers names \"192.0.2.1\", and there is no such BGPPeer: create it, or "
     "correct the name (it is the name of the object, not an address)\n"},
    {"no node for an L2Advertisement", POOL "l2 a {" RACK9 "}\nnode n {}\n",
     "L2Advertisement a: nodeSelectors match no node, so this L2Advertisement is used nowhere: "
     "correct them, or label the nodes\n"},
    {"no node for a BGPAdvertisement", POOL "bgp a {" RACK9 "}\nnode n {}\n",
     "BGPAdvertisement a: nodeSelectors match no node, so this BGPAdvertisement is used nowhere: "
     "correct them, or label the nodes\n"},
    {"no node for a peer", PEER("," RACK9) "node n {}\n",
     "BGPPeer tor: nodeSelectors match no node, so this BGPPeer is used nowhere: correct them, or "
     "label the nodes\n"},
    {"no nodes known", POOL "l2 a {" RACK9 "}\n" PEER("," RACK9), ""},
    {"pool without advertisement",
     POOL "pool q {'addresses':['198.51.100.0/24']}\n"
          "l2 a {'ipAddressPools':['p']}\n",
     "IPAddressPool q: no L2Advertisement or BGPAdvertisement reaches this pool, so its addresses "
     "will not be announced: create one\n"},
    {"a broken advertisement reaches its pool", POOL "l2 a {'ipAddressPools':['p','p']}\n",
     "(faults)\n"},
    {"a broken pool selector may reach any pool",
     POOL "l2 a {'ipAddressPoolSelectors':[{'matchExpressions':[{'key':'k','operator':'x'}]}]}\n",
     "(faults)\n"},
    {"a broken pool exists all the same",
     "pool p {'addresses':['x']}\nl2 a {'ipAddressPools':['p']}\n", "(faults)\n"},
    {"warnings beside faults", "pool p {'addresses':['x']}\n",
     "(faults)\nIPAddressPool p: no L2Advertisement or BGPAdvertisement reaches this pool, so its "
     "addresses will not be announced: create one\n"},
    {"no namespace", SCOPED("{'namespaceSelectors':[{'matchLabels':{'a':'b'}}]}") "ns x {}\n",
     "IPAddressPool p: serviceAllocation.namespaceSelectors match no namespace, so this pool "
     "serves nobody: correct them, or label the namespaces\n"},
    {"no namespace but a named one",
     SCOPED("{'namespaces':['x'],'namespaceSelectors':[{'matchLabels':{'a':'b'}}]}") "ns x {}\n",
     "IPAddressPool p: serviceAllocation.namespaceSelectors match no namespace, so this pool "
     "serves only those that it names: correct them, or label the namespaces\n"},
    {"negative priority", SCOPED("{'priority':-1}"),
     "IPAddressPool p: serviceAllocation.priority -1 is negative, which has no defined place: use "
     "1 (first) and up; 0 comes last\n"},
    {"disableMP", PEER(",'disableMP':true"),
     "BGPPeer tor: disableMP is deprecated and has no effect: remove it\n"},
    {"router ID", PEER(",'routerID':'2001:db8::1'"),
     "BGPPeer tor: routerID is an IPv6 address and is ignored: a BGP router ID is written as an "
     "IPv4 address\n"},
    {"hold time", PEER(",'holdTime':'24h'"),
     "BGPPeer tor: holdTime 24h0m0s does not fit into BGP's 16 bits; 18h12m15s is used\n"},
};

static void warnings_are_told(void **state)
{
    size_t failed = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(text_done) struct text got = {0};

        world_warnings(&got, rows[i].lines);
        if (str_eq(text_str(&got), rows[i].warnings))
            continue;
        failed++;
        print_error("%s: want\n%sgot\n%s", rows[i].name, rows[i].warnings, text_str(&got));
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
