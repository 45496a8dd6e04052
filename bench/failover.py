#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long a client goes without an answer when the node of its address is lost, in two ways.

    bench/failover.py [--steellb build/src/steellb] [--rounds 5] [--fast-detect 50msx3]

The network of demo/run. In each round the link of the owner is cut, which it sees and tells the others on its second
interface; then steellb is asked to end (SIGTERM). The gap is from the last answer of the lost node to the first one of the
next. Then the node comes back, and the address with it. The client asks every 5 ms and waits 20 ms for a connection, so a gap
includes up to 25 ms of waiting that are its own. A node that dies without a word is the subject of bench/fast_detect.py.
"""
import statistics
import sys
import time

import lab

sys.path.insert(0, str(lab.ROOT / "demo"))
import three_nodes  # noqa: E402
from three_nodes import netns  # noqa: E402

SETTLE_S = 1.5  # the client's ARP entry may not be replaced within a second of its last change


class Cluster:
    def __init__(self, net, program, fast):
        self.net, self.program, self.fast = net, program, fast
        self.folder = three_nodes.make_folder(net)
        three_nodes.build(net)
        self.speakers = three_nodes.start_all(net, self.folder, program, fast)
        netns.until(lambda: three_nodes.all_are_members(net), 15, "three members")
        self.record = three_nodes.watch(net)
        netns.until(self.last, 10, "an answer from " + three_nodes.ADDRESS)
        time.sleep(SETTLE_S)

    def last(self):
        seen = three_nodes.answers(self.record)
        return seen[-1][1] if seen else None

    def gap(self, lose, bring_back):
        """Seconds without an answer."""
        owner = self.last()
        since = time.monotonic()
        lose(owner)
        gap = netns.until(lambda: three_nodes.gap(three_nodes.answers(self.record), owner, since), 15,
                          "an answer from another node")
        time.sleep(SETTLE_S)
        bring_back(owner)
        netns.until(lambda: self.last() == owner, 90, "the return of " + owner)
        time.sleep(SETTLE_S)
        return gap

    def end(self, node):
        self.speakers[node].terminate()

    def start(self, node):
        self.speakers[node].wait()
        self.speakers[node] = three_nodes.start_speaker(self.net, node, self.folder, self.program, self.fast)


def report(name, gaps):
    print("%-11s %.0f ms without an answer (median of %d: %s)"
          % (name, 1000 * statistics.median(gaps), len(gaps), ", ".join("%.0f" % (1000 * g) for g in gaps)))


def main():
    ap = lab.parser(__doc__)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--fast-detect", default="50msx3")
    a = ap.parse_args()
    with lab.open_net() as net:
        try:
            c = Cluster(net, a.steellb, a.fast_detect)
            ways = {"link cut": (lambda n: three_nodes.cut(net, n), lambda n: three_nodes.mend(net, n)),
                    "SIGTERM": (c.end, c.start)}
            for name, (lose, bring_back) in ways.items():
                report(name, [c.gap(lose, bring_back) for _ in range(a.rounds)])
        except AssertionError:
            three_nodes.print_logs(net)
            raise


if __name__ == "__main__":
    main()
