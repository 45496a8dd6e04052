# SPDX-License-Identifier: Apache-2.0
"""The other end of an announcer's cable in the BGP benchmark: a sink, or BIRD as a router, and an ear for the kernel's routes.
Times are those of CLOCK_MONOTONIC in ns."""
import select
import socket
import struct
import subprocess
import time

from bgp_announcers import BFD_MULTIPLIER, LOCAL, LOCAL_AS, PATIENCE, PEER_AS, PREFIX_LEN, Announcer, daemons, peer

RTMGRP_IPV4_ROUTE = 0x40
RTM_NEWROUTE, RTM_DELROUTE, RTA_DST = 24, 25, 1


class Cable:
    """Two namespaces: the announcer's, with LOCAL, and the peers', with an address for each."""

    def __init__(self, net, peers):
        self.net, self.node, self.far = net, "node", "far"
        net.add_ns(self.node)
        net.add_ns(self.far)
        net.veth(self.node, "eth0", self.far, "eth0")
        net.run(self.node, "ip", "addr", "add", "%s/%d" % (LOCAL, PREFIX_LEN), "dev", "eth0")
        net.run(self.far, "sh", "-c", "; ".join("ip addr add %s/%d dev eth0" % (peer(i), PREFIX_LEN) for i in range(peers)))


class Sink:
    """bench/bgp_sink at the far end: all the peers in one process."""

    def __init__(self, cable, build):
        self.process = cable.net.popen(cable.far, build / "bench" / "bgp_sink", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       bufsize=0)
        assert self.process.stdout.readline() == b"ready\n"

    def ask(self, question, patience):
        """The time that is answered."""
        self.process.stdin.write(question.encode() + b"\n")
        if not select.select([self.process.stdout], [], [], patience)[0]:
            raise AssertionError("after %d s still not: %s" % (patience, question))
        return int(self.process.stdout.readline().split()[1])

    def established(self, sessions, patience=PATIENCE):
        """When the last of the sessions was."""
        return self.ask("established %d" % sessions, patience)

    def holds(self, sessions, routes, patience=PATIENCE):
        """When the last of the sessions came to hold exactly so many routes."""
        return self.ask("holds %d %d" % (sessions, routes), patience)


class Router(daemons.Bird):
    """BIRD, with the kernel's table, as the only peer."""

    def __init__(self, cable, bfd_ms=0):
        bfd = {"interval": "%d ms" % bfd_ms, "multiplier": BFD_MULTIPLIER} if bfd_ms else None
        super().__init__(cable.net, cable.far, PEER_AS, peer(0), [daemons.Neighbor(LOCAL, asn=LOCAL_AS, passive=True, bfd=bfd)])
        self.start()


class KernelRoutes:
    """Hears the changes of the far end's routes."""

    def __init__(self, cable):
        self.socket = cable.net.socket(cable.far, None, socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.socket.bind((0, RTMGRP_IPV4_ROUTE))

    def wait(self, kind, address, patience=PATIENCE):
        """When a message of that kind about the host route came."""
        wanted = struct.pack("=HH", 8, RTA_DST) + socket.inet_aton(address)
        self.socket.settimeout(patience)
        while True:
            data = self.socket.recv(65536)
            now = time.monotonic_ns()
            at = 0
            while at < len(data):
                length, this = struct.unpack_from("=IH", data, at)
                if this == kind and wanted in data[at:at + length]:
                    return now
                at += (length + 3) & ~3

    def wait_there(self, address):
        return self.wait(RTM_NEWROUTE, address)

    def wait_gone(self, address):
        return self.wait(RTM_DELROUTE, address)


class Ideal(Announcer):
    """bench/bgp_ideal, which knows one route."""

    name = "ideal"

    def __init__(self, cable, setup, address):
        super().__init__(cable, setup)
        self.address = address

    def start(self):
        before = self.spawn(self.setup.build / "bench" / "bgp_ideal", self.peers[0], LOCAL, LOCAL_AS, self.address,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.process.stdout.readline() == b"ready\n"
        return before

    def order(self, word):
        before = time.monotonic_ns()
        self.process.stdin.write(word)
        return before

    def announce(self, _address):
        return self.order(b"+")

    def withdraw(self, _address):
        return self.order(b"-")
