# SPDX-License-Identifier: Apache-2.0
"""Our speakers on the nodes of a lab, and what the client of the LAN sees of them.

    with Speakers(net, plane, NODES) as speakers:
        speakers.start("oak")
        speakers.until_owned("198.18.0.10", "oak")
"""
import hashlib
import itertools
import os
import select
import time

import lab
import lan
from cluster import NAMESPACE
from folder import binary
from objects import pod
from programs import PATIENCE

from netns import mac_bytes, until

SETTLED = 0.3  # seconds in which everybody who answers has answered


def natural_owner(ip, nodes):
    """Whom the election chooses where all are equal (spec speaker-l2 3.4)."""
    return min(nodes, key=lambda n: hashlib.sha256(f"{n}#{ip}".encode()).digest())


class Speakers:
    """`nodes` are those of the lab."""

    _serial = itertools.count(1)  # each process has a log of its own

    def __init__(self, net, plane, nodes):
        self.net, self.plane = net, plane
        self.programs = {}
        self.ear = lan.Ear(net)
        self.mac = mac_bytes(net.mac("client", "eth0"))
        self.names = {mac_bytes(net.mac(n, "eth0")): n for n in nodes}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ear.socket.close()
        for program in self.programs.values():
            program.kill()
            self.plane.clients.remove(program)

    # --- processes ---

    def start(self, node, *flags, gossip=True, files=None, env=None):
        """`files` are those of /etc/metallb."""
        name = f"speaker-{node}"
        if self.plane.admin.find("Pod", name, NAMESPACE) is None:
            self.plane.create_pod(pod(name, node), lab.MANAGEMENT[node])
        folder = os.path.join(self.plane.folder, f"etc-{node}")
        os.makedirs(folder, exist_ok=True)
        for path in os.listdir(folder):
            os.unlink(os.path.join(folder, path))
        for path, text in (files or {}).items():
            with open(os.path.join(folder, path), "w", encoding="utf-8") as f:
                f.write(text)
        settings = {"KUBECONFIG": self.plane.kubeconfig("speaker"), "METALLB_NAMESPACE": NAMESPACE, "METALLB_POD_NAME": name,
                    "METALLB_NODE_NAME": node, "METALLB_HOST": lab.MANAGEMENT[node], "STEELLB_CONFIG_DIR": folder}
        if gossip:
            settings.update(METALLB_ML_BIND_ADDR=lab.MANAGEMENT[node], METALLB_ML_LABELS="app=metallb,component=speaker")
        argv = [binary(), "speaker", "--port=0", "--log-level=debug", *flags]
        self.programs[node] = self.plane.run(f"{name}-{next(Speakers._serial)}", argv, self.net, node, dict(settings, **(env or {})))
        return self.programs[node]

    def stop(self, node):
        """The exit status."""
        return self.programs.pop(node).stop()

    # --- the wire ---

    def owners(self, ip):
        """The names of all that answer one ARP request."""
        self.ear.frames()
        self.ear.socket.send(lan.request(self.mac, ip))
        found, deadline = set(), time.monotonic() + SETTLED
        while time.monotonic() < deadline:
            select.select([self.ear.socket], [], [], max(0, deadline - time.monotonic()))
            found |= {self.names.get(source, source.hex()) for to, source, op, sender, _ in map(lan.arp_fields, self.ear.frames())
                      if op == 2 and sender == ip and to == self.mac}
        return found

    def until_owned(self, ip, *names, timeout=PATIENCE):
        """By these nodes and by no other."""
        last = []

        def owned():
            last[:] = [self.owners(ip)]
            return last[0] == set(names)
        try:
            until(owned, timeout, f"{ip} is answered by {names}")
        except AssertionError as e:
            raise AssertionError(f"{e}, not by {last[0]}") from None
        assert self.owners(ip) == set(names)
