#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Time from a changed file to the first gratuitous ARP frame, beside a reload of keepalived.

    bench/edit.py [--steellb build/src/steellb] [--services 100] [--rounds 6] [--edits 10]

Both hold 100 addresses. An edit announces one address more, and is taken back after it was measured: for us one file of
the folder is replaced; keepalived gets its configuration with one more virtual address, and SIGHUP. The clock starts
before the rename and stops at the kernel's receive time stamp at the other end of the cable. Goal: a median below 5 ms.

Both run at real-time priority, so that other work on the machine disturbs less. "best" is the smallest figure.
"""
import statistics
import time

import lab

PAUSE_S = 0.03  # longer than an edit takes, so that each begins with idle processes


def edit(contestant, address):
    """Seconds until the address is announced."""
    contestant.node.drain()
    before = contestant.add(address)
    seconds = (contestant.node.wait_first(address) - before) / 1e9
    time.sleep(PAUSE_S)
    contestant.remove(address)
    time.sleep(PAUSE_S)
    return seconds


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def main():
    ap = lab.parser(__doc__)
    ap.add_argument("--services", type=int, default=100)
    ap.add_argument("--rounds", type=int, default=6)
    ap.add_argument("--edits", type=int, default=10)
    a = ap.parse_args()
    announced = lab.addresses(a.services)
    with lab.open_net("keepalived") as net:
        contestants = [lab.Steellb(net, lab.Node(net, "ours"), a.steellb, announced),
                       lab.Keepalived(net, lab.Node(net, "peer"), announced)]
        for c in contestants:
            c.start()
        for c in contestants:
            c.node.wait_announced(announced)
            lab.favour(c.pids())
        runs = [[], []]
        for r in range(a.rounds):
            for c, run in zip(contestants, runs):
                run += [edit(c, "198.18.%d.%d" % (2 + r, 1 + i)) for i in range(a.edits)]
        for name, run in zip(("steellb run", "keepalived"), runs):
            print("%-11s %.2f ms median, %.2f ms best, %.2f ms p99 of %d edits"
                  % (name, 1000 * statistics.median(run), 1000 * min(run), 1000 * percentile(run, 99), len(run)))
        print("ratio       %.2f of the time (medians), %.2f (best)" % (lab.median_ratio(*runs), min(runs[0]) / min(runs[1])))


if __name__ == "__main__":
    main()
