# SPDX-License-Identifier: Apache-2.0
"""The metrics of BGP and BFD sessions, as `steellb run --metrics-listen` shows them."""
import shutil
import subprocess

import pytest

from folder import PATIENCE
from lab import ROUTER, SPEAKER, announced, bfd_profile, bgp_peer, cable, speaker
from netns import ENV, until
from peers import Bird, Neighbor

PORT = 9120
ADDRESSES = ["198.18.0.10/32", "198.18.0.11/32"]


class Metrics:
    def __init__(self, net, ns="speaker"):
        self.net, self.ns = net, ns

    def text(self):
        return self.net.run(self.ns, "curl", "-sSf", "--max-time", str(PATIENCE), f"http://127.0.0.1:{PORT}/metrics")

    def samples(self):
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in self.text().splitlines() if not line.startswith("#")}

    def of(self, peer, vrf="default"):
        """{family without metallb_: value}; what has more labels keeps them."""
        label = f'peer="{peer}",vrf="{vrf}"'
        return {k.replace("{" + label + "}", "").replace(label + ",", "").removeprefix("metallb_"): v
                for k, v in self.samples().items() if label in k}

    def until(self, check, what, peer=ROUTER):
        def found():
            got = self.of(peer)
            return check(got) and got
        return until(found, PATIENCE, what)


def metered(net, *objects):
    return speaker(net, *objects, args=("--metrics-listen", f"127.0.0.1:{PORT}"))


def services():
    first, second = announced("198.18.0.10"), announced("198.18.0.11", name="mail")
    return [*first, *second[2:]]


def test_a_session_comes_and_goes(net):
    """Before there is a peer, while it is up, after it is lost, and when it is no longer configured."""
    cable(net)
    metrics = Metrics(net)
    profile = bfd_profile(receiveInterval=100, transmitInterval=100, detectMultiplier=3)
    with metered(net, profile, bgp_peer("router", ROUTER, 64513, bfdProfile="fast", connectTime="1s"), *services()) as s:
        before = metrics.of(ROUTER)
        assert (before["bgp_session_up"], before["bgp_announced_prefixes_total"], before["bgp_opens_received"]) == (0, 0, 0)
        assert (before["bfd_session_up"], before["bfd_session_up_events"]) == (0, 0)

        router = Bird(net, "router", 64513, ROUTER, [Neighbor(SPEAKER, asn=64512, bfd=True)]).start()
        router.until_routes("ipv4", ADDRESSES)
        up = metrics.until(lambda m: m["bgp_announced_prefixes_total"] == 2 and m["bfd_session_up"] == 1, "both sessions are up")
        assert (up["bgp_session_up"], up["bgp_pending_prefixes_total"]) == (1, 2)
        assert min(up[f"bgp_{n}"] for n in ("opens_sent", "opens_received", "keepalives_sent", "keepalives_received", "updates_total",
                                            "total_sent", "total_received", "session_transitions_total")) >= 1
        assert up["bgp_total_sent"] >= up["bgp_updates_total"] + up["bgp_keepalives_sent"] + up["bgp_opens_sent"]
        assert up["bfd_control_packet_input"] > 0 and up["bfd_control_packet_output"] > 0 and up["bfd_session_up_events"] == 1
        text = metrics.text()
        for name, ip in (("web", "198.18.0.10"), ("mail", "198.18.0.11")):
            assert f'metallb_speaker_announced{{service="default/{name}",protocol="bgp",node="speaker",ip="{ip}"}} 1' in text
        assert "metallb_layer2_requests_received" not in text

        router.stop()
        lost = metrics.until(lambda m: m["bgp_session_up"] == 0 and m["bfd_session_up"] == 0, "both sessions are lost")
        assert (lost["bgp_announced_prefixes_total"], lost["bfd_session_down_events"]) == (0, 1)
        assert lost["bgp_opens_received"] >= up["bgp_opens_received"] and lost["bgp_updates_total"] >= up["bgp_updates_total"]
        assert any(k.startswith('bgp_last_notification{direction="') for k in lost), lost

        router = Bird(net, "router", 64513, ROUTER, [Neighbor(SPEAKER, asn=64512, bfd=True)]).start()
        again = metrics.until(lambda m: m["bgp_session_up"] == 1 and m["bgp_announced_prefixes_total"] == 2, "it is up again")
        assert again["bgp_opens_received"] > up["bgp_opens_received"] and again["bgp_updates_total"] > up["bgp_updates_total"]

        s.put(*services())
        until(lambda: not metrics.of(ROUTER), PATIENCE, "no series is left")


def test_peers_are_told_apart(net):
    """By VRF, then by port; an interface is a name, too."""
    cable(net)
    peers = [bgp_peer("a", ROUTER), bgp_peer("b", ROUTER, peerPort=1790), bgp_peer("c", {"interface": "eth0"}),
             bgp_peer("d", "2001:db8::1"), bgp_peer("e", "2001:db8::1", peerPort=1790), bgp_peer("f", ROUTER, vrf="red")]
    with metered(net, *peers):
        text = Metrics(net).text()
        for peer, vrf in ((ROUTER, "default"), (f"{ROUTER}:1790", "default"), ("eth0", "default"), ("2001:db8::1", "default"),
                          ("[2001:db8::1]:1790", "default"), (ROUTER, "red")):
            assert f'metallb_bgp_session_up{{peer="{peer}",vrf="{vrf}"}} 0\n' in text
        if not shutil.which("promtool"):
            pytest.skip("no promtool (Debian's package prometheus)")
        r = subprocess.run(["promtool", "check", "metrics"], input=text, env=ENV, text=True, timeout=PATIENCE,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # 3: it can be read, and there are names that promtool would have chosen otherwise: MetalLB's.
        assert r.returncode in (0, 3), r.stdout
        assert all("_total\" suffix" in line for line in r.stdout.splitlines()), r.stdout
