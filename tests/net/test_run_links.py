# SPDX-License-Identifier: Apache-2.0
"""`steellb run` and interfaces: which are used, and what happens when they change."""
import os

import pytest

from folder import Folder, Process, endpoints, l2_advertisement, node, pool, service
from lan import Ear, Wire, add_client_addresses, build_cable
from netns import mac_bytes

VIP = "198.18.0.10"
NEW_MAC = "02:00:00:00:00:77"


class Cable(Wire):
    """One node; its folder and its process."""

    def __init__(self, net, **advertisement):
        build_cable(net)
        super().__init__(net)
        self.folder = Folder(os.path.join(net.folder, "cluster"))
        self.folder.put("node.yaml", node("oak"))
        self.advertise(**advertisement)
        self.folder.put("web.yaml", service("web"), endpoints("web"))

    def advertise(self, **spec):
        self.folder.put("cluster.yaml", pool("home", "198.18.0.10-198.18.0.19"),
                        l2_advertisement(**spec))

    def start(self, *args):
        self.oak = self.processes["oak"] = Process(self.net, "oak", self.folder.path, *args)
        self.oak.ready()

    def add_link(self, name):
        """A second cable, and who hears at its end."""
        self.net.veth("oak", name, "client", name)
        add_client_addresses(self.net, name, "198.18.0.2", "2001:db8:1::1")
        wire = Wire(self.net, name)
        wire.processes = self.processes
        return wire

    def mac_of(self, name="eth0"):
        return mac_bytes(self.net.mac("oak", name))

    def until_answered(self):
        self.until_repliers(VIP, {self.mac_of()})

    def until_link(self, name, **want):
        """None: the key is not there."""
        def found(status):
            links = [x for x in status["interfaces"] if x["name"] == name]
            return links and all(links[0].get(k) == v for k, v in want.items())
        self.oak.until_status(found, f"{name} {want}")


@pytest.fixture
def cable(net):
    c = Cable(net)
    try:
        yield c
    finally:
        for p in c.processes.values():
            print(p.log())
            p.stop()


def test_named_interface(cable):
    """An address is answered only where an advertisement names the interface."""
    other = cable.add_link("lan1")
    cable.advertise(interfaces=["eth0"])
    cable.start()
    cable.until_answered()
    other.until_repliers(VIP, set())
    cable.advertise(interfaces=["lan1"])
    other.until_repliers(VIP, {cable.mac_of("lan1")})
    cable.until_repliers(VIP, set())
    assert cable.oak.status()["announcing"][0]["interfaces"] == ["lan1"]
    cable.advertise(interfaces=["lan1", "eth0"])
    cable.until_answered()
    other.until_repliers(VIP, {cable.mac_of("lan1")})
    cable.advertise()
    cable.until_answered()
    other.until_repliers(VIP, {cable.mac_of("lan1")})
    assert "announceFailed" not in cable.oak.log()


def test_named_interface_comes_later(cable):
    cable.advertise(interfaces=["lan1"])
    cable.start()
    cable.oak.until_log(" warn announceFailed", "service=web", f"ip={VIP}")
    cable.until_repliers(VIP, set())
    other = cable.add_link("lan1")
    other.until_repliers(VIP, {cable.mac_of("lan1")})
    cable.until_repliers(VIP, set())


def test_excluded_interface(cable):
    other = cable.add_link("lan1")
    cable.start("--exclude-interface", "^lan")
    cable.until_answered()
    other.until_repliers(VIP, set())
    cable.until_link("lan1", arp=False, reason="excluded")
    cable.oak.stop()
    cable.start("--exclude-interface", "")
    cable.until_answered()
    other.until_repliers(VIP, {cable.mac_of("lan1")})


def test_interface_goes_and_comes(cable):
    cable.start()
    cable.until_answered()
    cable.net.run("oak", "ip", "link", "set", "eth0", "down")
    cable.until_link("eth0", arp=False, reason="down")
    assert [a["address"] for a in cable.oak.status()["announcing"]] == [VIP]
    with Ear(cable.net) as ear:
        cable.net.run("oak", "ip", "link", "set", "eth0", "up")
        cable.until_answered()
        ear.until_gratuitous(VIP, cable.mac_of())


def test_interface_is_made_anew(cable):
    """Deleted with all that hung on it; one of the same name appears."""
    cable.start()
    cable.until_answered()
    cable.net.run("oak", "ip", "link", "del", "eth0")
    cable.oak.until_status(lambda s: "eth0" not in [x["name"] for x in s["interfaces"]])
    cable.net.veth("oak", "eth0", "client", "eth0")
    add_client_addresses(cable.net)
    again = Wire(cable.net)
    again.processes = cable.processes
    again.until_repliers(VIP, {cable.mac_of()})


def test_carrier(cable):
    """Past the burst of the start, nothing but its return makes frames."""
    cable.start()
    cable.until_answered()
    cable.oak.until_status(lambda s: s["announcing"][0]["sinceSeconds"] >= 6)
    cable.net.run("client", "ip", "link", "set", "eth0", "down")
    with Ear(cable.net) as ear:
        cable.net.run("client", "ip", "link", "set", "eth0", "up")
        ear.until_gratuitous(VIP, cable.mac_of())
    cable.until_answered()


def test_mac_changes(cable):
    cable.start()
    cable.until_answered()
    with Ear(cable.net) as ear:
        cable.net.run("oak", "ip", "link", "set", "eth0", "address", NEW_MAC)
        ear.until_gratuitous(VIP, mac_bytes(NEW_MAC))
    cable.until_repliers(VIP, {mac_bytes(NEW_MAC)})


def test_interface_is_renamed(cable):
    """An advertisement holds for names."""
    cable.advertise(interfaces=["lan0"])
    cable.start()
    cable.until_repliers(VIP, set())
    cable.net.run("oak", "ip", "link", "set", "eth0", "name", "lan0")
    cable.until_repliers(VIP, {cable.mac_of("lan0")})
    cable.net.run("oak", "ip", "link", "set", "lan0", "name", "lan1")
    cable.until_repliers(VIP, set())
    cable.until_link("lan1", arp=True)


def test_interval(cable):
    """Announced again and again, for as long as it runs."""
    cable.start("--gratuitous-arp-interval", "1")
    cable.until_answered()
    cable.oak.until_status(lambda s: s["announcing"][0]["gratuitousSent"] > 2 * 7)
