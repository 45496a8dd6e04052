# SPDX-License-Identifier: Apache-2.0
"""Our speakers in a routed cluster (routed.py), with exactly the rights of MetalLB's: from the objects to what the router
holds, and to the client who is served through it. No controller runs: addresses are written by hand."""
import base64
import contextlib
import json
import signal
import time

import netns
import pytest
import routed
from client import ApiError
from cluster import NAMESPACE
from folder import EXCLUDE_LABEL, NODES, ask as ask_control, binary
from objects import endpoints, l2_advertisement, pool, service
from programs import PATIENCE
from routed import AT, AT6, CLIENT, ENDPOINTS, MY_AS, ROUTER, ROUTER_AS, Asking, ask
from speakers import Speakers, natural_owner

from netns import until

VIP, OTHER_VIP = "198.18.0.10", "198.18.0.11"
VIP6 = "2001:db8:ff00::10"
GRACEFUL_SHUTDOWN = ("gracefulShutdown", "65535:0")  # as FRR has it, by version
KINDS = ("EndpointSlice", "Pod", "Secret", "ServiceBGPStatus", "ServiceL2Status", "ConfigurationState", "BGPPeer",
         "BGPAdvertisement", "L2Advertisement", "IPAddressPool", "BFDProfile", "Event")


@pytest.fixture(scope="module")
def wires():
    reason = netns.missing() or routed.Frr.missing()
    if reason:
        pytest.skip(reason)
    with routed.built() as built:
        yield built


@pytest.fixture
def site(wires):
    """Nodes, router and client; no Service, no peer, no speaker."""
    net, plane, _ = wires
    with Speakers(net, plane, NODES) as speakers:
        site = Site(*wires, speakers)
        yield site
        plane.print_logs()
        site.withdraw()
    site.clear()


class Site:
    """The cluster as a test sees it."""

    def __init__(self, net, plane, router, speakers):
        self.net, self.plane, self.router, self.speakers = net, plane, router, speakers
        self.admin = plane.admin

    # --- objects ---

    def advertise(self, *peers, advertisement=None):
        """A pool, its advertisement, peers."""
        self.admin.apply(pool("home", "198.18.0.10-198.18.0.99", VIP6 + "/128"))
        for obj in (advertisement or bgp_advertisement(), *(peers or [bgp_peer()])):
            self.admin.apply(obj)

    def publish(self, name="web", *ips, on=NODES, conditions=None, **spec):
        """A Service with addresses, and endpoints on these nodes."""
        made = self.admin.create(service(name, **spec))
        self.move(name, *on, **(conditions or {}))
        self.admin.set_status(made, {"loadBalancer": {"ingress": [{"ip": ip} for ip in ips or (VIP,)]}})

    def move(self, name, *nodes, **conditions):
        made = dict(endpoints(name, nodes, **conditions), ports=[{"port": routed.PORT, "protocol": "TCP", "name": ""}])
        for endpoint in made["endpoints"]:
            endpoint["addresses"] = [ENDPOINTS[endpoint["nodeName"]]]
        self.admin.apply(made)

    def label(self, node, **labels):
        self.admin.patch("Node", node, {"metadata": {"labels": labels}})

    def available(self, node, yes):
        self.admin.patch("Node", node, {"status": {"conditions": [
            {"type": "NetworkUnavailable", "status": "False" if yes else "True", "reason": "test", "message": ""}]}}, sub="status")

    # --- speakers ---

    def start(self, *nodes, flags=()):
        for node in nodes or NODES:
            self.speakers.start(node, f"--control-socket={self.control(node)}", *flags, gossip=False)

    def control(self, node):
        return f"{self.net.folder}/{node}.sock"

    def peers_of(self, node):
        """{name: what the speaker tells of it}; None while it does not answer yet."""
        try:
            return {p["name"]: p for p in ask_control(self.control(node))["bgp"]["peers"]}
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    # --- what comes of it ---

    def hops(self, ip=VIP):
        """The nodes that the router's kernel sends to."""
        names = {address: name for name, address in AT.items()}
        return {names[hop] for hop in self.router.kernel_routes().get(f"{ip}/32", ())}

    def until_hops(self, *nodes, ip=VIP, timeout=PATIENCE):
        last = []

        def reached():
            last[:] = [self.hops(ip)]
            return last[0] == set(nodes)
        try:
            until(reached, timeout, f"{ip} by {nodes}", step=0.05)
        except AssertionError as e:
            raise AssertionError(f"{e}, not by {last[0]}\n{self.router.vtysh('show bgp summary', 'show bgp ipv4 unicast')}") from None

    def until_served(self, *by, ip=VIP):
        """By the servers of these nodes. Returns the client's address as each answer has it."""
        def answered():
            found = ask(self.net, ip)
            return found and found[0] in by and found[1]
        return until(answered, PATIENCE, f"{ip} is answered from {by}")

    def until_steady(self, *by, ip=VIP):
        """Through whichever node the router chooses."""
        in_a_row = 0
        while in_a_row < 20:
            in_a_row = in_a_row + 1 if ask(self.net, ip) else 0
            if in_a_row == 0:
                self.until_served(*by, ip=ip)

    def until_statuses(self, wanted, name="web"):
        """{node: [names of peers]}, and no others."""
        last = []

        def found():
            last[:] = [statuses(self.admin, name)]
            return sorted(last[0], key=str) == sorted(((node, peers) for node, peers in wanted.items()), key=str)
        try:
            until(found, PATIENCE, f"statuses {wanted}")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{json.dumps(last, indent=1)}") from None

    def until_event(self, kind, name, reason, *words):
        def found():
            return next((e for space in ("default", NAMESPACE) for e in self.admin.list("Event", space)
                         if e["reason"] == reason and e["involvedObject"]["kind"] == kind and e["involvedObject"]["name"] == name and
                         all(w in e["message"] for w in words)), None)
        return until(found, PATIENCE, f"an Event {reason} of {kind} {name} with {words}")

    def until_state(self, node, result, summary=""):
        self.admin.until(lambda o: o.get("status", {}).get("result") == result and summary in o["status"].get("errorSummary", ""),
                         "ConfigurationState", f"speaker-{node}", NAMESPACE)

    # --- the end ---

    def withdraw(self):
        """The routes go with the Services, while there are speakers: some of these would leave them with the router."""
        self.admin.remove_all("Service")
        if any(p.running() for p in self.speakers.programs.values()):
            with contextlib.suppress(AssertionError):
                self.router.until_routes("ipv4", [], timeout=5)

    def clear(self):
        for kind in KINDS:
            self.admin.remove_all(kind)
        for node in NODES:
            self.admin.patch("Node", node, {"metadata": {"labels": None, "annotations": None}})
            self.available(node, True)
        until(lambda: not any(p["status"] == "up" for p in self.router.bfd_peers()), PATIENCE, "BFD is down")
        self.router.clear()
        for family in ("ipv4", "ipv6"):
            self.router.until_routes(family, [])


def metallb(kind, name, version="v1beta1", **spec):
    return {"apiVersion": "metallb.io/" + version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def bgp_peer(name="router", address=ROUTER, asn=ROUTER_AS, **spec):
    return metallb("BGPPeer", name, "v1beta2", myASN=MY_AS, peerASN=asn, peerAddress=address, connectTime="1s", **spec)


def bgp_advertisement(name="all", **spec):
    return metallb("BGPAdvertisement", name, **spec)


def bfd_profile(name="fast", **spec):
    return metallb("BFDProfile", name, receiveInterval=100, transmitInterval=100, detectMultiplier=3, **spec)


def selector(**labels):
    return [{"matchLabels": labels}]


def host(node):
    return selector(**{"kubernetes.io/hostname": node})


def statuses(admin, name="web"):
    """[(node, peers)]"""
    found = [o.get("status", {}) for o in admin.list("ServiceBGPStatus", NAMESPACE)]
    return [(s.get("node"), s.get("peers")) for s in found if s.get("serviceName") in (name, None)]


# --- from the client to an endpoint ---


def test_cluster_policy(site):
    """Equal routes over all nodes, whichever have an endpoint; each of them takes its share."""
    site.advertise()
    site.publish(on=["oak"])
    site.start()
    site.until_hops(*NODES)
    seen = set()
    until(lambda: seen.add(site.until_served("oak")) or seen >= {CLIENT, AT["elm"], AT["fir"]}, PATIENCE, "all nodes forward")
    for node in NODES:
        event = site.until_event("Service", "web", "nodeAssigned", f'"{node}"')
        assert event["message"] == f'announcing from node "{node}" with protocol "bgp"'
        assert event["type"] == "Normal" and event["source"]["component"] == "metallb-speaker"
    # A second Service, and the end of the first.
    site.publish("later", OTHER_VIP, on=["fir"])
    site.until_hops(*NODES, ip=OTHER_VIP)
    site.until_served("fir", ip=OTHER_VIP)
    site.admin.delete("Service", "web")
    site.until_hops()
    site.until_hops(*NODES, ip=OTHER_VIP)


def test_local_policy(site):
    """Nodes with an endpoint alone; the server sees the client. The route follows the endpoint."""
    site.advertise()
    site.publish(on=["oak", "elm"], externalTrafficPolicy="Local")
    site.start()
    site.until_hops("oak", "elm")
    for node in ("oak", "elm"):
        assert site.until_served(node) == CLIENT
    site.move("web", "fir")
    site.until_hops("fir")
    assert site.until_served("fir") == CLIENT
    site.until_statuses({"fir": ["router"]})
    site.move("web")
    site.until_hops()
    site.until_statuses({})


def test_endpoint_conditions(site):
    """An endpoint counts when ready is absent or true, and else when it is serving."""
    site.advertise()
    rows = {OTHER_VIP: {"ready": False, "serving": False}, "198.18.0.12": {"ready": True, "serving": False},
            "198.18.0.13": {"ready": False, "serving": True, "terminating": True}, "198.18.0.14": {"ready": None}}
    for ip, conditions in rows.items():
        site.publish(f"web-{ip[-2:]}", ip, on=["elm"], conditions=conditions, externalTrafficPolicy="Local",
                     publishNotReadyAddresses=True)
    site.start("elm")
    announced = [ip for ip in rows if ip != OTHER_VIP]
    site.router.until_routes("ipv4", [ip + "/32" for ip in announced])
    for ip in announced:
        assert site.until_served("elm", ip=ip) == CLIENT
    site.move("web-11", "elm", ready=False, serving=True)
    site.until_hops("elm", ip=OTHER_VIP)


def test_both_families(site):
    site.advertise(bgp_peer(dualStackAddressFamily=True))
    site.publish("web", VIP, VIP6, ipFamilyPolicy="RequireDualStack")
    site.start("oak", "elm")
    site.until_hops("oak", "elm")
    routes = site.router.until_routes("ipv6", [VIP6 + "/128"])[VIP6 + "/128"]
    until(lambda: len(site.router.routes("ipv6")[VIP6 + "/128"]) == 2, PATIENCE, f"two ways, not {routes}")
    assert {AT6[node] for node in ("oak", "elm")} == {
        hop for r in site.router.routes("ipv6")[VIP6 + "/128"] for hop in r.next_hops if not hop.startswith("fe80")}


def test_nodes_that_may_not(site):
    """The condition, the label, and an advertisement that does not list the node."""
    site.advertise()
    site.publish()
    site.start()
    site.until_hops(*NODES)
    site.available("oak", False)
    site.until_hops("elm", "fir")
    site.label("elm", **{EXCLUDE_LABEL: ""})
    site.until_hops("fir")
    site.until_statuses({"fir": ["router"]})
    site.available("oak", True)
    site.label("elm", **{EXCLUDE_LABEL: None})
    site.until_hops(*NODES)
    site.label("oak", rack="1")
    site.admin.apply(bgp_advertisement(nodeSelectors=selector(rack="1")))
    site.until_hops("oak")
    site.label("fir", rack="1")
    site.until_hops("oak", "fir")


def test_bgp_beside_layer_2(site):
    """Both announce one Service, and each goes without the other."""
    site.advertise()
    site.admin.apply(l2_advertisement(interfaces=["eth0"]))
    site.publish()
    site.start()
    owner = natural_owner(VIP, NODES)
    site.until_hops(*NODES)

    def answers():
        # From an address of its own: the router has a route to the address, and would not ask.
        return site.net.run("router", "arping", "-c", "1", "-w", "1", "-I", "eth0", VIP, check=False).lower()
    until(lambda: site.net.mac(owner, "eth0") in answers(), PATIENCE, "an ARP reply of the owner")
    for protocol in ("bgp", "layer2"):
        site.until_event("Service", "web", "nodeAssigned", f'from node "{owner}" with protocol "{protocol}"')
    site.until_statuses({node: ["router"] for node in NODES})
    site.admin.delete("BGPAdvertisement", "all", NAMESPACE)
    site.until_hops()
    site.until_statuses({})
    assert site.net.mac(owner, "eth0") in answers()
    site.admin.apply(bgp_advertisement())
    site.until_hops(*NODES)
    site.admin.delete("L2Advertisement", "lan", NAMESPACE)
    until(lambda: not any(site.net.mac(node, "eth0") in answers() for node in NODES), PATIENCE, "no ARP reply")
    assert site.hops() == set(NODES)


# --- peers ---


def test_statuses(site):
    """The peers that are to get a route of the Service, whether they have a session or not (spec speaker-bgp S1)."""
    site.advertise()
    site.publish()
    site.start()
    site.until_statuses({node: ["router"] for node in NODES})
    site.admin.create(bgp_peer("absent", "203.0.113.77"))
    site.until_statuses({node: ["absent", "router"] for node in NODES})
    status = next(o for o in site.admin.list("ServiceBGPStatus", NAMESPACE) if o["status"]["node"] == "oak")
    assert status["metadata"]["name"].startswith("bgp-")
    assert {k: v for k, v in status["metadata"]["labels"].items() if k.startswith("metallb.io/")} == {
        "metallb.io/node": "oak", "metallb.io/service-name": "web", "metallb.io/service-namespace": "default"}
    assert status["status"]["serviceNamespace"] == "default"
    owner, = status["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Pod", "speaker-oak")
    # The list of an advertisement; what it names and is not there changes nothing.
    site.admin.apply(bgp_advertisement(peers=["router", "dummy"]))
    site.until_statuses({node: ["router"] for node in NODES})
    site.admin.apply(bgp_advertisement(peers=["absent", "router"]))
    site.until_statuses({node: ["absent", "router"] for node in NODES})
    # The nodes of a peer, and those of the advertisement.
    site.label("oak", rack="1")
    site.admin.apply(bgp_peer("absent", "203.0.113.77", nodeSelectors=selector(rack="1")))
    site.until_statuses({"oak": ["absent", "router"], "elm": ["router"], "fir": ["router"]})
    site.admin.delete("BGPPeer", "router", NAMESPACE)
    site.until_statuses({"oak": ["absent"]})
    site.admin.create(bgp_peer())
    site.admin.apply(bgp_advertisement(nodeSelectors=selector(rack="1")))
    site.until_statuses({"oak": ["absent", "router"]})
    # Deleted or changed by hand, it comes back.
    found, = site.admin.list("ServiceBGPStatus", NAMESPACE)
    site.admin.delete("ServiceBGPStatus", found["metadata"]["name"], NAMESPACE)
    site.admin.until_gone("ServiceBGPStatus", found["metadata"]["name"], NAMESPACE)
    site.until_statuses({"oak": ["absent", "router"]})
    found, = site.admin.list("ServiceBGPStatus", NAMESPACE)
    site.admin.set_status(found, {"peers": ["nobody"]})
    site.until_statuses({"oak": ["absent", "router"]})
    site.admin.delete("Service", "web")
    site.until_statuses({})


def test_peer_that_fails(site):
    """The person who wrote the BGPPeer is told, and other peers are not disturbed."""
    site.advertise(bgp_peer(nodeSelectors=selector(rack="1")), bgp_peer("wrong", asn=64999, nodeSelectors=selector(rack="2")))
    site.publish()
    site.label("oak", rack="1")
    site.label("elm", rack="2")
    site.start("oak", "elm")
    event = site.until_event("BGPPeer", "wrong", "notificationSent", "elm")
    assert event["type"] == "Warning" and "AS" in event["message"]
    site.until_hops("oak")
    assert site.peers_of("elm")["wrong"]["state"] != "Established"
    assert not [e for e in site.admin.list("Event", NAMESPACE) if e["involvedObject"]["name"] == "router"]


def test_peer_that_selects_nodes(site):
    """A label of the node opens and closes the session."""
    site.advertise(bgp_peer(nodeSelectors=selector(rack="1")))
    site.publish()
    site.start("oak", "elm")
    until(lambda: site.peers_of("oak") == {} and site.peers_of("elm") == {}, PATIENCE, "both run without a peer")
    site.label("oak", rack="1")
    site.until_hops("oak")
    assert set(site.peers_of("oak")) == {"router"} and site.peers_of("elm") == {}
    site.label("elm", rack="1")
    site.until_hops("oak", "elm")
    site.label("oak", rack=None)
    site.until_hops("elm")
    assert site.peers_of("oak") == {}


def secret(name, password):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
            "type": "kubernetes.io/basic-auth", "data": {"password": base64.b64encode(password.encode()).decode()}}


def test_password(site):
    """From a Secret, which comes late and is changed later."""
    first, second = "correct-horse", "battery-staple"

    def at_router(command):
        site.router.configure(f"router bgp {ROUTER_AS}", command)
    at_router(f"neighbor {AT['oak']} password {first}")
    try:
        site.advertise(bgp_peer(passwordSecret={"name": "router"}))
        site.publish()
        site.start("oak")
        site.until_state("oak", "Invalid", "router")
        site.admin.create(secret("router", first))
        site.until_hops("oak")
        site.until_state("oak", "Valid")
        at_router(f"neighbor {AT['oak']} password {second}")
        site.until_hops()
        site.admin.apply(secret("router", second))
        site.until_hops("oak")
        log = site.speakers.programs["oak"].log()
        assert first not in log and second not in log
    finally:
        at_router(f"no neighbor {AT['oak']} password")


def test_status_of_a_speaker(site):
    """`steellb status`, its parts `bgp` and `routes`, and `steellb explain`, asked at the socket of a speaker."""
    def status(*words):
        return site.net.run("oak", binary(), "status", *words, "--control-socket", site.control("oak"))
    site.advertise(bgp_peer(), bgp_peer("absent", "203.0.113.77"), advertisement=bgp_advertisement(communities=["65000:1"]))
    site.publish()
    site.publish("other", OTHER_VIP)
    site.start("oak", flags=["--drain-delay=1h"])
    site.until_hops("oak")
    site.until_hops("oak", ip=OTHER_VIP)
    until(lambda: f"{VIP}/32 to router: sent, communities 65000:1" in status("routes"), PATIENCE, "the route is sent")

    text = status("bgp")
    assert text.startswith("2 BGP peers, routes of 2 prefixes\n"), text
    assert f"  router: {ROUTER}, AS {ROUTER_AS}, Established for " in text and "2 of 2 prefixes sent" in text
    assert "  absent: 203.0.113.77, AS " in text
    peers = {p["name"]: p for p in json.loads(status("bgp", "--json"))}
    assert (peers["router"]["state"], peers["router"]["localAddress"]) == ("Established", AT["oak"])
    assert peers["absent"]["state"] != "Established"

    lines = status("routes").splitlines()
    assert [line.split(":")[0] for line in lines] == [f"{ip}/32 to {peer}" for ip in (VIP, OTHER_VIP) for peer in ("absent", "router")]
    assert all(": not sent: the session is not up" in line for line in lines if " to absent" in line), lines
    assert status("routes", OTHER_VIP, "--peer", "router").splitlines() == [lines[3]]
    assert [(r["prefix"], r["peer"]) for r in json.loads(status("routes", "198.18.0.0/16", "--json", "--peer", "router"))] == [
        (VIP + "/32", "router"), (OTHER_VIP + "/32", "router")]

    assert "node oak, up " in status() and "gives its BGP routes away" not in status()
    site.net.run("plane", binary(), "drain", "oak", "--kubeconfig", site.plane.kubeconfig("admin"))
    until(lambda: ", gives its BGP routes away\n" in status(), PATIENCE, "it is told")
    assert "65535:0" in status("routes", VIP, "--peer", "router")


# --- what fails ---


def test_lost_node(site):
    """BFD takes the routes of a node away whose cable is dead, long before its hold time ends."""
    site.admin.apply(bfd_profile())
    site.advertise(bgp_peer(bfdProfile="fast"))
    site.publish()
    site.start()
    site.until_hops(*NODES)
    until(lambda: [p["status"] for p in site.router.bfd_peers()] == ["up"] * len(NODES), PATIENCE, "BFD is up")
    routed.cut(site.net, "oak")
    try:
        site.until_hops("elm", "fir")
        assert site.until_served("elm", "fir")
    finally:
        routed.mend(site.net, "oak")
    site.until_hops(*NODES)
    assert site.peers_of("oak")["router"]["bfd"]["downs"] >= 1


def test_configuration_fault(site):
    """A peer whose BFD profile is missing changes nothing of what runs, on the nodes that it selects and on others."""
    site.advertise()
    site.publish(on=["elm"])
    site.start("oak", "elm")
    site.until_hops("oak", "elm")
    site.until_steady("elm")
    site.label("oak", rack="1")
    site.admin.create(bgp_peer("faulty", "203.0.113.77", bfdProfile="fast", nodeSelectors=selector(rack="1")))
    site.until_state("oak", "Invalid", "configuration error: peer faulty referencing non existing bfd profile fast")
    site.until_state("elm", "Valid")
    with Asking(site.net, VIP) as asking:
        site.admin.apply(bgp_advertisement(localPref=50))  # for oak it waits with the rest
        time.sleep(0.5)
        assert site.hops() == {"oak", "elm"}
    assert asking.count and not asking.unanswered
    site.admin.apply(bfd_profile())
    site.until_state("oak", "Valid")
    site.until_statuses({"oak": ["faulty", "router"], "elm": ["router"]})


@pytest.mark.parametrize("how", ["pause", "kill"])
def test_api_server_gone(site, how):
    """Sessions and routes stay, and it goes on when the server is back."""
    site.advertise()
    site.publish(on=["oak"])
    site.start("oak", "elm")
    site.until_hops("oak", "elm")
    site.until_steady("oak")
    with Asking(site.net, VIP, again=True) as asking:
        (site.plane.pause if how == "pause" else site.plane.kill)()
        try:
            time.sleep(2)
            assert site.hops() == {"oak", "elm"}
            site.speakers.programs["elm"].kill()
            site.until_hops("oak")
        finally:
            (site.plane.resume if how == "pause" else site.plane.start)()
    assert asking.count and not asking.unanswered
    until(lambda: served(site.admin), PATIENCE, "the server has its resource types again")
    if how == "pause":  # one that has just started refuses everything for a moment, and then clients wait up to a minute
        site.admin.delete("Service", "web")
        site.until_hops()
    else:
        site.start("elm")
        site.until_hops("oak", "elm")


def served(admin):
    try:
        return admin.list("ServiceBGPStatus", NAMESPACE) is not None
    except ApiError:
        return False


# --- life ---


@pytest.mark.parametrize("bfd", [False, True], ids=["without BFD", "with BFD"])
def test_graceful_restart(site, bfd):
    """The client is served all the time, though the one speaker there is ends and starts again."""
    site.admin.apply(bfd_profile())
    site.advertise(bgp_peer(enableGracefulRestart=True, **({"bfdProfile": "fast"} if bfd else {})))
    site.publish(on=["elm"])
    site.start("oak")
    site.until_hops("oak")
    site.until_steady("elm")
    if bfd:
        until(lambda: [p["status"] for p in site.router.bfd_peers()].count("up") == 1, PATIENCE, "BFD is up")
    with Asking(site.net, VIP) as asking:
        assert site.speakers.stop("oak") == 0
        until(lambda: any(r.stale for r in site.router.routes("ipv4").get(VIP + "/32", ())), PATIENCE, "the route is stale")
        time.sleep(1)
        assert site.hops() == {"oak"}
        site.start("oak")
        site.router.until_routes("ipv4", [VIP + "/32"])  # fresh ones
        time.sleep(0.5)
    assert asking.count > 20 and not asking.unanswered


def test_graceful_restart_forgets(site):
    """A Service that is gone when the speaker is back is gone at the router, too."""
    site.advertise(bgp_peer(enableGracefulRestart=True))
    site.publish(on=["oak"])
    site.publish("other", OTHER_VIP, on=["oak"])
    site.start("oak")
    site.router.until_routes("ipv4", [VIP + "/32", OTHER_VIP + "/32"])
    site.speakers.stop("oak")
    site.admin.delete("Service", "other")
    assert site.hops(OTHER_VIP) == {"oak"}
    site.start("oak")
    site.router.until_routes("ipv4", [VIP + "/32"])


def test_end_without_graceful_restart(site):
    """The routes of that node go at once, with a word; the others serve."""
    site.advertise()
    site.publish(on=["elm"])
    site.start("oak", "elm")
    site.until_hops("oak", "elm")
    leaving = site.speakers.programs["oak"]
    leaving.signal(signal.SIGTERM)
    site.until_hops("elm")
    assert site.speakers.stop("oak") == 0
    assert site.until_served("elm")
    told = site.router.neighbor(AT["oak"])
    assert "Cease" in told.get("lastNotificationReason", ""), told
    site.start("oak")
    site.until_hops("oak", "elm")


def test_drain(site):
    """`steellb drain`: others are preferred first, then the routes go; undone, they come back. The client is served all the time."""
    def drain(*args):
        site.net.run("plane", binary(), "drain", "oak", *args, "--kubeconfig", site.plane.kubeconfig("admin"))

    def communities():
        return {r.next_hops: set(r.communities) for r in site.router.details("ipv4", VIP + "/32")}

    def yields(node):
        return any(word in communities().get((AT[node],), ()) for word in GRACEFUL_SHUTDOWN)
    site.advertise()
    site.publish(on=["elm"])
    site.start("oak", "elm", flags=["--drain-delay=2s"])
    site.until_hops("oak", "elm")
    site.until_steady("elm")
    with Asking(site.net, VIP, again=True) as asking:
        drain()
        assert site.admin.get("Node", "oak")["metadata"]["annotations"]["steellb.io/drain"] == "true"
        until(lambda: yields("oak"), PATIENCE, "GRACEFUL_SHUTDOWN")
        assert not yields("elm")
        site.until_hops("elm")
        until(lambda: len(communities()) == 1, PATIENCE, "one way")
        drain("--undo")
        site.until_hops("oak", "elm")
        assert not yields("oak")
    assert asking.count and not asking.unanswered
    # What no other node announces stays, unless it is told otherwise.
    site.admin.apply(bgp_advertisement(nodeSelectors=host("oak")))
    site.label("oak", **{"kubernetes.io/hostname": "oak"})
    site.until_hops("oak")
    drain()
    until(lambda: yields("oak"), PATIENCE, "GRACEFUL_SHUTDOWN")
    site.speakers.programs["oak"].until_log("routes are withdrawn now")
    assert site.hops() == {"oak"}
    drain("--force")
    site.until_hops()
