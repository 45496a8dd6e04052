#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""BGP: `steellb run`, and its engine alone, beside BIRD, FRR, GoBGP, OpenBGPD and ExaBGP as announcers of the same routes.

    bench/bgp.py [--steellb build/src/steellb] [--only memory,dial,...] [--contestants engine,BIRD,...] [--rounds 1]
                 [--table 20000] [--services 2000] [--changed 10000] [--edits 20] [--dials 3]
                 [--outages 6] [--patience 60]

    memory    PSS with 100 routes, 1 peer and 10
    dial      from the start of the program to the last of 10 sessions Established, where the peers listen
    latency   from the order to announce one route more to that route in the kernel of the router
    changes   CPU of the announcer for 10,000 routes announced, and withdrawn, to 2 peers
    table     --table routes to 10 peers: PSS, CPU and time until all hold them
    scale     a quarter, a half, all of --services Services, 2 peers: from the start to the last UPDATE
    silent    a node that stops (SIGSTOP), with BFD: until the router's kernel has lost the route

The receiver is bgp_sink, which is all the peers in one process and only counts; a router with a kernel's routes is BIRD.
bgp_ideal has its UPDATE written before it is asked for. Every measurement starts an announcer with a cable of its own;
announcers take turns. Goals of `table` are for --table 100000, which takes some minutes, and needs --patience 600.
"""
import contextlib
import os
import pathlib
import random
import signal
import statistics
import time

import bgp_announcers
import lab
import witness
from bgp_announcers import BFD_MULTIPLIER, Bird, Setup, Steellb, route
from bgp_ends import Cable, Ideal, KernelRoutes, Router, Sink

MIB = 1024
MS = 1e6
SETTLE_S = 1.0
PAUSE_S = 0.03
EXTRA = 100000  # the number of a route that is not among the first ones
MEMORY_ROUTES, MANY_PEERS, FEW_PEERS = 100, 10, 2
SERVICES_MAX = 10000
SILENT_MS = (50, 10)


def cpu_ns(pids):
    return sum(witness.cpu_ns(pid) for pid in pids)


@contextlib.contextmanager
def first():
    """This script, and all that it starts, at real-time priority: else the scheduler is measured on a shared machine."""
    lab.favour([os.getpid()])
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def spread(values):
    return "median of %d, best %.2f" % (len(values), min(values))


class Bench:
    """Who takes part, and how often."""

    def __init__(self, a):
        self.args = a
        self.build = pathlib.Path(a.steellb).resolve().parent.parent
        self.contestants = []
        for c in bgp_announcers.ALL:
            if a.contestants and c.name not in a.contestants:
                continue
            why = c.missing(Setup(self.build))
            if why:
                print("%-12s left out: %s" % (c.name, why))
            else:
                self.contestants.append(c)

    def setup(self, peers, routes, bfd_ms=0):
        return Setup(self.build, peers, routes, bfd_ms)

    def compare(self, measure, setup, among=None, rounds=0):
        """Prints the medians of what the rounds found, and their ratios to BIRD's."""
        runs = {c.name: [] for c in self.contestants if c in (among or self.contestants) and setup.routes <= c.most}
        for _ in range(rounds or self.args.rounds):
            for c in self.contestants:
                if c.name in runs:
                    found = self.attempt(measure, c, setup)
                    runs[c.name] += [found] if found else []
        medians = {name: {key: statistics.median(f[key] for f in found) for key in found[0]}
                   for name, found in runs.items() if found}
        for name, figures in medians.items():
            peer = medians.get(Bird.name) if name != Bird.name else None
            print("  %-12s %s" % (name, "   ".join(figure(key, value, peer) for key, value in figures.items())), flush=True)

    def attempt(self, measure, contestant, setup):
        with lab.open_net() as net:
            cable = Cable(net, setup.peers)
            one = contestant(cable, setup)
            try:
                return measure(one, cable, setup)
            except (AssertionError, OSError) as e:
                print("  %-12s failed: %s" % (contestant.name, str(e)[-300:] or type(e).__name__), flush=True)
                return None


def figure(key, value, peer):
    """In the words of its key, "NAME, UNIT"; its ratio to the peer's figure in brackets."""
    name, unit = key.split(", ")
    ratio = " (%.2f)" % (value / peer[key]) if peer and peer[key] else ""
    return "%s %s %s%s" % (name, "%.0f" % value if value >= 1000 else "%.2f" % value, unit, ratio)


# --- sections ---

def memory_of(one):
    m = lab.memory(one.pids())
    return {"PSS, MiB": m["Pss"] / MIB, "anonymous, MiB": m["Pss_Anon"] / MIB, "RSS, MiB": m["Rss"] / MIB}


def measure_memory(one, cable, setup):
    sink = Sink(cable, setup.build)
    one.start()
    sink.holds(setup.peers, setup.routes)
    time.sleep(SETTLE_S)
    return memory_of(one)


def memory(bench):
    for peers in (1, MANY_PEERS):
        print("memory: %d routes, %d peers; goal: steellb run <= BIRD" % (MEMORY_ROUTES, peers))
        bench.compare(measure_memory, bench.setup(peers, MEMORY_ROUTES))


def measure_dial(one, cable, setup):
    sink = Sink(cable, setup.build)
    before = one.start()
    return {"start to Established, ms": (sink.established(setup.peers) - before) / MS}


def dial(bench):
    print("dial: %d peers; goal: <= 10 ms" % MANY_PEERS)
    with first():
        bench.compare(measure_dial, bench.setup(MANY_PEERS, 1), rounds=bench.args.dials)


def measure_table(one, cable, setup):
    sink = Sink(cable, setup.build)
    before = one.start()
    after = sink.holds(setup.peers, setup.routes, one.patience)
    cpu = cpu_ns(one.pids())
    time.sleep(SETTLE_S)
    return {"CPU, ms": cpu / MS, "all hold them after, ms": (after - before) / MS, **memory_of(one)}


def table(bench):
    count = bench.args.table
    print("table: %d routes, %d peers; goal: PSS of the engine <= 1/2 of BIRD's, CPU <= BIRD's" % (count, MANY_PEERS))
    bench.compare(measure_table, bench.setup(MANY_PEERS, count), [c for c in bench.contestants if c is not Steellb])
    services = min(count, SERVICES_MAX)
    print("table: %d Services, %d peers" % (services, MANY_PEERS))
    bench.compare(measure_table, bench.setup(MANY_PEERS, services), [Steellb, Bird])


def measure_changes(one, cable, setup):
    sink = Sink(cable, setup.build)
    count, one.count = setup.routes, 0
    one.start()
    sink.established(setup.peers)
    time.sleep(SETTLE_S)
    found = {}
    for what, target in (("announced", count), ("withdrawn", 0)):
        start = cpu_ns(one.pids())
        before = one.change(target)
        found[what + ", ms of time"] = (sink.holds(setup.peers, target, one.patience) - before) / MS
        time.sleep(SETTLE_S)
        found[what + ", ms of CPU"] = (cpu_ns(one.pids()) - start) / MS
    found["both, ms of CPU"] = sum(value for key, value in found.items() if key.endswith(" of CPU"))
    return found


def changes(bench):
    print("changes: %d routes, %d peers; goal: CPU of the engine <= 1/4 of BIRD's" % (bench.args.changed, FEW_PEERS))
    bench.compare(measure_changes, bench.setup(FEW_PEERS, bench.args.changed))


def measure_scale(one, cable, setup):
    sink = Sink(cable, setup.build)
    before = one.start()
    after = sink.holds(setup.peers, setup.routes, one.patience)
    return {"start to the last UPDATE, ms": (after - before) / MS, "CPU, ms": cpu_ns(one.pids()) / MS}


def scale(bench):
    for part in (4, 2, 1):
        count = bench.args.services // part
        print("scale: %d Services, %d peers; goal: linear, < 1 s for 2,000" % (count, FEW_PEERS))
        with first():
            bench.compare(measure_scale, bench.setup(FEW_PEERS, count), [Steellb, Bird])


# --- with a router ---

class Race:
    """An announcer of one route more, and its router."""

    def __init__(self, bench, net, contestant):
        self.cable = Cable(net, 1)
        self.router, self.ear = Router(self.cable), KernelRoutes(self.cable)
        setup = bench.setup(1, MEMORY_ROUTES)
        self.one = Ideal(self.cable, setup, route(EXTRA)) if contestant is Ideal else contestant(self.cable, setup)
        self.one.start()
        if contestant is not Ideal:
            self.ear.wait_there(route(MEMORY_ROUTES - 1))
        time.sleep(SETTLE_S)

    def edit(self):
        """Milliseconds until the route is in the router's kernel."""
        before = self.one.announce(route(EXTRA))
        ms = (self.ear.wait_there(route(EXTRA)) - before) / MS
        time.sleep(PAUSE_S)
        self.one.withdraw(route(EXTRA))
        self.ear.wait_gone(route(EXTRA))
        time.sleep(PAUSE_S)
        return ms


def race(bench, rounds):
    """{name: [milliseconds]}; the announcers take turns, all of them there all the time."""
    nets, runners = [], {}
    try:
        for contestant in [Ideal, *bench.contestants]:
            nets.append(lab.open_net())
            try:
                runners[contestant.name] = Race(bench, nets[-1], contestant)
            except (AssertionError, OSError) as e:
                print("  %-12s failed: %s" % (contestant.name, str(e)[-300:]))
        runs = {name: [] for name in runners}
        for _ in range(rounds):
            for name, runner in runners.items():
                runs[name].append(runner.edit())
        return runs
    finally:
        for net in nets:
            net.cleanup()


def latency(bench):
    print("latency: 1 route more than %d, BIRD as the router; goal: <= 1.1 x ideal" % MEMORY_ROUTES)
    with first():
        runs = race(bench, bench.args.edits)
    if Ideal.name not in runs:
        return
    for name, run in runs.items():
        print("  %-12s %.2f ms (%s)   %.2f of ideal, %.2f (best)"
              % (name, statistics.median(run), spread(run), lab.median_ratio(run, runs[Ideal.name]),
                 min(run) / min(runs[Ideal.name])))


def measure_silent(one, cable, setup):
    router, ear = Router(cable, setup.bfd_ms), KernelRoutes(cable)
    one.start()
    ear.wait_there(route(0))
    lab.netns.until(lambda: "Up" in router.bfd_sessions(), one.patience, "BFD is up")
    time.sleep(SETTLE_S * 3 + random.uniform(0, setup.bfd_ms / 1000))  # its slow first packets are over
    before = time.monotonic_ns()
    for pid in one.pids():
        os.kill(pid, signal.SIGSTOP)
    after = ear.wait_gone(route(0))
    return {"silence to the route gone, ms": (after - before) / MS}


def silent(bench):
    for ms in SILENT_MS:
        print("silent: BFD %d ms x %d; goal: <= BIRD as the announcer" % (ms, BFD_MULTIPLIER))
        bench.compare(measure_silent, bench.setup(1, 1, ms), [Steellb, Bird], rounds=bench.args.outages)


SECTIONS = {s.__name__: s for s in (memory, dial, latency, changes, table, scale, silent)}


def names(text):
    return text.split(",")


def main():
    ap = lab.parser(__doc__)
    ap.add_argument("--only", type=names, default=list(SECTIONS))
    ap.add_argument("--contestants", type=names, help=", ".join(c.name for c in bgp_announcers.ALL))
    ap.add_argument("--rounds", type=int, default=1)
    ap.add_argument("--table", type=int, default=20000)
    ap.add_argument("--services", type=int, default=2000)
    ap.add_argument("--changed", type=int, default=10000)
    ap.add_argument("--edits", type=int, default=20)
    ap.add_argument("--dials", type=int, default=3)
    ap.add_argument("--outages", type=int, default=6)
    ap.add_argument("--patience", type=int, default=60, help="seconds for a table")
    a = ap.parse_args()
    unknown = [s for s in a.only if s not in SECTIONS]
    if unknown:
        ap.error("no such section: " + ", ".join(unknown))
    lab.open_net().cleanup()
    bench = Bench(a)
    bgp_announcers.Announcer.patience = a.patience
    for name in a.only:
        SECTIONS[name](bench)


if __name__ == "__main__":
    main()
