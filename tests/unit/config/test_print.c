/* SPDX-License-Identifier: Apache-2.0 */
/* A printed snapshot, read again, is the same snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "feed/manifest.h"
#include "world.h"

#define NODE(name, rack) "node " name " {'kubernetes.io/hostname':'" name "','rack':'" rack "'}\n"
#define SELECT(key, value) "[{'matchLabels':{'" key "':'" value "'}}]"

/* What the API server holds beside the configuration. */
static const char cluster[] = NODE("n1", "1") NODE("n2", "2")
    NODE("n3", "1") "ns red {'team':'a','kubernetes.io/metadata.name':'red'}\n"
                    "ns blue {'kubernetes.io/metadata.name':'blue'}\n";

static const char house[] =
    "pool p1 {'addresses':['192.0.2.0/25','2001:db8:1::/64'],'serviceAllocation':{'priority':2,"
    "'namespaceSelectors':" SELECT(
        "team",
        "a") ",'serviceSelectors':[{'matchLabels':{'x':'2'},"
             "'matchExpressions':[{'key':'k','operator':'NotIn','values':['v','u']},{'key':'l',"
             "'operator':'Exists'}]},{'matchLabels':{'x':'1'}}]}} {'tier':'gold'}\n"
             "pool p2 {'addresses':['198.51.100.3 - 198.51.100.77']} {'tier':'iron'}\n"
             "pool p3 {'addresses':['203.0.113.0/24'],'autoAssign':false,'avoidBuggyIPs':true}\n"
             "pool p4 {'addresses':['198.18.0.0/16'],'serviceAllocation':{'priority':1}}\n"
             "pool p5 {'addresses':['198.19.0.0/24'],'serviceAllocation':{'namespaceSelectors':" SELECT(
                 "team",
                 "none") "}}\n"
                         "l2 l1 {}\nl2 l2 {'interfaces':['eth1','eth0']}\nl2 l3 {'interfaces':['eth0','eth1']}\n"
                         "l2 l4 {'preferredNodeSelectors':[{'weight':70,'preference':{'matchLabels':{'rack':'1'}}},"
                         "{'weight':90,'preference':{}}],'serviceSelectors':" SELECT(
                             "app",
                             "b") "}\n"
                                  "l2 l5 {'nodeSelectors':" SELECT(
                                      "rack",
                                      "9") ",'ipAddressPools':['p1','p3']}\n"
                                           "bgp b1 {'peers':['t2','t1'],'communities':['large:1:2:3','site','1:2']}\n"
                                           "bgp b2 {'ipAddressPoolSelectors':" SELECT(
                                               "tier",
                                               "gold") ",'localPref':7,"
                                                       "'serviceSelectors':[{'matchLabels':{'app':'b'}},{'matchLabels':{'app':'a'}}]}\n"
                                                       "bgp b3 {'aggregationLength':25,'aggregationLengthV6':64,'med':4294967295,'asPathPrepend':3,"
                                                       "'ipAddressPools':['p1'],'nodeSelectors':" SELECT(
                                                           "rack",
                                                           "1") "}\n"
                                                                "peer t1 {'myASN':1,'peerASN':2,'localASN':4200000000,'peerAddress':'10.0.0.1',"
                                                                "'bfdProfile':'fast','sourceAddress':'10.0.0.9','routerID':'1.2.3.4','peerPort':1179,"
                                                                "'holdTime':'90s','connectTime':'5s','vrf':'red','enableGracefulRestart':true,"
                                                                "'ebgpMultiHop':true,'dualStackAddressFamily':true,'nodeSelectors':" SELECT(
                                                                    "rack",
                                                                    "1") "}\n"
                                                                         "peer t2 {'myASN':1,'dynamicASN':'internal','peerAddress':'2001:db8::2','ttlSecurityHops':254,'password':"
                                                                         "'<redacted>'}\n"
                                                                         "peer t3 {'myASN':1,'dynamicASN':'external','interface':'eth0'}\n"
                                                                         "bfd fast {'receiveInterval':50,'transmitInterval':51,'detectMultiplier':3,"
                                                                         "'echoInterval':52,'minimumTtl':254,'echoMode':false,'passiveMode':true}\nbfd slow {}\n"
                                                                         "community c1 {'communities':[{'name':'site','value':'65000:7'}]}\n";

static struct snapshot *build(const struct config_input *in)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(fault_list_done) struct fault_list warnings = {0};
    struct snapshot *c = NULL;
    int r = config_build(&c, in, &faults, &warnings);

    if (faults.count > 0)
        print_error("%s: %s\n", faults.items[0].name, faults.items[0].message);
    assert_int_equal(r, 0);
    return c;
}

static struct snapshot *build_lines(const char *lines)
{
    CLEANUP(world_done) struct world w;
    struct config_input in;

    world_init(&w, lines);
    in = world_input(&w);
    return build(&in);
}

/* The text, with the cluster's nodes and namespaces. */
static struct snapshot *build_yaml(const char *yaml)
{
    CLEANUP(manifest_done) struct manifest m;
    CLEANUP(err_done) struct err err = {0};
    struct config_input in;
    struct world w;

    manifest_init(&m, WORLD_NAMESPACE);
    if (manifest_load_bytes(&m, "printed", yaml, strlen(yaml), &err) < 0)
        print_error("%s\n%s", err_text(&err), yaml);
    assert_int_equal(err.code, 0);
    manifest_finish(&m);
    for (size_t i = 0; i < m.faults.count; i++)
        print_error("%s: %s\n", m.faults.items[i].name, m.faults.items[i].message);
    assert_int_equal(m.faults.count, 0);
    world_init(&w, cluster);
    for (size_t i = 0; i < w.count; i++)
        store_put_take(m.store, w.objects[i]);
    w.count = 0;
    world_done(&w);
    in = config_input_from(m.store, WORLD_NAMESPACE);
    return build(&in);
}

static void printed_and_read_again(void **state)
{
    CLEANUP(xfreep) char *lines = xasprintf("%s%s", cluster, house);
    CLEANUP(snapshot_unrefp) struct snapshot *c = build_lines(lines);
    CLEANUP(text_done) struct text yaml = {0};
    CLEANUP(text_done) struct text before = {0};
    CLEANUP(text_done) struct text after = {0};
    CLEANUP(snapshot_unrefp) struct snapshot *again = NULL;

    (void)state;
    config_print(&yaml, c);
    again = build_yaml(text_str(&yaml));
    snapshot_dump(&before, c);
    snapshot_dump(&after, again);
    assert_string_equal(text_str(&before), text_str(&after));
}

static void passwords_are_not_printed(void **state)
{
    CLEANUP(snapshot_unrefp)
    struct snapshot *c = build_lines(
        "peer a {'myASN':1,'peerASN':2,'peerAddress':'192.0.2.1','password':'hush-hush'}\n"
        "peer b {'myASN':1,'peerASN':2,'peerAddress':'192.0.2.2'}\n");
    CLEANUP(text_done) struct text yaml = {0};

    (void)state;
    config_print(&yaml, c);
    assert_string_equal(text_str(&yaml), "---\n"
                                         "apiVersion: metallb.io/v1beta2\n"
                                         "kind: BGPPeer\n"
                                         "metadata:\n"
                                         "  name: \"a\"\n"
                                         "spec:\n"
                                         "  myASN: 1\n"
                                         "  peerASN: 2\n"
                                         "  peerAddress: \"192.0.2.1\"\n"
                                         "  peerPort: 179\n"
                                         "  password: \"<redacted>\"\n"
                                         "---\n"
                                         "apiVersion: metallb.io/v1beta2\n"
                                         "kind: BGPPeer\n"
                                         "metadata:\n"
                                         "  name: \"b\"\n"
                                         "spec:\n"
                                         "  myASN: 1\n"
                                         "  peerASN: 2\n"
                                         "  peerAddress: \"192.0.2.2\"\n"
                                         "  peerPort: 179\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_and_read_again),
        cmocka_unit_test(passwords_are_not_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
