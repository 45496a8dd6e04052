#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What BFD sessions cost while nothing happens: our engine and BIRD's, with BIRD as the peer of both.

    bench/bfd.py [--steellb build/src/steellb] [--sessions 1,20] [--intervals 300,50,10] [--seconds 10]

CPU of all threads in milliseconds a second, context switches a second (of those that slept), packets a second in both
directions, private memory, and how many sessions went down meanwhile. The engine runs in tests/net/bfd_tool, beside steellb in
its build folder. Goal: not more CPU than BIRD.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import lab
from lab import netns

MULTIPLIER = 3
PATIENCE = 60
ROW = "%-8s %3d x %3d ms x 3   %7.2f ms/s CPU   %6.0f switches/s   %6.0f packets/s   %6d KiB   %d down"


def ours_of(i):
    return "192.0.2.%d" % (1 + i)


def peer_of(i):
    return "192.0.2.%d" % (101 + i)


def build(net, sessions):
    for ns in ("node", "peer"):
        net.add_ns(ns)
    net.veth("node", "eth0", "peer", "eth0")
    for ns, address in (("node", ours_of), ("peer", peer_of)):
        for i in range(sessions):
            net.run(ns, "ip", "addr", "add", address(i) + "/24", "dev", "eth0")


class Bird:
    def __init__(self, net, ns, pairs, interval_ms):
        self.net, self.ns, self.count = net, ns, len(pairs)
        self.folder = tempfile.mkdtemp(dir=net.folder)
        with open(self.folder + "/conf", "w", encoding="ascii") as f:
            f.write("router id %s;\nprotocol device {}\nprotocol bfd {\n  interface \"*\" { interval %d ms; multiplier %d; };\n"
                    % (pairs[0][0], interval_ms, MULTIPLIER))
            f.writelines('  neighbor %s dev "eth0" local %s;\n' % (remote, local) for local, remote in pairs)
            f.write("}\n")
        with open(self.folder + "/log", "wb") as log:
            self.process = net.popen(ns, "bird", "-f", "-c", self.folder + "/conf", "-s", self.folder + "/ctl",
                                     "-P", self.folder + "/pid", stdout=log, stderr=log)
        netns.until(lambda: os.path.exists(self.folder + "/ctl"), PATIENCE, "bird")

    def up(self):
        out = self.net.run(self.ns, "birdc", "-s", self.folder + "/ctl", "show", "bfd", "sessions")
        return sum(line.split()[2:3] == ["Up"] for line in out.splitlines())

    def mark(self):
        """Times of the last changes; another one in the place of one of them is a session that went down."""
        out = self.net.run(self.ns, "birdc", "-s", self.folder + "/ctl", "show", "bfd", "sessions")
        return {line.split()[0]: line.split()[3] for line in out.splitlines() if line.startswith("192.0.2.")}

    def downs(self, before):
        after = self.mark()
        return sum(after.get(address) != since for address, since in before.items())


class Ours:
    def __init__(self, net, tool, pairs, interval_ms):
        self.count = len(pairs)
        self.process = net.popen("node", tool, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True)
        assert self.process.stdout.readline() == "ready\n"
        for i, (local, remote) in enumerate(pairs):
            answer = self.ask("join s%d %s local=%s interface=eth0 rx=%d tx=%d mult=%d"
                              % (i, remote, local, interval_ms, interval_ms, MULTIPLIER))
            assert answer == "ok", answer

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        while True:
            answer = self.process.stdout.readline().strip()
            if not answer.startswith("event "):
                return answer

    def _views(self):
        return json.loads(self.ask("view"))["sessions"].values()

    def up(self):
        return sum(v["state"] == "up" for v in self._views())

    def mark(self):
        return sum(v["downs"] for v in self._views())

    def downs(self, before):
        return self.mark() - before


def cpu_ns(pid):
    """Of all threads: proc_pid_schedstat, first field."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task), encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total


def packets(net):
    """Sent and received at the end of the cable."""
    out = json.loads(net.run("node", "ip", "-j", "-s", "link", "show", "eth0"))[0]["stats64"]
    return out["rx"]["packets"] + out["tx"]["packets"]


def measure(name, make, sessions, interval_ms, seconds):
    pairs = [(ours_of(i), peer_of(i)) for i in range(sessions)]
    with lab.open_net("bird", "birdc") as net:
        build(net, sessions)
        peer = Bird(net, "peer", [(remote, local) for local, remote in pairs], interval_ms)
        subject = make(net, pairs, interval_ms)
        pid = subject.process.pid
        netns.until(lambda: subject.up() == sessions and peer.up() == sessions, PATIENCE, "all are up")
        time.sleep(3)  # Poll sequences and the last slow packets are over
        before = subject.mark()
        start = (time.monotonic(), cpu_ns(pid), lab.switches([pid]), packets(net))
        time.sleep(seconds)
        end = (time.monotonic(), cpu_ns(pid), lab.switches([pid]), packets(net))
        length, cpu, switches, count = (e - s for e, s in zip(end, start))
        print(ROW % (name, sessions, interval_ms, cpu / 1e6 / length, switches / length, count / length,
                     lab.memory([pid])["Pss_Anon"], subject.downs(before)), flush=True)


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    ap = lab.parser(__doc__)
    ap.add_argument("--sessions", type=numbers, default=[1, 20])
    ap.add_argument("--intervals", type=numbers, default=[300, 50, 10], help="milliseconds")
    ap.add_argument("--seconds", type=int, default=10)
    a = ap.parse_args()
    tool = str(pathlib.Path(a.steellb).resolve().parent.parent / "tests" / "net" / "bfd_tool")
    if shutil.which(tool) is None:
        print("skipped: there is no " + tool)
        sys.exit(lab.SKIPPED)
    for sessions in a.sessions:
        for interval_ms in a.intervals:
            measure("ours", lambda net, pairs, ms: Ours(net, tool, pairs, ms), sessions, interval_ms, a.seconds)
            measure("bird", lambda net, pairs, ms: Bird(net, "node", pairs, ms), sessions, interval_ms, a.seconds)


if __name__ == "__main__":
    main()
