/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of spec api-and-config 8.1 and 8.2 and of changes-0.16.2 13. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"

#define P42 "'myASN':42,'peerASN':42,'peerAddress':'1.2.3.4'"
#define NODES2 "node node1 {}\nnode node2 {}\n"
#define POOL24 "pool pool1 {'addresses':['10.20.30.40/24']}\n"
#define DUAL "pool pool1 {'addresses':['10.20.30.40/24','2001:db8::/64']}\n"
#define SCOPED(allocation)                                                                         \
    "pool pool1 {'addresses':['10.0.0.0/24'],'serviceAllocation':" allocation "}\n"

static const struct world_row all_features[] = {
    {"1 nothing", "", NULL, {"nodes names=[]\n"}},
    {"2 all features",
     "peer peer1 {'myASN':42,'peerASN':142,'peerAddress':'1.2.3.4','peerPort':1179,"
     "'holdTime':'180s','connectTime':'1s','routerID':'10.20.30.40','sourceAddress':'10.20.30.40',"
     "'enableGracefulRestart':true,'ebgpMultiHop':true,'vrf':'foo'}\n"
     "peer peer2 {'myASN':100,'peerASN':200,'peerAddress':'2.3.4.5','connectTime':'1s',"
     "'nodeSelectors':[{'matchLabels':{'foo':'bar'},'matchExpressions':[{'key':'bar',"
     "'operator':'In','values':['quux']}]}]}\n"
     "pool pool1 {'addresses':['10.20.0.0/16','10.50.0.0/24'],'avoidBuggyIPs':true,"
     "'autoAssign':false}\n"
     "pool pool2 {'addresses':['30.0.0.0/8']}\n"
     "pool pool3 {'addresses':['40.0.0.0/25','40.0.0.150-40.0.0.200','40.0.0.210 - 40.0.0.240',"
     "'40.0.0.250 - 40.0.0.250']}\n"
     "pool pool4 {'addresses':['2001:db8::/64']}\n"
     "bgp adv1 {'ipAddressPools':['pool1'],'aggregationLength':32,'localPref':100,"
     "'asPathPrepend':3,'communities':['bar'],'peers':['peer1']}\n"
     "bgp adv2 {'ipAddressPools':['pool1'],'aggregationLength':24,'aggregationLengthV6':64}\n"
     "bgp adv3 {'ipAddressPools':['pool2']}\n"
     "l2 l2adv1 {'ipAddressPools':['pool3']}\n"
     "l2 l2adv2 {}\n"
     "community all {'communities':[{'name':'bar','value':'64512:1234'}]}\n",
     NULL,
     {"peer peer1 asn=42/142/0 fixed address=1.2.3.4 source=10.20.30.40 router=10.20.30.40 "
      "interface= port=1179 hold=3m0s keepalive=1m0s connect=1s nodes=[] password= bfd=none "
      "vrf=foo flags=110\n"
      "peer peer2 asn=100/200/0 fixed address=2.3.4.5 interface= port=179 hold=unset "
      "keepalive=unset connect=1s",
      "pool pool1 auto=0 buggy=1 prefixes=[10.20.0.0/16,10.50.0.0/24] 10.20.0.0/16(1) "
      "10.50.0.0/24(1)\n"
      "  l2 l2adv2 names=[l2adv2] nodes=[] interfaces=[] services=[] scores=none\n"
      "  bgp adv1 lengths=32/128 pref=100 prepend=3 communities=[64512:1234] nodes=[] "
      "peers=[peer1] services=[]\n"
      "  bgp adv2 lengths=24/64 pref=0 prepend=0 communities=[] nodes=[] peers=[] services=[]\n"
      "pool pool2",
      "pool pool3 auto=1 buggy=0 prefixes=[40.0.0.0/25,40.0.0.150/31,40.0.0.152/29,"
      "40.0.0.160/27,40.0.0.192/29,40.0.0.200/32,40.0.0.210/31,40.0.0.212/30,40.0.0.216/29,"
      "40.0.0.224/28,40.0.0.240/32,40.0.0.250/32]",
      "  l2 l2adv1 names=[l2adv1,l2adv2] nodes=[] interfaces=[] services=[] scores=none\npool "
      "pool4"}},
    {"76 large community, unknown pool",
     "pool pool1 {'addresses':['10.0.0.0/24']}\n"
     "community all {'communities':[{'name':'bar','value':'large:123:64512:1234'}]}\n"
     "bgp adv1 {'communities':['bar']}\nbgp adv3 {'ipAddressPools':['pool2']}\n",
     NULL,
     {"  bgp adv1 lengths=32/128 pref=0 prepend=0 communities=[large:123:64512:1234] nodes=[] "
      "peers=[] services=[]\n"}},
    {"77 pool selectors",
     "pool pool1 {'addresses':['10.0.0.0/24']} {'test':'pool1'}\n"
     "pool pool2 {'addresses':['10.0.1.0/24']} {'test':'pool2'}\n"
     "bgp adv1 {'localPref':100,'ipAddressPoolSelectors':[{'matchLabels':{'test':'pool1'}}]}\n"
     "bgp adv2 {'localPref':200,'ipAddressPoolSelectors':[{'matchLabels':{'test':'pool2'}}]}\n"
     "l2 l2adv1 {'ipAddressPoolSelectors':[{'matchLabels':{'test':'pool1'}}]}\n",
     NULL,
     {"10.0.0.0/24(1)\n  l2 l2adv1 names=[l2adv1] nodes=[] interfaces=[] services=[] scores=none\n"
      "  bgp adv1 lengths=32/128 pref=100 prepend=0 communities=[] nodes=[] peers=[] services=[]\n"
      "pool pool2",
      "10.0.1.0/24(1)\n  bgp adv2 lengths=32/128 pref=200"}},
    {"82 selectors matching no pool attach to nothing",
     POOL24 "bgp adv1 {'ipAddressPoolSelectors':[{'matchLabels':{'test':'none'}}]}\n"
            "l2 adv1 {'ipAddressPoolSelectors':[{'matchLabels':{'test':'none'}}]}\nbfd z {}\n",
     NULL,
     {"10.20.30.40/24(1)\nbfd z"}},
};

static const struct world_row pools[] = {
    {"3 scoped by namespaces and namespace selectors",
     "pool pool1 {'addresses':['10.0.0.0/24'],'serviceAllocation':{'priority':1,"
     "'namespaces':['test-ns1']}}\n"
     "pool pool2 {'addresses':['10.0.1.0/24'],'serviceAllocation':{'priority':2,"
     "'namespaceSelectors':[{'matchLabels':{'team':'metallb'}}]}}\n"
     "pool pool3 {'addresses':['10.0.2.0/24'],'serviceAllocation':{'priority':3,"
     "'namespaceSelectors':[{'matchLabels':{'team':'red'}}]}}\n"
     "ns test-ns1 {}\nns test-ns2 {'team':'metallb'}\n",
     NULL,
     {"10.0.0.0/24(1) scoped priority=1 by_namespace=1 namespaces=[test-ns1] services=[]\n",
      "10.0.1.0/24(1) scoped priority=2 by_namespace=1 namespaces=[test-ns2] services=[]\n",
      /* design 5: it serves nobody */
      "10.0.2.0/24(1) scoped priority=3 by_namespace=1 namespaces=[] services=[]\n"}},
    {"4 namespace twice",
     SCOPED("{'namespaces':['a','a']}"),
     "parsing address pool pool1: duplicate definition in namespaces field",
     {NULL}},
    {"5 namespace selector twice",
     SCOPED("{'namespaceSelectors':[{'matchLabels':{'a':'b'}},{'matchLabels':{'a':'b'}}]}"),
     "duplicate definition of namespaceSelectors {map[\"a\":\"b\"] []}",
     {NULL}},
    {"6 service selectors",
     SCOPED("{'serviceSelectors':[{'matchLabels':{'team':'red'}},"
            "{'matchLabels':{'team':'metallb'}}]}"),
     NULL,
     {"by_namespace=0 namespaces=[] services=[team=metallb; team=red]\n"}},
    {"7 expression value twice",
     SCOPED("{'serviceSelectors':[{'matchExpressions':[{'key':'foo','operator':'In',"
            "'values':['bar','bar']}]}]}"),
     "duplicate definition of match expression value in label selector \"bar\"",
     {NULL}},
    {"8 namespaces and service selectors",
     SCOPED("{'namespaces':['a'],'serviceSelectors':[{'matchLabels':{'x':'y'}}]}"),
     NULL,
     {"by_namespace=1 namespaces=[a] services=[x=y]\n"}},
    {"8 namespace selectors and service selectors",
     SCOPED(
         "{'namespaceSelectors':[{}],'serviceSelectors':[{'matchLabels':{'x':'y'}}]}") "ns b {}\nns a {}\n",
     NULL,
     {"by_namespace=1 namespaces=[a,b] services=[x=y]\n"}},
    {"a namespace both named and selected",
     SCOPED("{'namespaceSelectors':[{}],'namespaces':['b','c']}") "ns b {}\nns a {}\n",
     NULL,
     {"by_namespace=1 namespaces=[a,b,c] services=[]\n"}},
    {"9 priority only",
     SCOPED("{'priority':1}"),
     NULL,
     {"scoped priority=1 by_namespace=0 namespaces=[] services=[everything]\n"}},
    {"9 empty allocation",
     SCOPED("{}"),
     NULL,
     {"scoped priority=0 by_namespace=0 namespaces=[] services=[everything]\n"}},
    {"28 no name", "pool - {'addresses':['10.0.0.0/24']}\n", "missing pool name", {NULL}},
    {"29 no addresses",
     "pool pool1 {'addresses':[]}\n",
     "parsing address pool pool1: pool has no prefixes defined",
     {NULL}},
    {"31 octets out of range",
     "pool pool1 {'addresses':['100.200.300.400/24']}\n",
     "invalid CIDR \"100.200.300.400/24\"",
     {NULL}},
    {"32 prefix too long",
     "pool pool1 {'addresses':['1.2.3.0/33']}\n",
     "invalid CIDR \"1.2.3.0/33\" in pool \"pool1\": invalid CIDR \"1.2.3.0/33\"",
     {NULL}},
    {"33 range reversed",
     "pool pool1 {'addresses':['1.2.3.10-1.2.3.1']}\n",
     "start IP \"1.2.3.10\" is after the end IP \"1.2.3.1\"",
     {NULL}},
    {"58 a pool twice, without addresses",
     "pool pool1 {'addresses':[]}\npool pool2 {'addresses':[]}\npool pool1 {'addresses':[]}\n",
     "duplicate definition of pool \"pool1\"",
     {NULL}},
    {"59 blank in front",
     "pool pool1 {'addresses':[' 10.0.0.0/8',' 10.0.0.0/8']}\n",
     "invalid CIDR \" 10.0.0.0/8\"",
     {NULL}},
    {"60 blank in front of one",
     "pool pool1 {'addresses':[' 10.0.0.0/8']}\npool pool2 {'addresses':['10.0.0.0/16']}\n",
     "invalid CIDR \" 10.0.0.0/8\"",
     {NULL}},
    {"host bits are masked",
     "pool pool1 {'addresses':['10.20.30.40/24']}\n",
     NULL,
     {"prefixes=[10.20.30.0/24] 10.20.30.40/24(1)"}},
    {"the ends of the address space",
     "pool pool1 {'addresses':['255.255.255.254-255.255.255.255','0.0.0.0-0.0.0.1',"
     "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']}\n",
     NULL,
     {"prefixes=[255.255.255.254/31,0.0.0.0/31,ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127]"}},
    {"the same prefix twice",
     "pool pool1 {'addresses':['10.0.0.0/24','10.0.0.0/24']}\n",
     "CIDR \"10.0.0.0/24\" in pool \"pool1\" overlaps with already defined CIDR \"10.0.0.0/24\"",
     {NULL}},
    {"families never overlap",
     "pool pool1 {'addresses':['0.0.0.0/0','::/0']}\n",
     NULL,
     {"prefixes=[0.0.0.0/0,::/0]"}},
    {"families mixed, IPv4 first",
     "pool pool1 {'addresses':['1.2.3.4-2000::1']}\n",
     "invalid IP range \"1.2.3.4-2000::1\": start and end IPs must be the same family",
     {NULL}},
    {"families mixed, IPv6 first",
     "pool pool1 {'addresses':['::1-1.2.3.4']}\n",
     "start and end IPs must be the same family",
     {NULL}},
};

static const struct world_row peers[] = {
    {"10 minimal",
     NODES2 "peer p {" P42 "}\n",
     NULL,
     {"peer p asn=42/42/0 fixed address=1.2.3.4 interface= port=179 hold=unset keepalive=unset "
      "connect=unset nodes=[node1,node2] password= bfd=none vrf= flags=000\n"}},
    {"v1beta1: port 0, no timers",
     "peer1 p {" P42 ",'peerPort':0}\n",
     NULL,
     {"port=179 hold=0s keepalive=0s"}},
    {"11 address",
     "peer p {'myASN':42,'peerASN':42,'peerAddress':'1.2.3.400'}\n",
     "parsing peer p invalid BGPPeer address \"1.2.3.400\"",
     {NULL}},
    {"12 no own ASN",
     "peer p {'myASN':0,'peerASN':42,'peerAddress':'1.2.3.4'}\n",
     "parsing peer p missing local ASN",
     {NULL}},
    {"13 no peer ASN",
     "peer p {'myASN':42,'peerAddress':'1.2.3.4'}\n",
     "parsing peer p missing peer ASN and dynamicASN",
     {NULL}},
    {"14 multihop for iBGP",
     "peer p {" P42 ",'ebgpMultiHop':true}\n",
     "parsing peer p invalid ebgp-multihop parameter set for an ibgp peer",
     {NULL}},
    {"14a multihop and TTL security",
     "peer p {'myASN':42,'peerASN':43,'peerAddress':'1.2.3.4','ebgpMultiHop':true,"
     "'ttlSecurityHops':2}\n",
     "parsing peer p both ttlSecurityHops and ebgpMultiHop specified: the former says how far away "
     "the peer may be",
     {NULL}},
    {"15 keepalive above hold",
     "peer p {" P42 ",'holdTime':'30s','keepaliveTime':'90s'}\n",
     "parsing peer p invalid BGPPeer timers: invalid keepaliveTime \"1m30s\", must be lower than "
     "holdTime \"30s\"",
     {NULL}},
    {"16 hold 1 s",
     "peer p {" P42 ",'holdTime':'1s'}\n",
     "invalid BGPPeer timers: invalid hold time \"1s\": must be 0 or >=3s",
     {NULL}},
    {"17 hold only", "peer p {" P42 ",'holdTime':'180s'}\n", NULL, {"hold=3m0s keepalive=1m0s"}},
    {"18 keepalive only",
     "peer p {" P42 ",'keepaliveTime':'60s'}\n",
     NULL,
     {"hold=3m0s keepalive=1m0s"}},
    {"19 both 0",
     "peer p {" P42 ",'holdTime':'0s','keepaliveTime':'0s'}\n",
     NULL,
     {"hold=0s keepalive=0s"}},
    {"20 no timers", "peer p {" P42 "}\n", NULL, {"hold=unset keepalive=unset"}},
    {"half a second counts as 0", "peer p {" P42 ",'holdTime':'500ms'}\n", NULL, {"hold=500ms"}},
    {"hold 3 s",
     "peer p {" P42 ",'holdTime':'3s','keepaliveTime':'3s'}\n",
     NULL,
     {"hold=3s keepalive=3s"}},
    {"hold 2.9 s", "peer p {" P42 ",'holdTime':'2900ms'}\n", "invalid hold time \"2.9s\"", {NULL}},
    {"keepalive too short alone",
     "peer p {" P42 ",'keepaliveTime':'500ms'}\n",
     "invalid hold time \"1.5s\" (3 times the keepaliveTime): must be 0 or >=3s",
     {NULL}},
    {"negative hold",
     "peer p {" P42 ",'holdTime':'-1h'}\n",
     "invalid hold time \"-1h0m0s\"",
     {NULL}},
    {"negative keepalive",
     "peer p {" P42 ",'holdTime':'3s','keepaliveTime':'-1s'}\n",
     "invalid keepaliveTime \"-1s\", must not be negative",
     {NULL}},
    {"hold above 16 bits of seconds",
     "peer p {" P42 ",'holdTime':'24h'}\n",
     NULL,
     {"hold=18h12m15s keepalive=6h4m5s"}},
    {"keepalive beyond int64",
     "peer p {" P42 ",'keepaliveTime':'2000000h'}\n",
     NULL,
     {"hold=18h12m15s keepalive=6h4m5s"}},
    {"21 router ID",
     "peer p {" P42 ",'routerID':'oh god how do I BGP'}\n",
     "parsing peer p invalid router ID \"oh god how do I BGP\"",
     {NULL}},
    {"source address",
     "peer p {" P42 ",'sourceAddress':'lo'}\n",
     "parsing peer p invalid source IP \"lo\"",
     {NULL}},
    {"23 expression without key",
     "peer p {" P42 ",'nodeSelectors':[{'matchExpressions':[{'key':'','operator':'In',"
     "'values':['a']}]}]}\n",
     "failed to convert peer p node selector",
     {NULL}},
    {"24 expression without operator",
     "peer p {" P42 ",'nodeSelectors':[{'matchExpressions':[{'key':'k','operator':'',"
     "'values':['a']}]}]}\n",
     "parsing peer p \"\" is not a valid label selector operator\nfailed to convert peer p node "
     "selector",
     {NULL}},
    {"25 unknown operator",
     "peer p {" P42 ",'nodeSelectors':[{'matchExpressions':[{'key':'k','operator':'surrounds',"
     "'values':['a']}]}]}\n",
     "\"surrounds\" is not a valid label selector operator",
     {NULL}},
    {"26 values twice",
     "peer p {" P42 ",'nodeSelectors':[{'matchExpressions':[{'key':'k','operator':'In',"
     "'values':['quux','quux']}]}]}\n",
     "duplicate definition of match expression value in label selector \"quux\"",
     {NULL}},
    {"27 the same unnamed peer twice",
     "peer - {" P42 "}\npeer - {" P42 "}\n",
     "already exists",
     {NULL}},
    {"61 BFD profile",
     "peer p {" P42 ",'bfdProfile':'default'}\nbfd default {}\n" POOL24 "bgp a {}\n",
     NULL,
     {"bfd=default vrf=",
      "bfd default rx=unset tx=unset mult=unset echo=unset ttl=unset flags=00"}},
    {"62 password and Secret",
     "peer p {" P42 ",'password':'a','passwordSecret':{'name':'s'}}\n",
     "parsing peer p can not have both password and secret ref set in peer config "
     "\"metallb-system\"/\"p\"",
     {NULL}},
    {"63 Secret of another type",
     "peer p {" P42 ",'passwordSecret':{'name':'s'}}\nsecret s {'type':'Opaque'}\n",
     "parsing peer p secret type mismatch on \"metallb-system\"/\"s\", type "
     "\"kubernetes.io/basic-auth\" is expected \nfailed to parse peer p password secret",
     {NULL}},
    {"64 Secret without password",
     "peer p {" P42 ",'passwordSecret':{'name':'s'}}\n"
     "secret s {'type':'kubernetes.io/basic-auth'}\n",
     "password not specified in the secret \"metallb-system\"/\"s\"",
     {NULL}},
    {"65 Secret",
     "peer p {" P42 ",'passwordSecret':{'name':'s','namespace':'elsewhere'}}\n"
     "secret s {'type':'kubernetes.io/basic-auth','stringData':{'password':'nopass'}}\n",
     NULL,
     {"password=nopass"}},
    {"66 no Secret",
     "peer p {" P42 ",'passwordSecret':{'name':'s'}}\n",
     "parsing peer p secret ref not found for peer config \"metallb-system\"/\"p\"\nfailed to "
     "parse peer p password secret",
     {NULL}},
    {"own password", "peer p {" P42 ",'password':'a'}\n", NULL, {"password=a"}},
    {"69 unknown BFD profile",
     "peer p {" P42 ",'bfdProfile':'fast'}\n",
     "BGPPeer p: peer p referencing non existing bfd profile fast",
     {NULL}},
    {"88 dynamic, internal",
     "peer p {'myASN':42,'dynamicASN':'internal','peerAddress':'1.2.3.4'}\n",
     NULL,
     {"asn=42/0/0 internal address=1.2.3.4"}},
    {"89 neither ASN nor dynamicASN",
     "peer p {'myASN':42,'peerAddress':'1.2.3.4'}\n",
     "missing peer ASN and dynamicASN",
     {NULL}},
    {"90 both",
     "peer p {" P42 ",'dynamicASN':'external'}\n",
     "both peer ASN and dynamicASN specified",
     {NULL}},
    {"unknown dynamicASN",
     "peer p {'myASN':42,'dynamicASN':'sideways','peerAddress':'1.2.3.4'}\n",
     "invalid dynamicASN sideways",
     {NULL}},
    {"91 interface",
     "peer p {'myASN':42,'dynamicASN':'internal','interface':'net0'}\n",
     NULL,
     {"internal interface=net0 port=179"}},
    {"92 neither address nor interface",
     "peer p {'myASN':42,'peerASN':42}\n",
     "peer has no Address or Interface specified",
     {NULL}},
    {"93 both",
     "peer p {" P42 ",'interface':'net0'}\n",
     "peer has both Address and Interface specified",
     {NULL}},
    {"94 disableMP", "peer p {" P42 ",'disableMP':true}\n", NULL, {"peer p"}},
    {"95 local ASN",
     "peer p {'myASN':100,'peerASN':200,'localASN':65410,'peerAddress':'1.2.3.4'}\n",
     NULL,
     {"asn=100/200/65410"}},
    {"multihop with dynamicASN internal",
     "peer p {'myASN':42,'dynamicASN':'internal','peerAddress':'1.2.3.4','ebgpMultiHop':true}\n",
     NULL,
     {"flags=010"}},
};

static const struct world_row bfd_profiles[] = {
    {"70 twice", "bfd foo {}\nbfd foo {}\n", "found duplicate bfd profile name foo", {NULL}},
    {"71 all values",
     "bfd foo {'receiveInterval':50,'transmitInterval':51,'detectMultiplier':52,"
     "'echoInterval':54,'minimumTtl':55,'echoMode':true,'passiveMode':true}\n",
     NULL,
     {"bfd foo rx=50 tx=51 mult=52 echo=54 ttl=55 flags=11\n"}},
    {"72 receive interval too small",
     "bfd foo {'receiveInterval':2}\n",
     "parsing bfd profile #1: invalid value 2, must be in 10-60000 range\ninvalid receive "
     "interval value",
     {NULL}},
    {"73 receive interval too large",
     "bfd a {}\nbfd foo {'receiveInterval':90000}\n",
     "parsing bfd profile #2: invalid value 90000, must be in 10-60000 range",
     {NULL}},
    {"transmit interval",
     "bfd a {'transmitInterval':9}\n",
     "invalid transmit interval value",
     {NULL}},
    {"echo interval", "bfd a {'echoInterval':60001}\n", "invalid echo interval value", {NULL}},
    {"detect multiplier",
     "bfd a {'detectMultiplier':1}\n",
     "invalid value 1, must be in 2-255 range\ninvalid detect multiplier value",
     {NULL}},
    {"minimum TTL",
     "bfd a {'minimumTtl':255}\n",
     "invalid value 255, must be in 1-254 range\ninvalid minimum ttl value",
     {NULL}},
    {"no name", "bfd - {}\n", "parsing bfd profile #1: missing bfd profile name", {NULL}},
    {"74 echo and IPv6",
     "pool pool1 {'addresses':['fc00:f853:0ccd:e793::/64']}\nbgp adv1 {}\n"
     "peer peer1 {" P42 ",'bfdProfile':'echo'}\nbfd echo {'echoMode':true}\n",
     "pool pool1 has bgpadvertisement adv1 which references peer peer1 which has bfd echo "
     "enabled, which is not possible",
     {NULL}},
    {"75 echo and IPv4",
     POOL24 "bgp adv1 {}\npeer peer1 {" P42 ",'bfdProfile':'echo'}\nbfd echo {'echoMode':true}\n",
     NULL,
     {"bfd=echo"}},
    {"echo, IPv6 for another peer",
     "pool pool1 {'addresses':['2001:db8::/64']}\nbgp adv1 {'peers':['peer2']}\n"
     "peer peer1 {" P42 ",'bfdProfile':'echo'}\nbfd echo {'echoMode':true}\n",
     NULL,
     {"bfd=echo"}},
};

static const struct world_row communities[] = {
    {"48 one number",
     POOL24 "bgp a {'communities':['1234']}\n",
     "invalid community format: 1234\ninvalid community \"1234\" in BGP advertisement",
     {NULL}},
    {"49 high half",
     POOL24 "bgp a {'communities':['99999999:1']}\n",
     "invalid section \"99999999\" of community \"99999999:1\", err: \"strconv.ParseUint: parsing "
     "\\\"99999999\\\": value out of range\"\ninvalid community \"99999999:1\"",
     {NULL}},
    {"50 low half",
     POOL24 "bgp a {'communities':['1:99999999']}\n",
     "invalid section \"99999999\" of community \"1:99999999\"",
     {NULL}},
    {"51 unknown alias",
     POOL24 "bgp a {'communities':['community']}\n",
     "invalid community format: community",
     {NULL}},
    {"52 literal twice",
     POOL24 "bgp a {'communities':['1:2','1:2']}\n",
     "duplicate definition of community \"1:2\"",
     {NULL}},
    {"53 alias of one number",
     "community c {'communities':[{'name':'x','value':'1234'}]}\n",
     "parsing community \"x\": invalid community format: 1234",
     {NULL}},
    {"54 alias, high half",
     "community c {'communities':[{'name':'x','value':'99999999:1'}]}\n",
     "parsing community \"x\": invalid community value: invalid section \"99999999\"",
     {NULL}},
    {"55 alias, low half",
     "community c {'communities':[{'name':'x','value':'1:99999999'}]}\n",
     "parsing community \"x\": invalid community value: invalid section \"99999999\"",
     {NULL}},
    {"56 alias in two objects",
     "community c {'communities':[{'name':'bar','value':'1:2'}]}\n"
     "community d {'communities':[{'name':'bar','value':'1:2'}]}\n",
     "Community d: duplicate definition of community \"bar\"",
     {NULL}},
    {"57 alias twice in one object",
     "community c {'communities':[{'name':'bar','value':'1:2'},{'name':'bar','value':'3:4'}]}\n",
     "duplicate definition of community \"bar\"",
     {NULL}},
    {"alias twice, the second one wrong",
     "community c {'communities':[{'name':'bar','value':'1:2'},{'name':'bar','value':'1234'}]}\n",
     "parsing community \"bar\": invalid community format: 1234",
     {NULL}},
    {"not a number",
     POOL24 "bgp a {'communities':['a:1']}\n",
     "parsing \\\"a\\\": invalid syntax",
     {NULL}},
    {"sign",
     POOL24 "bgp a {'communities':['1:+1']}\n",
     "parsing \\\"+1\\\": invalid syntax",
     {NULL}},
    {"empty half",
     POOL24 "bgp a {'communities':['1:']}\n",
     "parsing \\\"\\\": invalid syntax",
     {NULL}},
    {"three parts",
     POOL24 "bgp a {'communities':['1:2:3']}\n",
     "invalid community format: 1:2:3",
     {NULL}},
    {"five parts",
     POOL24 "bgp a {'communities':['large:1:2:3:4']}\n",
     "invalid community format: large:1:2:3:4",
     {NULL}},
    {"wrong marker",
     POOL24 "bgp a {'communities':['Large:1:2:3']}\n",
     "invalid community value: invalid marker for large community, expected community to be of "
     "format large:<uint32>:<uint32>:<uint32> but got \"Large:1:2:3\" instead",
     {NULL}},
    {"half a marker",
     POOL24 "bgp a {'communities':['larg:12345:12345:12345']}\n",
     "invalid community value: invalid marker for large community",
     {NULL}},
    {"a word among the numbers of a large one",
     POOL24 "bgp a {'communities':['large:12345:wrong:12345']}\n",
     "invalid section \"wrong\" of community \"large:12345:wrong:12345\"",
     {NULL}},
    {"large out of range",
     POOL24 "bgp a {'communities':['large:1:2:4294967296']}\n",
     "parsing \\\"4294967296\\\": value out of range",
     {NULL}},
    {"sorted and unique, leading zeros",
     POOL24 "bgp a {'communities':['large:1:2:3','007:1','x','7:1']}\n"
            "community c {'communities':[{'name':'x','value':'6:65535'}]}\n",
     NULL,
     {"communities=[large:1:2:3,6:65535,7:1]"}},
    {"an alias hides a literal",
     POOL24 "bgp a {'communities':['1:1']}\n"
            "community c {'communities':[{'name':'1:1','value':'2:2'}]}\n",
     NULL,
     {"communities=[2:2]"}},
    {"extended: behind the others, unique, by name too",
     POOL24 "bgp a {'communities':['x','soo:192.0.2.1:7','ext:0x0002FDE900000064','65535:65535',"
            "'rt:65001:100','rt:4200000001:65535','ext:0x4004fde84e6e6b28','large:1:2:3']}\n"
            "community c {'communities':[{'name':'x','value':'rt:1:4294967295'}]}\n",
     NULL,
     {"communities=[large:1:2:3,65535:65535,rt:1:4294967295,rt:65001:100,soo:192.0.2.1:7,"
      "rt:4200000001:65535,ext:0x4004fde84e6e6b28]"}},
    {"extended: number too large for the AS",
     POOL24 "bgp a {'communities':['rt:65536:65536']}\n",
     "invalid extended community \"rt:65536:65536\": the number behind an AS above 65535 must be "
     "below 65536\ninvalid community \"rt:65536:65536\" in BGP advertisement",
     {NULL}},
    {"extended: number too large for an address",
     POOL24 "bgp a {'communities':['soo:192.0.2.1:65536']}\n",
     "the number behind an IPv4 address must be below 65536",
     {NULL}},
    {"extended: no number",
     POOL24 "bgp a {'communities':['rt:1:']}\n",
     "invalid extended community \"rt:1:\": the last part must be a number",
     {NULL}},
    {"extended: no AS",
     POOL24 "bgp a {'communities':['rt:x:1']}\n",
     "invalid extended community \"rt:x:1\": the second part must be an AS number or an IPv4 "
     "address",
     {NULL}},
    {"extended: no address",
     POOL24 "bgp a {'communities':['rt:1.2.3:1']}\n",
     "the second part must be an AS number or an IPv4 address",
     {NULL}},
    {"extended: cut short",
     POOL24 "bgp a {'communities':['ext:0x0002fde90000006']}\n",
     "invalid extended community \"ext:0x0002fde90000006\": ext: wants 0x and 16 hexadecimal "
     "digits",
     {NULL}},
    {"extended: not hexadecimal",
     POOL24 "bgp a {'communities':['ext:0x0002fde90000006g']}\n",
     "ext: wants 0x and 16 hexadecimal digits",
     {NULL}},
    {"extended: without 0x",
     POOL24 "bgp a {'communities':['ext:000002fde900000064']}\n",
     "ext: wants 0x and 16 hexadecimal digits",
     {NULL}},
    {"extended: a name of another kind",
     POOL24 "bgp a {'communities':['target:1:2']}\n",
     "invalid community format: target:1:2",
     {NULL}},
    {"extended: an alias that is broken",
     "community c {'communities':[{'name':'x','value':'rt:1:2:3'}]}\n",
     "parsing community \"x\": invalid community value: invalid marker for large community",
     {NULL}},
};

static const struct world_row bgp_advs[] = {
    {"34 defaults",
     POOL24 "bgp adv3 {}\n",
     NULL,
     {"  bgp adv3 lengths=32/128 pref=0 prepend=0 communities=[] nodes=[] peers=[] services=[]"}},
    {"36 reversed range and length 34",
     "pool pool1 {'addresses':['1.2.3.10-1.2.3.1']}\nbgp a {'aggregationLength':34}\n",
     "invalid aggregation length 34 for IPv4",
     {NULL}},
    {"IPv6 length 129",
     POOL24 "bgp a {'aggregationLengthV6':129}\n",
     "invalid aggregation length 129 for IPv6",
     {NULL}},
    {"37 more specific than the length",
     "pool pool1 {'addresses':['10.20.30.40/24','1.2.3.0/28']}\nbgp a {'aggregationLength':26}\n",
     "invalid aggregation length 26: prefix 28 in this pool is more specific than the aggregation "
     "length for addresses 1.2.3.0/28",
     {NULL}},
    {"IPv6 more specific than the length",
     "pool pool1 {'addresses':['2001:db8::/64']}\nbgp a {'aggregationLengthV6':48}\n",
     "invalid aggregation length 48: prefix 64 in this pool is more specific than the aggregation "
     "length for addresses 2001:db8::/64",
     {NULL}},
    {"38 two preferences",
     POOL24 NODES2 "bgp a {'localPref':100}\nbgp b {'localPref':200}\n",
     "BGPAdvertisement b: invalid local preference 200: local preference 100 was already set for "
     "the same type of BGP update. Check existing BGP advertisements with common pools and "
     "aggregation lengths",
     {NULL}},
    {"39 other length",
     POOL24 NODES2 "bgp a {'localPref':100,'aggregationLength':24}\nbgp b {'localPref':200}\n",
     NULL,
     {"pref=100"}},
    {"40 both lengths differ",
     POOL24 NODES2 "bgp a {'localPref':100,'aggregationLength':24,'aggregationLengthV6':120}\n"
                   "bgp b {'localPref':200}\n",
     NULL,
     {"pref=100"}},
    {"dual pool, one length differs",
     DUAL NODES2 "bgp a {'localPref':100,'aggregationLength':24}\nbgp b {'localPref':200}\n",
     "invalid local preference 200",
     {NULL}},
    {"41 other nodes",
     POOL24 "node node1 {'n':'1'}\nnode node2 {'n':'2'}\n"
            "bgp a {'localPref':100,'nodeSelectors':[{'matchLabels':{'n':'1'}}]}\n"
            "bgp b {'localPref':200,'nodeSelectors':[{'matchLabels':{'n':'2'}}]}\n",
     NULL,
     {"nodes=[node1]", "nodes=[node2]"}},
    {"42 other peers",
     POOL24 NODES2 "bgp a {'localPref':100,'peers':['peer1']}\n"
                   "bgp b {'localPref':200,'peers':['peer2']}\n",
     NULL,
     {"peers=[peer1]"}},
    {"no nodes known",
     POOL24 "bgp a {'localPref':100}\nbgp b {'localPref':200}\n",
     NULL,
     {"pref=100"}},
    {"conflicts of Services are found later",
     POOL24 NODES2 "bgp a {'localPref':100}\n"
                   "bgp b {'localPref':200,'serviceSelectors':[{'matchLabels':{'a':'b'}}]}\n"
                   "bgp c {'localPref':100}\n",
     NULL,
     {"pref=200"}},
    {"43 range, one prefix wide enough",
     "pool pool1 {'addresses':['3.3.3.2-3.3.3.254']}\nbgp a {'aggregationLength':26}\n",
     NULL,
     {"3.3.3.2-3.3.3.254(13)"}},
    {"44 range, none wide enough",
     "pool pool1 {'addresses':['3.3.3.2-3.3.3.254']}\nbgp a {'aggregationLength':24}\n",
     "invalid aggregation length 24: prefix 26 in this pool",
     {NULL}},
    {"46 pool twice",
     POOL24 "bgp a {'ipAddressPools':['pool1','pool1']}\n",
     "BGPAdvertisement a: duplicate definition of ipAddressPools \"pool1\"",
     {NULL}},
    {"47 peer twice",
     POOL24 "bgp a {'peers':['peer1','peer1']}\n",
     "duplicate definition of peers \"peer1\"",
     {NULL}},
    {"79 pool selector twice",
     POOL24 "bgp a {'ipAddressPoolSelectors':[{'matchLabels':{'a':'b'}},{'matchLabels':"
            "{'a':'b'}}]}\n",
     "duplicate definition of ipAddressPoolSelectors {map[\"a\":\"b\"] []}",
     {NULL}},
    {"80 selector value twice",
     POOL24 "bgp a {'ipAddressPoolSelectors':[{'matchExpressions':[{'key':'k','operator':'In',"
            "'values':['pool1','pool1']}]}]}\n",
     "duplicate definition of match expression value in label selector \"pool1\"",
     {NULL}},
    {"83 node selectors",
     POOL24 "node first {'first':'true'}\nnode second {'second':'true'}\n"
            "bgp a {'nodeSelectors':[{'matchLabels':{'second':'true'}}]}\n"
            "l2 a {'nodeSelectors':[{'matchLabels':{'first':'true'}}]}\n",
     NULL,
     {"l2 a names=[a] nodes=[first]", "communities=[] nodes=[second]"}},
    {"84 node selector twice",
     POOL24 "bgp a {'nodeSelectors':[{'matchLabels':{'a':'b'}},{'matchLabels':{'a':'b'}}]}\n",
     "duplicate definition of nodeSelectors {map[\"a\":\"b\"] []}",
     {NULL}},
    {"85 expressions equal after sorting",
     POOL24 "bgp a {'nodeSelectors':[{'matchExpressions':[{'key':'k','operator':'In','values':"
            "['first','second']},{'key':'k','operator':'In','values':['second','first']}]}]}\n",
     "duplicate definition of match expressions {\"k\" \"In\" [\"first\" \"second\"]}",
     {NULL}},
    {"86 all nodes",
     POOL24 NODES2 "bgp a {}\nl2 a {}\n",
     NULL,
     {"l2 a names=[a] nodes=[node1,node2]", "communities=[] nodes=[node1,node2]"}},
    {"87 preference and peers",
     POOL24 "bgp a {'localPref':100,'peers':['peer1']}\n",
     NULL,
     {"pref=100 prepend=0 communities=[] nodes=[] peers=[peer1]"}},
    {"equal objects",
     POOL24 "bgp a {'localPref':1}\nbgp a {'localPref':1}\n",
     "duplicate definition of bgpadvertisements. advertisement 1 and 2 are equal",
     {NULL}},
    {"pool by name and by selector is attached once",
     "pool pool1 {'addresses':['10.0.0.0/24']} {'a':'b'}\n"
     "bgp a {'ipAddressPools':['pool1'],'ipAddressPoolSelectors':[{'matchLabels':{'a':'b'}}]}\n"
     "bfd z {}\n",
     NULL,
     {"10.0.0.0/24(1)\n  bgp a lengths=32/128 pref=0 prepend=0 communities=[] nodes=[] peers=[] "
      "services=[]\nbfd z"}},
    {"bad node selector",
     POOL24 "bgp a {'nodeSelectors':[{'matchExpressions':[{'key':'k','operator':'invalid'}]}]}\n",
     "\"invalid\" is not a valid label selector operator\ninvalid label selector {map[] [{\"k\" "
     "\"invalid\" []}]}\nfailed to parse node selector for a",
     {NULL}},
    {"bad service selector",
     POOL24 "bgp a {'serviceSelectors':[{'matchExpressions':[{'key':'k','operator':'In'}]}]}\n",
     "invalid service selector {map[] [{\"k\" \"In\" []}]}: values: Invalid value",
     {NULL}},
    {"bad pool selector",
     POOL24 "bgp a {'ipAddressPoolSelectors':[{'matchExpressions':[{'key':'k',"
            "'operator':'invalid'}]}]}\n",
     "\"invalid\" is not a valid label selector operator\ninvalid label selector {map[]",
     {NULL}},
    /* changes-0.16.2 13 */
    {"prepend 2 and 5",
     POOL24 NODES2 "bgp a {'asPathPrepend':2}\nbgp b {'asPathPrepend':5}\n",
     "invalid as path prepend 5: as path prepend 2 was already set for the same type of BGP "
     "update. Check existing BGP advertisements with common pools and aggregation lengths",
     {NULL}},
    {"prepend 2 and none",
     POOL24 NODES2 "bgp a {'asPathPrepend':2}\nbgp b {}\n",
     "invalid as path prepend 0: as path prepend 2 was already set",
     {NULL}},
    {"prepend, other length",
     POOL24 NODES2 "bgp a {'asPathPrepend':3,'aggregationLength':24}\nbgp b {'asPathPrepend':4}\n",
     NULL,
     {"prepend=3"}},
    {"prepend, dual pool, both lengths differ",
     DUAL NODES2 "bgp a {'asPathPrepend':3,'aggregationLength':24,'aggregationLengthV6':64}\n"
                 "bgp b {'asPathPrepend':4}\n",
     NULL,
     {"prepend=3"}},
    {"prepend, other nodes",
     POOL24 "node node1 {'n':'1'}\nnode node2 {'n':'2'}\n"
            "bgp a {'asPathPrepend':4,'nodeSelectors':[{'matchLabels':{'n':'1'}}]}\n"
            "bgp b {'asPathPrepend':5,'nodeSelectors':[{'matchLabels':{'n':'2'}}]}\n",
     NULL,
     {"prepend=5"}},
    {"prepend, other peers",
     POOL24 NODES2 "bgp a {'asPathPrepend':4,'peers':['peer1']}\n"
                   "bgp b {'asPathPrepend':5,'peers':['peer2']}\n",
     NULL,
     {"prepend=5"}},
    {"panic row",
     "pool 0 {'addresses':['::-0.0.0.0']}\nbgp a {'localPref':4}\nbgp b {}\n",
     "invalid CIDR \"::-0.0.0.0\" in pool \"0\": invalid IP range \"::-0.0.0.0\": start and end "
     "IPs must be the same family",
     {NULL}},
};

static const struct world_row service_selectors[] = {
    {"one each",
     POOL24 "bgp a {'serviceSelectors':[{'matchLabels':{'app':'nginx'}}]}\n"
            "l2 a {'serviceSelectors':[{'matchLabels':{'app':'web'}}]}\n",
     NULL,
     {"interfaces=[] services=[app=web]", "peers=[] services=[app=nginx]"}},
    {"two, sorted",
     POOL24 "bgp a {'serviceSelectors':[{'matchLabels':{'app':'nginx'}},"
            "{'matchLabels':{'app':'apache'}}]}\n",
     NULL,
     {"services=[app=apache; app=nginx]"}},
    {"and a length",
     POOL24 "bgp a {'aggregationLength':24,'serviceSelectors':[{'matchLabels':{'a':'b'}}]}\n",
     "serviceSelectors and aggregationLength are mutually exclusive, both cannot be set in a",
     {NULL}},
    {"and an IPv6 length",
     "pool pool1 {'addresses':['2001:db8::/64']}\n"
     "bgp a {'aggregationLengthV6':64,'serviceSelectors':[{'matchLabels':{'a':'b'}}]}\n",
     "serviceSelectors and aggregationLengthV6 are mutually exclusive, both cannot be set in a",
     {NULL}},
    {"and the default lengths",
     POOL24 "bgp a {'aggregationLength':32,'aggregationLengthV6':128,"
            "'serviceSelectors':[{'matchLabels':{'a':'b'}}]}\n",
     NULL,
     {"lengths=32/128"}},
    {"twice",
     POOL24 "bgp a {'serviceSelectors':[{'matchLabels':{'a':'b'}},{'matchLabels':{'a':'b'}}]}\n",
     "duplicate definition of serviceSelectors {map[\"a\":\"b\"] []}",
     {NULL}},
};

#define DUPLICATE "already exists: BGPPeers"
#define PEER(name, more) "peer " name " {'myASN':123,'peerASN':42" more "}\n"
#define ON(node) ",'nodeSelectors':[{'matchLabels':{'n':'" node "'}}]"
#define ON2(a, b) ",'nodeSelectors':[{'matchLabels':{'n':'" a "'}},{'matchLabels':{'n':'" b "'}}]"
#define AT(last) ",'peerAddress':'10.0.0." last "'"
#define NODES4 "node n1 {'n':'1'}\nnode n2 {'n':'2'}\nnode n3 {'n':'3'}\nnode n4 {'n':'4'}\n"

/* Spec 8.2. The mode checks of native do not exist here: all features work (speaker-bgp V4). Of the
 * FRR checks only the duplicate peer is left. */
static const struct world_row modes[] = {
    {"native would refuse the features of FRR",
     PEER("a", AT("1") ",'bfdProfile':'b','enableGracefulRestart':true,'disableMP':true,"
                       "'localASN':7,'keepaliveTime':'1s','connectTime':'1s','vrf':'red',"
                       "'dualStackAddressFamily':true")
         PEER(
             "b",
             ",'interface':'eth0'") "bfd b {}\n" DUAL
                                    "bgp adv {'communities':['large:123:456:789','x'],'asPathPrepend':3}\n"
                                    "community c {'communities':[{'name':'x','value':'large:123:456:789'}]}\n",
     NULL,
     {"prepend=3 communities=[large:123:456:789]"}},
    {"router IDs X, X, Y: fine, one a session",
     PEER("a", AT("1") ",'routerID':'1.1.1.1'") PEER("b", AT("2") ",'routerID':'1.1.1.1'")
         PEER("c", AT("3") ",'routerID':'2.2.2.2'"),
     NULL,
     {"router=2.2.2.2"}},
    {"router IDs X, X, none: fine",
     PEER("a", AT("1") ",'routerID':'1.1.1.1'") PEER("b", AT("2")),
     NULL,
     {"router=1.1.1.1"}},
    {"own ASNs 123, 124: fine, one a session",
     PEER("a", AT("1")) "peer b {'myASN':124,'peerASN':42" AT("2") "}\n",
     NULL,
     {"asn=124/42/0"}},
    {"same address twice",
     PEER("a", AT("1")) PEER("b", AT("1")),
     "BGPPeer b: peer 10.0.0.1 already exists: BGPPeers \"a\" and \"b\" select the same node and "
     "have the same address, VRF, port and source address",
     {NULL}},
    {"same address in three VRFs",
     PEER("a", AT("1")) PEER("b", AT("1") ",'vrf':'red'") PEER("c", AT("1") ",'vrf':'green'"),
     NULL,
     {"vrf=green"}},
    {"same address in default, red, red",
     PEER("a", AT("1")) PEER("b", AT("1") ",'vrf':'red'") PEER("c", AT("1") ",'vrf':'red'"),
     "peer 10.0.0.1-red already exists: BGPPeers \"b\" and \"c\"",
     {NULL}},
    {"same address, other spelling",
     PEER("a", ",'peerAddress':'2001:db8::1'") PEER("b", ",'peerAddress':'2001:DB8:0::1'"),
     "peer 2001:db8::1 already exists",
     {NULL}},
    {"same address, other port: two sessions",
     PEER("a", AT("1")) PEER("b", AT("1") ",'peerPort':1179"),
     NULL,
     {"port=1179"}},
    {"same address, other source: two sessions",
     PEER("a", AT("1")) PEER("b", AT("1") ",'sourceAddress':'10.0.0.9'"),
     NULL,
     {"source=10.0.0.9"}},
    {"interfaces eth0, eth1",
     PEER("a", ",'interface':'eth0'") PEER("b", ",'interface':'eth1'"),
     NULL,
     {"interface=eth1"}},
    {"interfaces eth0, eth0",
     PEER("a", ",'interface':'eth0'") PEER("b", ",'interface':'eth0'"),
     "peer eth0 already exists: BGPPeers \"a\" and \"b\"",
     {NULL}},
    {"same address on two nodes",
     NODES4 PEER("a", AT("1") ON("1")) PEER("b", AT("1") ON("2")),
     NULL,
     {"nodes=[n1]", "nodes=[n2]"}},
    {"same address on one node",
     NODES4 PEER("a", AT("1") ON("1")) PEER("b", AT("1") ON("1")),
     DUPLICATE,
     {NULL}},
    {"all nodes and one of them",
     NODES4 PEER("a", AT("1")) PEER("b", AT("1") ON("1")),
     DUPLICATE,
     {NULL}},
    {"no nodes known", PEER("a", AT("1") ON("1")) PEER("b", AT("1") ON("2")), DUPLICATE, {NULL}},
    {"three nodes",
     NODES4 PEER("a", AT("1") ON("1")) PEER("b", AT("1") ON("2")) PEER("c", AT("1") ON("3")),
     NULL,
     {"nodes=[n3]"}},
    {"node 1, 2, 1",
     NODES4 PEER("a", AT("1") ON("1")) PEER("b", AT("1") ON("2")) PEER("c", AT("1") ON("1")),
     "BGPPeers \"a\" and \"c\"",
     {NULL}},
    {"{1 or 2} and {3 or 4}",
     NODES4 PEER("a", AT("1") ON2("1", "2")) PEER("b", AT("1") ON2("3", "4")),
     NULL,
     {"nodes=[n1,n2]"}},
    {"{1 or 2} and {3 or 2}",
     NODES4 PEER("a", AT("1") ON2("1", "2")) PEER("b", AT("1") ON2("3", "2")),
     DUPLICATE,
     {NULL}},
};

struct table {
    const char *name;
    const struct world_row *rows;
    size_t count;
};

static const struct table tables[] = {
    {"all features", all_features, ARRAY_SIZE(all_features)},
    {"pools", pools, ARRAY_SIZE(pools)},
    {"peers", peers, ARRAY_SIZE(peers)},
    {"BFD profiles", bfd_profiles, ARRAY_SIZE(bfd_profiles)},
    {"communities", communities, ARRAY_SIZE(communities)},
    {"BGP advertisements", bgp_advs, ARRAY_SIZE(bgp_advs)},
    {"service selectors", service_selectors, ARRAY_SIZE(service_selectors)},
    {"modes", modes, ARRAY_SIZE(modes)},
};

static void rows_are_as_specified(void **state)
{
    size_t failed = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        for (size_t k = 0; k < tables[i].count; k++) {
            if (world_check(&tables[i].rows[k]))
                continue;
            failed++;
            print_error("table %s, row %s\n", tables[i].name, tables[i].rows[k].name);
        }
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_as_specified),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
