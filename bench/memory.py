#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of `steellb run` with 100 addresses, and what wakes it when nothing happens, beside keepalived.

    bench/memory.py [--steellb build/src/steellb] [--addresses 100] [--edits 10] [--seconds 10]

Each runs on a node of its own and announces the same addresses. Their memory is read after the start, and again after
some edits: an address more, and taken back (for keepalived a reload). When the bursts that follow are over, both are left
alone for the same seconds. Goal: less than 4 MiB, and no wake-up at all.

PSS counts a page that N processes map as 1/N of a page, so a library costs less where others use it too; RSS counts it in
full. Anonymous memory is the process's own in any case.
"""
import time

import lab

PAUSE_S = 0.05  # after an edit was taken back


def idle(contestants, seconds):
    """What each does while nothing happens: [(wake-ups, CPU ticks)]."""
    before = [(lab.switches(c.pids()), lab.ticks(c.pids())) for c in contestants]
    time.sleep(seconds)
    after = [(lab.switches(c.pids()), lab.ticks(c.pids())) for c in contestants]
    return [(a[0] - b[0], a[1] - b[1]) for a, b in zip(after, before)]


def make_edits(contestant, count):
    for i in range(count):
        address = "198.18.2.%d" % (i + 1)
        contestant.add(address)
        contestant.node.wait_first(address)
        contestant.remove(address)
        time.sleep(PAUSE_S)


def show(name, when, pids):
    m = lab.memory(pids)
    print("%-11s %s: %5d KiB PSS (%d anonymous), %5d KiB RSS; %d processes, %d threads"
          % (name, when, m["Pss"], m["Pss_Anon"], m["Rss"], len(pids), lab.threads(pids)))
    return m


def measure(contestants, a):
    for c in contestants.values():
        c.start()
    for c in contestants.values():
        c.node.wait_announced(lab.addresses(a.addresses))
    for name, c in contestants.items():
        show(name, "started", c.pids())
    for c in contestants.values():
        make_edits(c, a.edits)
    time.sleep(lab.BURST_S)
    quiet = idle(list(contestants.values()), a.seconds)
    ours, peer = [show(name, "edited ", c.pids()) for name, c in contestants.items()]
    for name, (wakeups, ticks) in zip(contestants, quiet):
        print("%-11s idle for %d s: %d wake-ups, %d CPU ticks" % (name, a.seconds, wakeups, ticks))
    print("ratio       %.2f of the PSS, %.2f of the anonymous memory, %.2f of the RSS"
          % tuple(ours[what] / peer[what] for what in ("Pss", "Pss_Anon", "Rss")))


def main():
    ap = lab.parser(__doc__)
    ap.add_argument("--addresses", type=int, default=100)
    ap.add_argument("--edits", type=int, default=10)
    ap.add_argument("--seconds", type=int, default=10)
    a = ap.parse_args()
    announced = lab.addresses(a.addresses)
    with lab.open_net("keepalived") as net:
        measure({"steellb run": lab.Steellb(net, lab.Node(net, "ours"), a.steellb, announced),
                 "keepalived": lab.Keepalived(net, lab.Node(net, "peer"), announced)}, a)


if __name__ == "__main__":
    main()
