/* SPDX-License-Identifier: Apache-2.0 */
/* Every fault is reported, with its object, and none that only follows from another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "world.h"

#define POOL "pool p {'addresses':['192.0.2.0/24']}\n"

/* All faults of a configuration, one a line: "Kind name: message", newlines in it as "|". */
static const struct {
    const char *name, *lines, *faults;
} rows[] = {
    {"one of each kind",
     "pool bad {'addresses':['one','192.0.2.0/24','two']}\n"
     "pool over {'addresses':['192.0.2.128/25']}\n"
     "l2 lan {'nodeSelectors':[{'matchLabels':{'rack':'r1'}},{'matchLabels':{'rack':'r1'}}]}\n"
     "peer tor {'myASN':1,'peerASN':2,'peerAddress':'192.0.2.300','routerID':'x'}\n"
     "bfd fast {'minimumTtl':255,'echoInterval':5}\n"
     "community names {'communities':[{'name':'site','value':'70000:1'}]}\n"
     "bgp all {'communities':['65000:1','65000:1','site'],'aggregationLength':40}\n",
     "BFDProfile fast: parsing bfd profile #1: invalid value 255, must be in 1-254 range|invalid "
     "minimum ttl value\n"
     "BFDProfile fast: parsing bfd profile #1: invalid value 5, must be in 10-60000 range|invalid "
     "echo interval value\n"
     "BGPPeer tor: parsing peer tor invalid BGPPeer address \"192.0.2.300\"\n"
     "BGPPeer tor: parsing peer tor invalid router ID \"x\"\n"
     "Community names: parsing community \"site\": invalid community value: invalid section "
     "\"70000\" of community \"70000:1\", err: \"strconv.ParseUint: parsing \\\"70000\\\": value "
     "out of range\"\n"
     "IPAddressPool bad: parsing address pool bad: invalid CIDR \"one\" in pool \"bad\": invalid "
     "CIDR \"one\"\n"
     "IPAddressPool bad: parsing address pool bad: invalid CIDR \"two\" in pool \"bad\": invalid "
     "CIDR \"two\"\n"
     "IPAddressPool over: CIDR \"192.0.2.128/25\" in pool \"over\" overlaps with already defined "
     "CIDR \"192.0.2.0/24\"\n"
     "L2Advertisement lan: duplicate definition of nodeSelectors {map[\"rack\":\"r1\"] []}\n"
     "BGPAdvertisement all: duplicate definition of community \"65000:1\"\n"
     "BGPAdvertisement all: invalid aggregation length 40 for IPv4\n"},
    {"a duplicate is told once", POOL "bgp a {'peers':['x','x','x','y','y']}\n",
     "BGPAdvertisement a: duplicate definition of peers \"x\"\n"
     "BGPAdvertisement a: duplicate definition of peers \"y\"\n"},
    {"a range over another pool is told once",
     POOL "pool q {'addresses':['192.0.2.1-192.0.2.254']}\n",
     "IPAddressPool q: CIDR \"192.0.2.1/32\" in pool \"q\" overlaps with already defined CIDR "
     "\"192.0.2.0/24\"\n"},
    {"a pool of the same name does not overlap", POOL POOL,
     "IPAddressPool p: duplicate definition of pool \"p\"\n"},
    {"a conflict is told once for two pools",
     POOL "pool q {'addresses':['198.51.100.0/24']}\nnode n {}\n"
          "bgp a {'localPref':1}\nbgp b {'localPref':2}\n",
     "BGPAdvertisement b: invalid local preference 2: local preference 1 was already set for the "
     "same type of BGP update. Check existing BGP advertisements with common pools and "
     "aggregation lengths: BGPAdvertisement \"a\" on pool \"p\"\n"},
    {"a conflict on a pool with other faults",
     "pool p {'addresses':['192.0.2.0/24'],'serviceAllocation':{'namespaces':['x','x']}}\n"
     "node n {}\nbgp a {'localPref':1}\nbgp b {'localPref':2}\n",
     "IPAddressPool p: parsing address pool p: duplicate definition in namespaces field\n"
     "BGPAdvertisement b: invalid local preference 2: local preference 1 was already set for the "
     "same type of BGP update. Check existing BGP advertisements with common pools and "
     "aggregation lengths: BGPAdvertisement \"a\" on pool \"p\"\n"},
    {"no conflict while the families of the pool are unknown",
     "pool p {'addresses':['192.0.2.0/24','2001:db8::/130']}\nnode n {}\n"
     "bgp a {'localPref':1}\nbgp b {'localPref':2,'aggregationLengthV6':64}\n",
     "IPAddressPool p: parsing address pool p: invalid CIDR \"2001:db8::/130\" in pool \"p\": "
     "invalid CIDR \"2001:db8::/130\"\n"},
    {"a broken profile exists all the same",
     "bfd b {'minimumTtl':255}\npeer p {'myASN':1,'peerASN':2,'peerAddress':'192.0.2.1',"
     "'bfdProfile':'b'}\n",
     "BFDProfile b: parsing bfd profile #1: invalid value 255, must be in 1-254 range|invalid "
     "minimum ttl value\n"},
    {"no ASN at all is no iBGP",
     "peer p {'myASN':0,'peerAddress':'192.0.2.1','ebgpMultiHop':true}\n",
     "BGPPeer p: parsing peer p missing local ASN\n"
     "BGPPeer p: parsing peer p missing peer ASN and dynamicASN\n"},
    {"all that is wrong with one peer", "peer p {'myASN':0,'holdTime':'2s'}\n",
     "BGPPeer p: parsing peer p missing local ASN\n"
     "BGPPeer p: parsing peer p missing peer ASN and dynamicASN\n"
     "BGPPeer p: parsing peer p peer has no Address or Interface specified\n"
     "BGPPeer p: parsing peer p invalid BGPPeer timers: invalid hold time \"2s\": must be 0 or "
     ">=3s\n"},
    /* design 5: MetalLB takes them for IPv4 in part, and lets them overlap unseen */
    {"IPv4-mapped IPv6",
     "pool p {'addresses':['::ffff:192.0.2.0/120','::ffff:c633:6401-::ffff:c633:6410',"
     "'::ffff:203.0.113.9-203.0.113.20','::ffff:192.0.2.0/90','::ffff:192.0.2.0/129',"
     "'::ffff:192.0.2.0/','::ffff:192.0.2.0']}\n",
     "IPAddressPool p: parsing address pool p: invalid CIDR \"::ffff:192.0.2.0/120\" in pool "
     "\"p\": IPv4-mapped IPv6 addresses are not supported, write 192.0.2.0/24\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR "
     "\"::ffff:c633:6401-::ffff:c633:6410\" in pool \"p\": IPv4-mapped IPv6 addresses are not "
     "supported, write 198.51.100.1-198.51.100.16\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"::ffff:203.0.113.9-203.0.113.20\" "
     "in pool \"p\": IPv4-mapped IPv6 addresses are not supported, write "
     "203.0.113.9-203.0.113.20\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"::ffff:192.0.2.0/90\" in pool "
     "\"p\": IPv4-mapped IPv6 addresses are not supported, write IPv4 prefixes\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"::ffff:192.0.2.0/129\" in pool "
     "\"p\": invalid CIDR \"::ffff:192.0.2.0/129\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"::ffff:192.0.2.0/\" in pool \"p\": "
     "invalid CIDR \"::ffff:192.0.2.0/\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"::ffff:192.0.2.0\" in pool \"p\": "
     "invalid CIDR \"::ffff:192.0.2.0\"\n"},
    {"ranges",
     "pool p {'addresses':['192.0.2.10-','-192.0.2.10','192.0.2.1-9','192.0.2.1 - x ',"
     "'192.0.2.0/28-192.0.2.9','192.0.2.1-192.0.2.2-192.0.2.3','','192.0.2.1','fe80::1%eth0/64',"
     "'192.0.02.0/24']}\n",
     "IPAddressPool p: parsing address pool p: invalid CIDR \"192.0.2.10-\" in pool \"p\": invalid "
     "IP range \"192.0.2.10-\": invalid end IP \"\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"-192.0.2.10\" in pool \"p\": invalid "
     "IP range \"-192.0.2.10\": invalid start IP \"\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"192.0.2.1-9\" in pool \"p\": invalid "
     "IP range \"192.0.2.1-9\": invalid end IP \"9\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"192.0.2.1 - x \" in pool \"p\": "
     "invalid IP range \"192.0.2.1 - x \": invalid end IP \" x \"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"192.0.2.0/28-192.0.2.9\" in pool "
     "\"p\": invalid IP range \"192.0.2.0/28-192.0.2.9\": invalid start IP \"192.0.2.0/28\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"192.0.2.1-192.0.2.2-192.0.2.3\" in "
     "pool \"p\": invalid IP range \"192.0.2.1-192.0.2.2-192.0.2.3\": invalid end IP "
     "\"192.0.2.2-192.0.2.3\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"\" in pool \"p\": invalid CIDR "
     "\"\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"192.0.2.1\" in pool \"p\": invalid "
     "CIDR \"192.0.2.1\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"fe80::1%eth0/64\" in pool \"p\": "
     "invalid CIDR \"fe80::1%eth0/64\"\n"
     "IPAddressPool p: parsing address pool p: invalid CIDR \"192.0.02.0/24\" in pool \"p\": "
     "invalid CIDR \"192.0.02.0/24\"\n"},
    {"bad selectors, each with its own text",
     "pool p {'addresses':['192.0.2.0/24'],'serviceAllocation':{'namespaceSelectors':"
     "[{'matchExpressions':[{'key':'k','operator':'x'}]}],'serviceSelectors':"
     "[{'matchExpressions':[{'key':'k','operator':'x'}]}]}}\n"
     "l2 l {'preferredNodeSelectors':[{'weight':1,'preference':{'matchExpressions':[{'key':'k',"
     "'operator':'BadOperator'}]}}]}\n",
     "IPAddressPool p: parsing address pool p: \"x\" is not a valid label selector "
     "operator|invalid namespace label selector {map[] [{\"k\" \"x\" []}]} in ip pool p\n"
     "IPAddressPool p: parsing address pool p: \"x\" is not a valid label selector "
     "operator|invalid service label selector {map[] [{\"k\" \"x\" []}]} in ip pool p\n"
     "L2Advertisement l: \"BadOperator\" is not a valid label selector operator|invalid preferred "
     "node selector {map[] [{\"k\" \"BadOperator\" []}]}|failed to parse preferred node selectors "
     "for l\n"},
    {"45 pool twice in an L2Advertisement", POOL "l2 a {'ipAddressPools':['p','p']}\n",
     "L2Advertisement a: duplicate definition of ipAddressPools \"p\"\n"},
    {"81 pool selector twice in an L2Advertisement",
     POOL "l2 a {'ipAddressPoolSelectors':[{'matchLabels':{'a':'b'}},{'matchLabels':{'a':'b'}}]}\n",
     "L2Advertisement a: duplicate definition of ipAddressPoolSelectors {map[\"a\":\"b\"] []}\n"},
    {"Service selector twice in an L2Advertisement",
     POOL "l2 a {'serviceSelectors':[{'matchLabels':{'a':'b'}},{'matchLabels':{'a':'b'}}]}\n",
     "L2Advertisement a: duplicate definition of serviceSelectors {map[\"a\":\"b\"] []}\n"},
    {"preferences may repeat",
     POOL "l2 a {'preferredNodeSelectors':[{'weight':5,'preference':{'matchLabels':{'a':'b'}}},"
          "{'weight':5,'preference':{'matchLabels':{'a':'b'}}}]}\n",
     ""},
};

static void all_faults_are_told(void **state)
{
    size_t failed = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(text_done) struct text got = {0};
        int r = world_faults(&got, rows[i].lines);

        if (str_eq(text_str(&got), rows[i].faults) &&
            r == (str_empty(rows[i].faults) ? 0 : -EINVAL))
            continue;
        failed++;
        print_error("%s: want\n%sgot %d\n%s", rows[i].name, rows[i].faults, r, text_str(&got));
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_faults_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
