# SPDX-License-Identifier: Apache-2.0
"""Who sees what a controller and a speaker do, and when. All times are in ns since 1970, of one clock.

    with Tail(client, "Service", "default", names) as tail, Ear(net, "wire", "oak") as ear:
        ...
        tail.wait_count(100, deadline)
        tail.first    # {name: when it was first seen}

    Ear      gratuitous ARP frames by address, as the kernel at the other end of the cable stamps them
    Tail     events of a watch by object, as they arrive here
    writes   what was written to the API server
    cpu_ns   the CPU time of a process, exactly
"""
import ctypes
import json
import re
import socket
import struct
import threading
import time

import lab

SO_RCVBUFFORCE = 33
SO_ATTACH_FILTER = 26
SOL_PACKET, PACKET_STATISTICS = 263, 6
BUFFER = 256 << 20  # frames of 10,000 addresses may come faster than they are read
POLL_S = 0.2

# ARP with one address as both sender and target (classic BPF: code, jt, jf, k).
GRATUITOUS = ((0x28, 0, 0, 12), (0x15, 0, 5, lab.ETH_P_ARP), (0x20, 0, 0, 28), (0x07, 0, 0, 0), (0x20, 0, 0, 38),
              (0x1d, 0, 1, 0), (0x06, 0, 0, 64), (0x06, 0, 0, 0))

# What the server writes for itself (leases, roles, flow schemas) is of other groups and resources.
WRITTEN = re.compile(rb'^apiserver_request_total\{[^}]*\bgroup="([^"]*)",resource="([^"]*)",[^}]*'
                     rb'\bverb="(?:POST|PUT|PATCH|APPLY|DELETE)",[^}]*\} (\S+)$', re.M)
OF_CORE = (b"services", b"events", b"secrets")


def now():
    return time.clock_gettime_ns(time.CLOCK_REALTIME)


def cpu_ns(pid):
    """Of all threads, past ones too: the clock of the process, as clock_getcpuclockid(3) makes it."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def until_idle(pids, seconds, share, patience):
    """Until none of them used more than a share of a CPU for so many seconds; whether that came true in time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        before = [cpu_ns(pid) for pid in pids]
        time.sleep(seconds)
        if all(cpu_ns(pid) - was < share * seconds * 1e9 for pid, was in zip(pids, before)):
            return True
    return False


def writes(client):
    """How often Services, Events, Secrets and MetalLB's resources were written since the API server started."""
    return sum(int(float(count)) for group, resource, count in WRITTEN.findall(client.request("GET", "/metrics"))
               if group == b"metallb.io" or resource in OF_CORE)


class Reader:
    """A thread that notes in `first` when a key was first seen, from the beginning of a block to its end."""

    def __init__(self):
        self.first = {}
        self.failure = None
        self.ending = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        self.close()

    def _run(self):
        try:
            while not self.ending:
                try:
                    self.read()
                except TimeoutError:
                    pass
        except Exception as e:  # told by wait()
            self.failure = e

    def wait(self, passed, deadline):
        """Until passed(first), or the deadline of the monotonic clock; whether it passed."""
        while not passed(self.first):
            if self.failure:
                raise self.failure
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def wait_count(self, count, deadline):
        return self.wait(lambda first: len(first) >= count, deadline)


class Tail(Reader):
    """The objects of a kind in a namespace, from now on. keys(object) are what an event is noted under."""

    def __init__(self, client, kind, namespace, keys):
        super().__init__()
        self.client, self.kind, self.namespace, self.keys = client, kind, namespace, keys
        self.version = client.version(kind, namespace)
        self._open()

    def _open(self):
        self.watch = self.client.watch(self.kind, self.namespace, version=self.version)
        self.watch.socket.settimeout(POLL_S)
        self.rest = self.watch.data

    def read(self):
        more = self.watch.socket.recv(1 << 16)
        at = now()
        if not more:  # the server ends those of a custom resource when it finds time for its definition
            self.watch.close()
            self._open()
            return
        *lines, self.rest = (self.rest + more).split(b"\n")
        for line in lines:
            found = json.loads(line)["object"]
            self.version = found["metadata"]["resourceVersion"]
            for key in self.keys(found):
                self.first.setdefault(key, at)

    def close(self):
        self.watch.close()


class Ear(Reader):
    def __init__(self, net, ns, interface):
        super().__init__()
        self.socket = net.socket(ns, interface, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(lab.ETH_P_ARP))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.socket.setsockopt(socket.SOL_SOCKET, lab.SO_TIMESTAMPNS, 1)
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in GRATUITOUS))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                               struct.pack("HL", len(GRATUITOUS), ctypes.addressof(code)))
        self.socket.settimeout(POLL_S)

    def read(self):
        frame, control, _, _ = self.socket.recvmsg(64, 64)
        if len(frame) >= lab.ARP_LEN and frame[28:32] == frame[38:42]:  # the first may have come before the filter
            seconds, ns = struct.unpack("ll", control[0][2])
            self.first.setdefault(socket.inet_ntoa(frame[28:32]), seconds * 10**9 + ns)

    def lost(self):
        """Frames that found no room since the last call."""
        return struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]

    def close(self):
        self.socket.close()
