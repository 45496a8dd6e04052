# SPDX-License-Identifier: Apache-2.0
"""What writes to the API server, against the real one, under exactly the rights of MetalLB's controller."""
import copy
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from cluster import NAMESPACE
from objects import ips, pod, service
from programs import PATIENCE, Program

from netns import until

PROBE = os.environ["WRITE_PROBE"]
FROM_POOL = "metallb.io/ip-allocated-from-pool"
POD = "controller-5c9f"
LEASE = "coordination.k8s.io/v1"


class Probe(Program):
    """write_probe, driven through a pipe; its lines come to stdout, its log to a file."""

    def __init__(self, plane, folder, *flags, account="controller", pod_name=POD, ready=True):
        config = plane.kubeconfig(account)
        path = str(folder / f"probe-{len(os.listdir(folder))}.log")
        super().__init__("write_probe", [PROBE, "--kubeconfig=" + config, "--namespace=" + NAMESPACE,
                                         "--pod-name=" + pod_name, *flags], path)
        self.lines = []
        self.start()
        if ready:
            self.expect("ready")

    def start(self):
        argv = ["setpriv", "--pdeathsig", "KILL", "--", *self.argv]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, env=self.env, text=True, start_new_session=True, stderr=log,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        Program._running.add(self)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def expect(self, pattern, timeout=PATIENCE):
        """The next line that matches; those before it are dropped."""
        def found():
            while self.lines:
                match = re.fullmatch(pattern, self.lines.pop(0))
                if match:
                    return match
            assert self.running(), self.log()
            return None
        return until(found, timeout, pattern)

    def stats(self):
        self.say("stats")
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", self.expect("stats .*")[0])}


@pytest.fixture(scope="module")
def own_pod(shared_plane):
    return shared_plane.create_pod(pod(POD, "n1", account="controller"), "198.18.0.9")


@pytest.fixture
def probe(plane, own_pod, tmp_path):
    made = []

    def make(*flags, **more):
        made.append(Probe(plane, tmp_path, *flags, **more))
        return made[-1]
    yield make
    for p in made:
        p.kill()
        print(p.log())


# --- start ---


def test_start(plane, probe, tmp_path):
    p = probe(pod_name="nobody", ready=False)
    assert p.process.wait(PATIENCE) == 1
    assert "unable to get own pod for owner references" in p.log() and 'pods \\"nobody\\" not found' in p.log()
    p = probe("-x", ready=False)
    assert p.process.wait(PATIENCE) == 2
    assert p.log().startswith("flag provided but not defined: -x\nUsage of ")


def test_start_waits_for_the_server(plane, probe):
    plane.pause()
    try:
        p = probe(ready=False)
        until(lambda: "API server not reached, trying again" in p.log(), PATIENCE, "it notices")
        assert p.running() and not p.lines
    finally:
        plane.resume()
    p.expect("ready")


# --- status of a Service ---


def rich_service(name, namespace):
    """One with something in every place that a careless write would lose."""
    made = service(name, namespace, annotations={"a": "é\u0001\"\\", "b": "1e400 18446744073709551616"})
    made["metadata"].update(labels={"l": "1"}, finalizers=["example.com/keep"])
    made["spec"]["ports"] = [{"name": "p", "port": 80, "protocol": "TCP", "appProtocol": "example.com/x"},
                             {"name": "q", "port": 81, "protocol": "UDP"}]
    return made


def test_status_keeps_the_rest(plane, probe, namespace):
    c, p = plane.admin, probe()
    made = c.create(rich_service("web", namespace))
    made = c.set_status(made, {"conditions": [{"type": "example.com/C", "status": "True", "reason": "R", "message": "m",
                                               "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 7}]})
    p.say("status", namespace, "web", "198.18.0.1")
    p.expect("written web 0 200")
    after = c.get("Service", "web", namespace)
    want = copy.deepcopy(made)
    want["metadata"]["annotations"][FROM_POOL] = "edge"
    want["status"]["loadBalancer"] = {"ingress": [{"ip": "198.18.0.1", "ipMode": "VIP"}]}
    for volatile in ("resourceVersion", "managedFields"):
        want["metadata"].pop(volatile)
        after["metadata"].pop(volatile, None)
    assert after == want
    # The same again is not sent.
    writes = p.stats()["writes"]
    p.say("status", namespace, "web", "198.18.0.1")
    p.expect("written web 0 0")
    assert p.stats()["writes"] == writes == 1
    c.patch("Service", "web", {"metadata": {"finalizers": None}}, namespace)


def test_status_of_what_is_gone(plane, probe, namespace):
    p = probe()
    p.say("status", namespace, "nothing", "198.18.0.1")
    p.expect("written nothing 0 404")


def test_conflicts(plane, probe, namespace):
    """Others write the same object all the time; nobody's write is lost."""
    c, p = plane.admin, probe()
    c.create(service("web", namespace))
    stop, others = threading.Event(), []

    def interfere():
        while not stop.is_set():
            c.patch("Service", "web", {"metadata": {"labels": {f"o{len(others)}": "x"}}}, namespace)
            others.append(len(others))
            time.sleep(0.005)
    thread = threading.Thread(target=interfere)
    thread.start()
    written = 0
    try:
        for i in range(40):
            p.say("status", namespace, "web", f"198.18.1.{i}")
            written += p.expect(r"written web 0 (\d+)")[1] == "200"
    finally:
        stop.set()
        thread.join()
    assert 0 < written < p.stats()["writes"]  # some came through, some had to be tried again
    p.say("status", namespace, "web", "198.18.2.1")
    p.expect("written web 0 200")
    after = c.get("Service", "web", namespace)
    assert ips(after) == ["198.18.2.1"]
    assert len([k for k in after["metadata"]["labels"] if k.startswith("o")]) == len(others)


def test_deleted_meanwhile(plane, probe, namespace):
    """Deleted and created again under the same name: the new one is written, never the old one's body."""
    c, p = plane.admin, probe()
    for i in range(20):
        c.create(service("web", namespace, annotations={"n": str(i)}))
        p.say("status", namespace, "web", f"198.18.3.{i}")
        c.delete("Service", "web", namespace)
        made = c.create(service("web", namespace, annotations={"new": str(i)}))
        assert p.expect(r"written web 0 (\d+)")[1] in ("200", "404", "409")
        after = c.get("Service", "web", namespace)
        assert after["metadata"]["uid"] == made["metadata"]["uid"]
        assert "n" not in after["metadata"]["annotations"]
        c.delete("Service", "web", namespace)


def test_many(plane, probe, namespace):
    count = 300
    c, p = plane.admin, probe()
    for i in range(count):
        c.create(service(f"s{i}", namespace))
    p.say("many", namespace, count)
    p.expect(f"many {count} 0")
    assert sorted(x for s in c.list("Service", namespace) for x in ips(s)) == \
        sorted(f"198.18.{i // 256}.{i % 256}" for i in range(count))
    assert p.stats()["writes"] == count


# --- Events ---


def events(plane, namespace):
    return sorted(plane.admin.list("Event", namespace), key=lambda e: e["metadata"]["name"])


def until_events(plane, namespace, check):
    return until(lambda: check(events(plane, namespace)) and events(plane, namespace), PATIENCE, "events")


def test_events(plane, probe, namespace):
    p = probe()
    made = plane.admin.create(service("web", namespace))
    uid = made["metadata"]["uid"]
    for _ in range(3):
        p.say("event", namespace, "web", uid, "AllocationFailed", "no more \"addresses\" é")
    (e,) = until_events(plane, namespace, lambda found: found and found[0]["count"] == 3)
    assert re.fullmatch(r"web\.[0-9a-f]{16}", e["metadata"]["name"])
    assert e["involvedObject"] == {"apiVersion": "v1", "kind": "Service", "name": "web", "namespace": namespace,
                                   "uid": uid, "resourceVersion": "1"}
    assert e["message"] == "no more \"addresses\" é" and e["type"] == "Warning"
    assert e["source"] == {"component": "metallb-controller"}
    assert e["reportingComponent"] == "metallb-controller" and e["reportingInstance"] == ""
    assert e["firstTimestamp"] <= e["lastTimestamp"]

    plane.admin.delete("Event", e["metadata"]["name"], namespace)
    p.say("event", namespace, "web", uid, "AllocationFailed", "no more \"addresses\" é")
    until_events(plane, namespace, lambda found: found and found[0]["count"] == 4)
    assert p.stats() == {"writes": 5, "sent": 4, "folded": 3, "dropped": 0}


def test_events_are_combined_and_limited(plane, probe, namespace):
    p = probe()
    for i in range(40):
        p.say("event", namespace, "web", "u", "R", f"message {i}")
    found = until_events(plane, namespace, lambda es: len(es) == 10 and any(e["count"] == 16 for e in es))
    combined = [e for e in found if e["message"].startswith("(combined from similar events): message ")]
    assert [e["count"] for e in combined] == [16] and combined[0]["message"].endswith(" 24")
    assert p.stats() == {"writes": 25, "sent": 25, "folded": 16, "dropped": 15}


def test_event_in_no_namespace(plane, probe):
    p = probe()
    p.say("event", "not-there", "web", "u", "R", "m")
    until(lambda: p.stats()["dropped"] == 1, PATIENCE, "it is given up")


# --- the Lease ---


def holder(plane, name):
    lease = plane.admin.find("Lease", name, NAMESPACE, LEASE)
    return lease["spec"].get("holderIdentity", "") if lease else None


def test_lease_without_rights(plane, probe):
    p = probe()
    p.say("lease", NAMESPACE, "denied", "a")
    p.expect("lease forbidden")


def test_lease_changes_hands(plane, probe):
    a, b = probe(account="admin"), probe(account="admin")
    a.say("lease", NAMESPACE, "l", "a")
    a.expect("lease held")
    b.say("lease", NAMESPACE, "l", "b")
    time.sleep(6)  # longer than the lease: it is renewed
    assert holder(plane, "l") == "a" and not b.lines
    plane.admin.patch("Lease", "l", {"metadata": {"labels": {"mine": "x"}}}, NAMESPACE, LEASE)
    a.say("release")
    a.expect("released")
    b.expect("lease held")
    lease = plane.admin.get("Lease", "l", NAMESPACE, LEASE)
    assert lease["spec"]["holderIdentity"] == "b" and lease["spec"]["leaseTransitions"] == 1
    assert lease["spec"]["leaseDurationSeconds"] == 4 and lease["metadata"]["labels"] == {"mine": "x"}

    # Killed: taken when it has run out.
    c = probe(account="admin")
    c.say("lease", NAMESPACE, "l", "c")
    time.sleep(1)
    killed = time.monotonic()
    b.kill()
    c.expect("lease held")
    assert time.monotonic() - killed > 2.5
    assert holder(plane, "l") == "c"

    # Stopped: taken likewise, and it learns of it before anything else.
    d = probe(account="admin")
    d.say("lease", NAMESPACE, "l", "d")
    time.sleep(1)
    c.lines.clear()
    c.signal(signal.SIGSTOP)
    d.expect("lease held")
    c.signal(signal.SIGCONT)
    assert c.expect("lease .*")[0] == "lease lost"
    time.sleep(5)
    assert holder(plane, "l") == "d" and not [x for x in c.lines if "held" in x]


def test_lease_of_a_server_that_hangs(plane, probe):
    a = probe(account="admin")
    a.say("lease", NAMESPACE, "h", "a")
    a.expect("lease held")
    plane.pause()
    try:
        begin = time.monotonic()
        a.expect("lease lost")
        assert time.monotonic() - begin < 10
    finally:
        plane.resume()
    a.expect("lease held")


# --- ConfigurationState ---


def state_of(plane, name="controller"):
    return plane.admin.find("ConfigurationState", name, NAMESPACE)


def until_state(plane, check, name="controller"):
    def passed(found):
        try:
            return check(found, found["status"])
        except KeyError:
            return False
    return plane.admin.until(passed, "ConfigurationState", name, NAMESPACE)


def owners(obj):
    return [(o["kind"], o["name"], o["uid"]) for o in obj["metadata"].get("ownerReferences", [])]


def test_configuration_state(plane, probe, own_pod):
    c = plane.admin
    me = ("Pod", POD, own_pod["metadata"]["uid"])
    p = probe("--state=controller")
    made = until_state(plane, lambda o, s: s["result"] == "Unknown")
    assert made["metadata"]["labels"] == {"metallb.io/component-type": "controller"}
    assert owners(made) == [me] and "controller" not in made["metadata"]["ownerReferences"][0]

    p.say("fault", "-")
    made = until_state(plane, lambda o, s: s["result"] == "Valid")
    (condition,) = made["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"], condition["message"]) == \
        ("poolReconcilerValid", "True", "Reconciled", "")
    assert "poolReconciler" in [m["manager"] for m in c.request(
        "GET", c.path("ConfigurationState", NAMESPACE, "controller"))["metadata"]["managedFields"]]

    p.say("fault", "parsing address pool a: pool has no prefixes defined")
    made = until_state(plane, lambda o, s: s["result"] == "Invalid")
    text = "configuration error: parsing address pool a: pool has no prefixes defined"
    assert made["status"]["errorSummary"] == text
    assert made["status"]["conditions"][0]["reason"] == "ConfigurationError"

    # Said again, nothing is written.
    writes, version = p.stats()["writes"], made["metadata"]["resourceVersion"]
    p.say("fault", "parsing address pool a: pool has no prefixes defined")
    assert p.stats()["writes"] == writes
    assert state_of(plane)["metadata"]["resourceVersion"] == version

    # Edited by hand.
    c.patch("ConfigurationState", "controller", {"metadata": {
        "labels": {"x": "y", "metallb.io/component-type": None}, "ownerReferences": None}}, NAMESPACE)
    until_state(plane, lambda o, s: o["metadata"]["labels"] == {"metallb.io/component-type": "controller"} and
                owners(o) == [me])
    c.patch("ConfigurationState", "controller", {"status": {"result": "Valid", "errorSummary": "", "conditions": []}},
            NAMESPACE, sub="status")
    until_state(plane, lambda o, s: s["result"] == "Invalid" and s["errorSummary"] == text)

    # Deleted.
    uid = state_of(plane)["metadata"]["uid"]
    c.delete("ConfigurationState", "controller", NAMESPACE)
    until_state(plane, lambda o, s: o["metadata"]["uid"] != uid and s["errorSummary"] == text)

    # The next process finds it in order, but for its condition.
    p.say("quit")
    p.process.wait(PATIENCE)
    q = probe("--state=controller")
    q.say("fault", "-")
    until_state(plane, lambda o, s: s["result"] == "Valid" and "errorSummary" not in s and owners(o) == [me])
    assert q.stats()["writes"] == 2  # the condition and the result


def test_configuration_state_of_a_speaker(plane, probe, shared_plane):
    made = shared_plane.create_pod(pod("speaker-x", "n1"), "198.18.0.8")
    p = probe("--state=speaker", "--node-name=n1", account="speaker", pod_name="speaker-x")
    p.say("fault", "-")
    found = until_state(plane, lambda o, s: s["result"] == "Valid", "speaker-n1")
    assert found["metadata"]["labels"] == {"metallb.io/component-type": "speaker", "metallb.io/node-name": "n1"}
    assert owners(found) == [("Pod", "speaker-x", made["metadata"]["uid"])]
    assert found["status"]["conditions"][0]["type"] == "configReconcilerValid"


def test_configuration_state_survives_the_server(plane, probe):
    """What is reported while nobody answers is written later."""
    p = probe("--state=controller")
    p.say("fault", "-")
    until_state(plane, lambda o, s: s["result"] == "Valid")
    plane.pause()
    try:
        p.say("fault", "x")
        time.sleep(1)
    finally:
        plane.resume()
    until_state(plane, lambda o, s: s["errorSummary"] == "configuration error: x")
