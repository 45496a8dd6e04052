# SPDX-License-Identifier: Apache-2.0
"""What cluster.py measures. Each function enters a world, runs the roles of a contestant there, and returns {what: figure}."""
import contextlib
import itertools
import os
import time

import lab
import witness
import worlds
from worlds import NAMESPACE

QUIET_S, QUIET_SHARE = 5, 0.02
METRICS_PORT = 7472
PAUSE_S = 0.1
MEMORY_S = 60  # MetalLB may rewrite statuses for many minutes, and its memory stays as it is


class AtLeast(float):
    """What there was when patience ended."""


def seconds(ns):
    return ns / 1e9


def bound(value, complete):
    return value if complete else AtLeast(value)


# --- running ---

class Stage:
    """The programs of one contestant in a world that was entered. They end with the block."""

    def __init__(self, setting, contestant, kind, count):
        self.worlds, self.plane = setting.worlds, setting.worlds.plane
        self.contestant, self.patience = contestant, setting.patience
        self.running = []
        self.worlds.enter(kind, count)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in self.running:
            program.kill()

    def _run(self, role, name, flags, env, **place):
        env = {"KUBECONFIG": self.plane.kubeconfig(role), "METALLB_NAMESPACE": NAMESPACE, "METALLB_POD_NAME": name,
               "METALLB_BGP_TYPE": "native", **env}
        argv = [*self.contestant.program(role), "--port=%d" % METRICS_PORT, "--log-level=info", *flags]
        self.running.append(self.plane.run("%s-%s" % (self.contestant.name, name), argv, self.worlds.net, env=env, **place))
        return self.running[-1]

    def controller(self):
        return self._run("controller", "controller-0", ["--webhook-mode=disabled"], {}, ns="plane")

    def speaker(self, node=worlds.ANNOUNCER):
        at = worlds.NODES[node]
        env = {"METALLB_NODE_NAME": node, "METALLB_HOST": at, "METALLB_ML_BIND_ADDR": at,
               "METALLB_ML_LABELS": "app=metallb,component=speaker", "METALLB_ML_SECRET_KEY_PATH": self.worlds.key_folder}
        return self._run("speaker", "speaker-" + node, [], env, ns=node)

    def neighbour(self):
        """The speaker of the other node, with its Pod. Returns once it has nothing to do."""
        self.worlds.create_speaker_pod(worlds.NEIGHBOUR)
        self.speaker(worlds.NEIGHBOUR)
        self.until_quiet(self.deadline())

    def pids(self):
        return [program.pid() for program in self.running]

    def deadline(self):
        return time.monotonic() + self.patience

    def check(self):
        """A contestant that ended would be the fastest of all."""
        for program in self.running:
            assert program.running(), program.tail()

    def until_announced(self, ear, count):
        complete = ear.wait_count(count, self.deadline())
        assert complete, "%s announces %d of %d" % (self.contestant.name, len(ear.first), count)

    def until_quiet(self, deadline):
        """Nothing is written for 5 s, and next to no CPU used; whether that came true in time."""
        while time.monotonic() < deadline:
            before = witness.writes(self.plane.admin)
            idle = witness.until_idle(self.pids(), QUIET_S, QUIET_SHARE, deadline - time.monotonic())
            self.check()
            if idle and witness.writes(self.plane.admin) == before:
                return True
        return False

    def tail(self, kind, namespace, keys):
        return witness.Tail(self.worlds.new_client(), kind, namespace, keys)

    def ear(self):
        return witness.Ear(self.worlds.net, "wire", worlds.ANNOUNCER)


def with_address(obj):
    return [obj["metadata"]["name"]] if obj["status"]["loadBalancer"].get("ingress") else []


def with_node(obj):
    return [obj["status"]["serviceName"]] if obj.get("status", {}).get("node") else []


# --- memory ---

def memory(setting, contestant, role, count):
    with Stage(setting, contestant, "settled", count) as stage:
        before = witness.writes(stage.plane.admin)
        with stage.ear() as ear:
            program = getattr(stage, role)()
            if role == "speaker":
                stage.until_announced(ear, count)
        quiet = stage.until_quiet(time.monotonic() + MEMORY_S)
        found = lab.memory([program.pid()])
        return {"PSS": found["Pss"] / 1024, "anonymous": found["Pss_Anon"] / 1024, "RSS": found["Rss"] / 1024,
                "writes": bound(witness.writes(stage.plane.admin) - before, quiet)}


# --- start ---

def start_controller(setting, contestant, count):
    with Stage(setting, contestant, "new", count) as stage, stage.tail("Service", "default", with_address) as tail:
        before = witness.writes(stage.plane.admin)
        deadline, started = stage.deadline(), witness.now()
        program = stage.controller()
        complete = tail.wait_count(count, deadline)
        assigned = max(tail.first.values()) if complete else witness.now()
        quiet = complete and stage.until_quiet(deadline)
        return {"time": bound(seconds(assigned - started), complete),
                "CPU": bound(seconds(witness.cpu_ns(program.pid())), quiet),
                "writes": bound(witness.writes(stage.plane.admin) - before, quiet)}


def start_speaker(setting, contestant, count):
    """In the company of another speaker: ours waits for the others before it decides who announces."""
    with Stage(setting, contestant, "assigned", count) as stage, stage.ear() as ear, \
            stage.tail("ServiceL2Status", NAMESPACE, with_node) as tail:
        stage.neighbour()
        before = witness.writes(stage.plane.admin)
        deadline, started = stage.deadline(), witness.now()
        program = stage.speaker()
        announced = ear.wait_count(count, deadline)
        complete = tail.wait_count(count, deadline)
        ended = witness.now()
        quiet = announced and complete and stage.until_quiet(deadline)
        frames, statuses = sorted(ear.first.values()) or [ended], max(tail.first.values(), default=ended)
        assert not ear.lost(), "frames were lost for want of room"
        return {"first frame": bound(seconds(frames[0] - started), ear.first),
                "last frame": bound(seconds((frames[-1] if announced else ended) - started), announced),
                "statuses": bound(seconds((statuses if complete else ended) - started), complete),
                "CPU": bound(seconds(witness.cpu_ns(program.pid())), quiet),
                "writes": bound(witness.writes(stage.plane.admin) - before, quiet)}


# --- latency ---

def of_service(obj):
    name = obj["metadata"]["name"]
    return [(name, "seen")] + ([(name, "address")] if obj["status"]["loadBalancer"].get("ingress") else [])


@contextlib.contextmanager
def ahead():
    """This script before all others, so that it looks at the clock in time. What it starts meanwhile would be too."""
    lab.favour([0])
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


class Put:
    """Round trips that write the status of a Service for which nobody cares, as large as those of the others."""

    def __init__(self, client):
        self.client, self.trips = client, []
        self.service = client.create(worlds.objects.service("foreign", loadBalancerClass="bench.invalid/none"))
        self.addresses = itertools.cycle(("203.0.113.1", "203.0.113.2"))  # what changes nothing is not written

    def __call__(self):
        new = worlds.assigned(next(self.addresses))
        self.service["metadata"]["annotations"], self.service["status"] = new["metadata"]["annotations"], new["status"]
        before = witness.now()
        self.service = self.client.replace(self.service, sub="status")
        self.trips.append(witness.now() - before)


def create_services(client, count):
    """One by one, slower than MetalLB may write. Returns {name: when its creation was sent} and the round trips beside."""
    put, sent = Put(client), {}
    for i in range(count):
        name = "late-%03d" % i
        client.create(worlds.endpoint_slice(name))
        time.sleep(PAUSE_S)
        put()
        time.sleep(PAUSE_S)
        sent[name] = witness.now()
        client.create(worlds.objects.service(name))
        time.sleep(PAUSE_S)
    return sent, put.trips


def latency(setting, contestant, count, created):
    """Lists of seconds: `put`, and for each Service that was created `status`, `frame` and `all`."""
    with Stage(setting, contestant, "settled", count) as stage, stage.ear() as ear:
        stage.controller()
        stage.speaker()
        stage.until_announced(ear, count)
        stage.until_quiet(stage.deadline())
        with ahead(), stage.tail("Service", "default", of_service) as tail:
            sent, trips = create_services(stage.worlds.new_client(), created)
            stage.until_announced(ear, count + created)
            assert tail.wait_count(2 * (created + 1), stage.deadline())
        address = {s["metadata"]["name"]: worlds.objects.ips(s)[0] for s in stage.plane.admin.list("Service", "default")
                   if s["metadata"]["name"] in sent}
        spans = [(tail.first[name, "address"] - tail.first[name, "seen"], ear.first[ip] - tail.first[name, "address"],
                  ear.first[ip] - sent[name]) for name, ip in address.items()]
    return {"put": list(map(seconds, trips)),
            **{what: [seconds(span[i]) for span in spans] for i, what in enumerate(("status", "frame", "all"))}}


# --- idle ---

def idle(setting, contestant, count, length):
    """Of the controller and of the speaker that announces: CPU seconds and wake-ups in a minute."""
    with Stage(setting, contestant, "settled", count) as stage, stage.ear() as ear:
        stage.neighbour()
        pids = [stage.controller().pid(), stage.speaker().pid()]
        stage.until_announced(ear, count)
        quiet = stage.until_quiet(stage.deadline())
        before = [(witness.cpu_ns(pid), lab.switches([pid])) for pid in pids]
        time.sleep(length)
        after = [(witness.cpu_ns(pid), lab.switches([pid])) for pid in pids]
        stage.check()
    assert quiet, "%s did not become quiet" % contestant.name
    cpu = [seconds(a[0] - b[0]) * 60 / length for a, b in zip(after, before)]
    wakeups = [(a[1] - b[1]) * 60 / length for a, b in zip(after, before)]
    return dict(zip(("controller", "speaker", "controller wake-ups", "speaker wake-ups"), cpu + wakeups))
