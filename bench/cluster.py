#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`steellb controller` and `steellb speaker` beside MetalLB 0.15.2, against the real API server.

    bench/cluster.py [--steellb build/src/steellb] [--services 100,1000] [--rounds 1] [--only controller,speaker,latency,idle]
                     [--patience 300] [--created 50] [--seconds 60]

Both get the same flags and environment and find the same cluster: every measurement starts etcd and the API server on a copy
of one that was written before (worlds.py). A controller runs beside the API server; a speaker on a node, with gossip on, and
the kernel at the other end of the node's cable times its frames. They take turns.

    memory   in a cluster where nothing is left to do: when nothing was written for 5 s, or after a minute
    start    until a watch has shown the last result; CPU and writes until nothing more is written. A speaker has company
    latency  Services created one by one in a cluster of at most 1,000, with their endpoints there before
    idle     a minute in the largest cluster, with a controller and speakers on two nodes

MetalLB sends 20 requests a second at most, Events among them, and rewrites the status of every Service when it starts. That is
most of its time. What takes longer than --patience is ended, and its figures are printed as the bounds that they are.
"""
import os
import statistics
import subprocess
import sys

import lab
import measures
import worlds  # finds tests/cluster
import roles
from measures import AtLeast
from programs import Cannot, folder_of

OURS, PEER = roles.STEELLB.name, roles.METALLB.name
LATENCY_SERVICES = 1000
PSS_LIMITS = {100: 9, 1000: 10, 10000: 16}  # MiB
SWITCH_S = 0.0005  # between the threads of this script, which all read clocks


def contestants(steellb):
    """Ours, unless this build is without the roles, and MetalLB."""
    os.environ["STEELLB"] = steellb
    if all(subprocess.run([*roles.STEELLB.program(role), "--help"], capture_output=True).returncode == 0
           for role in ("controller", "speaker")):
        return [roles.STEELLB, roles.METALLB]
    print("%s has no controller and speaker: only MetalLB is measured" % steellb)
    return [roles.METALLB]


class Setting:
    """What all measurements of a run share."""

    def __init__(self, args, made, found):
        self.worlds, self.contestants = made, found
        self.rounds, self.patience = args.rounds, args.patience

    def compare(self, measure, *args):
        """{contestant: [what each round found]}, the contestants taking turns."""
        runs = {c.name: [] for c in self.contestants}
        for _ in range(self.rounds):
            for c in self.contestants:
                runs[c.name].append(measure(self, c, *args))
        return runs


# --- printing ---

class Row:
    """One figure: its key in a measurement, its words, its unit, and the goal: a part of MetalLB's, or a limit of our own."""

    def __init__(self, key, words, unit, part=None, limit=None):
        self.key, self.words, self.unit, self.part, self.limit = key, words, unit, part, limit

    def goal(self):
        """In words."""
        parts = ["<= 1/%d" % self.part] if self.part else []
        return " and ".join(parts + (["<= " + number(self.limit, self.unit)] if self.limit else []))

    def met(self, ours, ratio):
        """None when a bound does not tell."""
        good = (not self.part or ratio <= 1 / self.part) and (not self.limit or ours <= self.limit)
        return None if good and isinstance(ours, AtLeast) else good


def number(value, unit):
    mark = "> " if isinstance(value, AtLeast) else ""
    if unit == "s" and value < 1:
        value, unit = value * 1000, "ms"
    digits = {"": 0, "MiB": 1, "s": 1, "ms": 2 if abs(value) < 100 else 0, "x": 2}[unit]
    return mark + ("%.*f %s" % (digits, value, unit)).rstrip()


def middle(values):
    found = statistics.median(values)
    return AtLeast(found) if any(isinstance(v, AtLeast) for v in values) else found


def ratio_words(ours, peer):
    if not peer:
        return "-"
    mark = ("<" if isinstance(peer, AtLeast) else "") + (">" if isinstance(ours, AtLeast) else "")
    return "%s %.2f" % (mark, ours / peer) if mark != "<>" else "?"


def show(title, runs, rows):
    print("\n%-42s %12s %12s %8s  goal" % (title, *(runs if len(runs) == 2 else ["-", *runs]), "ratio"))
    for row in rows:
        found = {name: middle([r[row.key] for r in run]) for name, run in runs.items()}
        cells = [number(found[name], row.unit) if name in found else "" for name in (OURS, PEER)]
        ratio, verdict = "", ""
        if len(found) == 2:
            ours, peer = found[OURS], found[PEER]
            ratio = ratio_words(ours, peer)
            if row.goal():
                met = row.met(ours, ours / peer if peer else 0)
                verdict = {True: ": met", False: ": missed", None: ": cannot tell"}[met]
        print(("  %-40s %12s %12s %8s  %s%s" % (row.words, *cells, ratio, row.goal(), verdict)).rstrip(), flush=True)


# --- sections ---

def memory_and_start(setting, role, counts, start, rows):
    for count in counts:
        show("%s, %s, memory" % (role, services(count)), setting.compare(measures.memory, role, count), [
            Row("PSS", "PSS", "MiB", 6, PSS_LIMITS.get(count)), Row("anonymous", "anonymous memory", "MiB"),
            Row("RSS", "RSS", "MiB"), Row("writes", "writes to the API server", "")])
    for count in started(counts):
        show("%s, %s, start" % (role, services(count)), setting.compare(start, count), rows)


def controller(setting, args):
    memory_and_start(setting, "controller", args.services, measures.start_controller, [
        Row("time", "until all have an address", "s", 3), Row("CPU", "CPU", "s", 10),
        Row("writes", "writes to the API server", "", 2)])


def speaker(setting, args):
    memory_and_start(setting, "speaker", args.services, measures.start_speaker, [
        Row("first frame", "until the first gratuitous frame", "s", 3),
        Row("last frame", "until the last address had one", "s", 3),
        Row("statuses", "until all statuses are written", "s", 3), Row("CPU", "CPU", "s", 5),
        Row("writes", "writes to the API server", "")])


def latency(setting, args):
    count = latency_count(args)
    runs = {name: [flat_latency(run)] for name, run in setting.compare(measures.latency, count, args.created).items()}
    show("latency, %s, %d more" % (services(count), args.created), runs, [
        Row("put 50", "round trip of a PUT, p50", "s"), Row("status 50", "seen -> address seen, p50", "s"),
        Row("status 99", "seen -> address seen, p99", "s"), Row("trips", "  in round trips, p50", "x", limit=1.2),
        Row("frame 50", "address seen -> frame, p50", "s", limit=0.001), Row("frame 99", "address seen -> frame, p99", "s"),
        Row("all 50", "creation sent -> frame, p50", "s"), Row("all 99", "creation sent -> frame, p99", "s")])


def flat_latency(rounds):
    """Percentiles of all rounds together."""
    found = {}
    for what in rounds[0]:
        values = sorted(v for r in rounds for v in r[what])
        found[what + " 50"], found[what + " 99"] = statistics.median(values), values[len(values) * 99 // 100]
    found["trips"] = found["status 50"] / found["put 50"]
    return found


def idle(setting, args):
    count = max(args.services)
    show("idle, %s, a minute" % services(count), setting.compare(measures.idle, count, args.seconds), [
        Row("controller", "CPU of the controller", "s", 5), Row("speaker", "CPU of the speaker", "s", 5),
        Row("controller wake-ups", "context switches of the controller", ""),
        Row("speaker wake-ups", "context switches of the speaker", "")])


SECTIONS = {"controller": controller, "speaker": speaker, "latency": latency, "idle": idle}


def services(count):
    return "{:,} Services".format(count)


def started(counts):
    """Starts are compared in the clusters of 1,000 and more."""
    return [c for c in counts if c >= 1000] or [max(counts)]


def latency_count(args):
    return min(LATENCY_SERVICES, max(args.services))


def minutes(args, found):
    """A guess at the whole: worlds that are written and entered, and contestants until they are quiet."""
    enter, write = 12, 3 / 50
    total = sum(enter + write * count for count in args.services)
    for c in found:
        pace = 1 / 10 if c.name == PEER else 1 / 200  # seconds for a Service
        busy = {n: enter + min(args.patience, pace * n) for n in [*args.services, latency_count(args)]}
        per_role = sum(min(busy[n], 60) for n in args.services) + sum(busy[n] for n in started(args.services))
        parts = {"controller": per_role, "speaker": per_role, "latency": busy[latency_count(args)] + 0.4 * args.created,
                 "idle": busy[max(args.services)] + args.seconds}
        total += args.rounds * sum(parts[section] for section in args.only)
    return total / 60


def parse():
    ap = lab.parser(__doc__)
    ap.add_argument("--services", type=lambda text: [int(n) for n in text.split(",")], default=[100, 1000])
    ap.add_argument("--rounds", type=int, default=1)
    ap.add_argument("--only", type=lambda text: text.split(","), default=list(SECTIONS), help="some of " + ",".join(SECTIONS))
    ap.add_argument("--contestants", type=lambda text: text.split(","), default=[OURS, PEER], help="some of the two")
    ap.add_argument("--patience", type=int, default=300, help="seconds for one start")
    ap.add_argument("--created", type=int, default=50, help="Services created for the latency")
    ap.add_argument("--seconds", type=int, default=60, help="of idleness")
    args = ap.parse_args()
    unknown = set(args.only) - set(SECTIONS)
    if unknown:
        ap.error("no section " + ", ".join(sorted(unknown)))
    return args


def build():
    """The programs of the cluster, which takes minutes on the first run; the end of the script where they cannot be had."""
    try:
        for module in ("kube", "metallb"):
            folder_of(module)
    except Cannot as reason:
        print("skipped: %s" % reason)
        sys.exit(lab.SKIPPED)


def main():
    args = parse()
    sys.setswitchinterval(SWITCH_S)
    with lab.open_net() as net:
        build()
        found = [c for c in contestants(args.steellb) if c.name in args.contestants]
        print("about %.0f minutes" % minutes(args, found), flush=True)
        with worlds.Worlds(net) as made:
            setting = Setting(args, made, found)
            for section in args.only:
                SECTIONS[section](setting, args)


if __name__ == "__main__":
    main()
