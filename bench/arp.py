#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ARP: replies a second, CPU a reply, and what requests for other addresses cost.

    bench/arp.py [--steellb build/src/steellb] [--rounds 3] [--seconds 2] [--rate 20000] [--flood-seconds 5]

Answering: `steellb run`, the kernel for an address of its own, and arp_unfiltered, a responder as MetalLB's is built, which
every ARP frame wakes. Each has a cable of its own; arp_load asks with 32 requests under way. The kernel answers without
waking anybody, so its rate is the bound; its CPU time is booked on whoever runs at the moment and is not given.

Then a flood of requests for an address that nobody has. Goal: not one context switch, no CPU tick. The helpers arp_load
and arp_unfiltered are in the folder bench of the build that steellb is from.
"""
import os
import pathlib
import statistics
import sys
import time

import lab

ASKED = "198.18.1.1"
FOREIGN = "198.18.77.7"


class Kernel:
    """Answers for ASKED because the interface has it."""

    def __init__(self, net, node):
        self.node = node
        net.run(node.name, "ip", "addr", "add", ASKED + "/32", "dev", "eth0")

    def pids(self):
        return []


class Unfiltered:
    def __init__(self, net, node, program):
        self.node = node
        self.process = net.popen(node.name, program, "eth0", ASKED)

    def pids(self):
        return [self.process.pid]


def load(net, tool, contestant, *what):
    """Runs arp_load at the far end of the contestant's cable; the count and the seconds that it prints."""
    words = net.run(contestant.node.far, tool, *what).split()
    return int(words[1]), float(words[3])


def measure_answers(net, tool, contestant, seconds):
    """(replies a second, CPU seconds for 100,000 replies)."""
    before = lab.ticks(contestant.pids())
    replies, passed = load(net, tool, contestant, "ask", "eth0", ASKED, seconds)
    cpu = (lab.ticks(contestant.pids()) - before) * lab.tick_seconds()
    if replies == 0:
        sys.exit("no replies at %s" % contestant.node.far)
    return replies / passed, 100000 * cpu / replies


def measure_flood(net, tool, contestant, rate, seconds):
    """(requests a second that were sent, context switches, CPU ticks)."""
    switches, ticks = lab.switches(contestant.pids()), lab.ticks(contestant.pids())
    sent, passed = load(net, tool, contestant, "flood", "eth0", FOREIGN, rate, seconds)
    return sent / passed, lab.switches(contestant.pids()) - switches, lab.ticks(contestant.pids()) - ticks


def compare_answers(net, tool, contestants, a):
    runs = {name: [] for name in contestants}
    for _ in range(a.rounds):
        for name, c in contestants.items():
            runs[name].append(measure_answers(net, tool, c, a.seconds))
    rate = {name: statistics.median(r for r, _ in run) for name, run in runs.items()}
    cpu = {name: statistics.median(c for _, c in run) for name, run in runs.items()}
    for name in contestants:
        print("%-15s %7.0f replies/s%s (median of %d)"
              % (name, rate[name], "" if name == "kernel" else ", %.2f CPU s for 100,000" % cpu[name], a.rounds))
    print("ratio           %.2f of the kernel's rate, %.2f of arp_unfiltered's; %.2f of arp_unfiltered's CPU"
          % (rate["steellb run"] / rate["kernel"], rate["steellb run"] / rate["arp_unfiltered"],
             cpu["steellb run"] / cpu["arp_unfiltered"]))


def main():
    ap = lab.parser(__doc__)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--seconds", type=int, default=2)
    ap.add_argument("--rate", type=int, default=20000)
    ap.add_argument("--flood-seconds", type=int, default=5)
    a = ap.parse_args()
    helpers = pathlib.Path(a.steellb).resolve().parent.parent / "bench"
    tool = str(helpers / "arp_load")
    with lab.open_net() as net:
        if not os.path.exists(tool):
            sys.exit("%s is not built" % tool)
        ours = lab.Steellb(net, lab.Node(net, "ours"), a.steellb, [ASKED])
        ours.start()
        contestants = {"steellb run": ours, "kernel": Kernel(net, lab.Node(net, "kernel")),
                       "arp_unfiltered": Unfiltered(net, lab.Node(net, "peer"), str(helpers / "arp_unfiltered"))}
        ours.node.wait_announced([ASKED])
        compare_answers(net, tool, contestants, a)
        time.sleep(lab.BURST_S)
        for name in ("steellb run", "arp_unfiltered"):
            sent, switches, ticks = measure_flood(net, tool, contestants[name], a.rate, a.flood_seconds)
            print("%-15s %d context switches, %d CPU ticks in %d s of %.0f foreign requests/s"
                  % (name, switches, ticks, a.flood_seconds, sent))


if __name__ == "__main__":
    main()
