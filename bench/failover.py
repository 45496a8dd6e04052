#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long a client goes without an answer when the node of its address is lost.

    bench/failover.py [--steellb build/src/steellb] [--rounds 5]

The LAN of demo/run. In each round the link of the owner is cut and its Node is marked NetworkUnavailable; the gap is from
the last answer of the lost node to the first one of the next. Then the node comes back and the address with it. The
client asks every 5 ms and waits 20 ms for a connection, so a gap includes up to 25 ms of waiting that are its own.
"""
import statistics
import sys
import time

import lab

sys.path.insert(0, str(lab.ROOT / "demo"))
import three_nodes  # noqa: E402
from three_nodes import netns  # noqa: E402

SETTLE_S = 1.5  # the client's ARP entry may not be replaced within a second of its last change


def last_node(record):
    seen = three_nodes.answers(record)
    return seen[-1][1] if seen else None


def fail_over(net, folder, record):
    """Seconds without an answer."""
    owner = last_node(record)
    cut = time.monotonic()
    three_nodes.lose(net, folder, owner)
    gap = netns.until(lambda: three_nodes.gap(three_nodes.answers(record), owner, cut), 15, "an answer from another node")
    time.sleep(SETTLE_S)
    three_nodes.bring_back(net, folder, owner)
    netns.until(lambda: last_node(record) == owner, 15, "the return of " + owner)
    time.sleep(SETTLE_S)
    return gap


def measure(net, program, rounds):
    folder = three_nodes.make_folder(net)
    three_nodes.build(net)
    for node in three_nodes.NODES:
        three_nodes.start_node(net, node, folder, program)
    record = three_nodes.watch(net)
    netns.until(lambda: last_node(record), 10, "an answer from " + three_nodes.ADDRESS)
    time.sleep(SETTLE_S)
    return [fail_over(net, folder, record) for _ in range(rounds)]


def main():
    ap = lab.parser(__doc__)
    ap.add_argument("--rounds", type=int, default=5)
    a = ap.parse_args()
    with lab.open_net() as net:
        try:
            gaps = measure(net, a.steellb, a.rounds)
        except AssertionError:
            three_nodes.print_logs(net)
            raise
    print("failover    %.0f ms without an answer (median of %d: %s)"
          % (1000 * statistics.median(gaps), len(gaps), ", ".join("%.0f" % (1000 * g) for g in gaps)))


if __name__ == "__main__":
    main()
