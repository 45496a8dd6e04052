# SPDX-License-Identifier: Apache-2.0
"""Both roles when something is wrong around them: what is announced stays, nobody hears of it twice, what was missed is caught
up, and the log says what it was.

The outage of the first test is as long as OUTAGE_SECONDS says. The 75 s without it are more than every timer that starts when
the server falls silent (PING: 30 and 15 s; a call: 60 s), and each pause between attempts is longer than the one before up to a
minute. OUTAGE_SECONDS=600 takes its ten minutes.
"""
import glob
import itertools
import json
import os
import socket
import struct
import subprocess
import threading
import time
import urllib.request

import pytest

import lab
import lan
from certificates import Authority
from cluster import DEPLOY, NAMESPACE
from fault_relay import FaultRelay, answer, answer_bytes, half_close, pass_one, refuse
from folder import binary
from objects import endpoints, ips, l2_advertisement, pool, service
from programs import PATIENCE
from roles import STEELLB
from speakers import natural_owner
from test_client import replace, write_kubeconfig
from test_speaker import (  # noqa: F401  (fixtures too)
    assign, configure, is_served, plane, shared_plane, speakers, statuses, until_event, until_statuses, wires)

from netns import ENV, InNamespace, until

OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "75"))
LONG = 3 * PATIENCE  # a pause between attempts may be a minute
VIP, NEXT = "198.18.0.10", "198.18.0.11"
LIBFAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
GOSSIP_PORT, PULSE_PORT = 7946, 7947
ETH_P_ALL = 3  # what a bridge takes, no socket of one protocol sees


def until_said(program, *words, timeout=PATIENCE):
    """A line that has all the words, and is there without --log-level=debug."""
    def found():
        return next((x for x in program.log().splitlines() if '"level":"debug"' not in x and all(w in x for w in words)), None)
    return program.until(found, f"a log line with {words}", timeout)


serial = itertools.count(1)


@pytest.fixture
def controllers(plane):
    """To start one. It reaches the server as its environment says, or directly."""
    started = []

    def start(*flags, env=()):
        # Its log is named after its Pod.
        started.append(STEELLB.controller(plane, *flags, pod_name=f"controller-{next(serial)}", env=env))
        return started[-1]
    yield start
    for program in started:
        program.kill()
        plane.clients.remove(program)


@pytest.fixture
def relay(plane):
    with FaultRelay(plane) as r:
        yield r


def way(folder, plane, account, **cluster):
    """The environment for a kubeconfig with a token in a file of its own; `cluster` as with write_kubeconfig."""
    folder = folder / account
    folder.mkdir()
    replace(folder / "token", plane.token(account))
    config = write_kubeconfig(folder, plane, {"tokenFile": str(folder / "token")}, **cluster)
    return {"KUBECONFIG": str(config)}


def start_both(speakers, controllers, env=(lambda account: {}), nodes=("oak",)):
    """One controller and a speaker on each node, with `web` announced at VIP. The programs, the controller first."""
    plane = speakers.plane
    configure(plane, nodes)
    assign(plane, ip=None, nodes=nodes)
    both = [controllers(env=env("controller")), *(speakers.start(n, env=env("speaker")) for n in nodes)]
    speakers.until_owned(VIP, natural_owner(VIP, nodes))
    until_statuses(plane, (natural_owner(VIP, nodes), "web", []))
    for program in both:  # on a busy machine one may have begun alone
        program.begun = len(program.log())
    return both


def start_behind(speakers, controllers, relay, folder, nodes=("oak",)):
    """As start_both, with the relay between; each role with a token in a file, FOLDER/ACCOUNT/token."""
    made = {}

    def env(account):
        if account not in made:
            made[account] = way(folder, speakers.plane, account, server=relay.url)
        return made[account]
    return start_both(speakers, controllers, env, nodes)


def until_next_works(speakers, nodes=("oak",), name="next", ip=NEXT, timeout=LONG):
    """A Service that is new gets an address, an announcement and a status: all of it works."""
    plane = speakers.plane
    if plane.admin.find("Service", name) is None:
        assign(plane, name, None, nodes)
    speakers.until_owned(ip, natural_owner(ip, nodes), timeout=timeout)
    until(lambda: any(o.get("status", {}).get("serviceName") == name for o in statuses(plane)), timeout, f"the status of {name}")


def stays(speakers, ip, *names, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert speakers.owners(ip) == set(names)


def without_withdrawal(programs):
    """Since start_both, no speaker gave an address up, and no controller took one back."""
    for program in programs:
        log = program.log()[getattr(program, "begun", 0):]
        assert "serviceWithdrawn" not in log and "clearAssignment" not in log


# --- the API server is gone ---


def test_ten_minutes_without_an_answer(plane, speakers, controllers):
    """It takes connections and says nothing. One node dies meanwhile."""
    nodes = ("oak", "elm", "fir")
    controller, *_ = start_both(speakers, controllers, nodes=nodes)
    owner = natural_owner(VIP, nodes)
    left = [n for n in nodes if n != owner]
    heir = natural_owner(VIP, left)
    plane.pause()
    try:
        stays(speakers, VIP, owner, seconds=OUTAGE / 2)
        speakers.programs[owner].kill()
        speakers.until_owned(VIP, heir)
        stays(speakers, VIP, heir, seconds=OUTAGE / 2)
    finally:
        plane.resume()
    survivors = [controller, *(speakers.programs[n] for n in left)]
    for program in survivors:
        until_said(program, "connection to the API server lost", "no answer to PING")
        until_said(program, "no connection to the API server", "no end of the TLS handshake")
    until_said(speakers.programs[heir], "cannot write statuses, trying again")
    until(lambda: [o.get("status", {}).get("node") for o in statuses(plane)] == [heir], LONG, "the status is the heir's")
    until_event(plane, "nodeAssigned", heir)
    until_next_works(speakers, left)
    assert speakers.owners(VIP) == {heir}
    without_withdrawal(survivors)


def compact(plane):
    """Etcd forgets what was before, and a server that starts after that too: who asks for it gets a 410."""
    etcd = f"http://127.0.0.1:{plane.ports['etcd'].number}/v3/kv/"

    def post(path, body):
        with InNamespace(plane.namespace), urllib.request.urlopen(etcd + path, json.dumps(body).encode(), timeout=10) as reply:
            return json.load(reply)
    revision = post("range", {"key": "AA=="})["header"]["revision"]
    post("compaction", {"revision": revision, "physical": True})


def test_lost_history(plane, speakers, controllers, relay, tmp_path):
    """While nobody answers the roles, one Service goes, one comes and one gets other endpoints; then the server dies, and the
    next one knows only what there is now."""
    nodes = ("oak", "elm")
    programs = start_behind(speakers, controllers, relay, tmp_path, nodes)
    for name, ip in (("goes", NEXT), ("moves", "198.18.0.12")):
        assign(plane, name, None, nodes, externalTrafficPolicy="Local")
        speakers.until_owned(ip, natural_owner(ip, nodes))
    owner = natural_owner("198.18.0.12", nodes)
    other = next(n for n in nodes if n != owner)
    relay.set(refuse)
    plane.admin.delete("Service", "goes")
    plane.admin.delete("EndpointSlice", "goes-1", "default")
    plane.admin.apply(endpoints("moves", [other]))
    assign(plane, "comes", None, nodes, loadBalancerIP="198.18.0.13")
    compact(plane)
    plane.admin.close()
    plane.apiserver.kill()
    assert speakers.owners(NEXT) == {natural_owner(NEXT, nodes)}  # nobody knows better
    plane.apiserver.start()
    plane.until_ready()
    until(lambda: is_served(plane), PATIENCE, "the server has its resource types again")
    relay.set(None)
    speakers.until_owned(NEXT, timeout=LONG)
    speakers.until_owned("198.18.0.12", other, timeout=LONG)
    speakers.until_owned("198.18.0.13", natural_owner("198.18.0.13", nodes), timeout=LONG)
    assert speakers.owners(VIP) == {natural_owner(VIP, nodes)}
    until_statuses(plane, *((natural_owner(ip, nodes), name, []) for name, ip in (("web", VIP), ("comes", "198.18.0.13"))),
                   (other, "moves", []))
    until_event(plane, "nodeAssigned", other, "moves")
    for program in programs:
        until_said(program, "no connection to the API server")
        assert not [x for x in program.log().splitlines() if "default/web" in x and ("Withdrawn" in x or "clear" in x)]
    for name in nodes:
        assert "the resource version is of no use" in speakers.programs[name].log()


# --- it answers, but what? ---

FAULTS = [
    ("500", answer(500, "InternalError", "etcdserver: request timed out"), "etcdserver: request timed out"),
    ("429", answer(429, "TooManyRequests", "too many requests, please try again later", Retry_After=1),
     "too many requests, please try again later"),
    ("just started", answer(429, "TooManyRequests", "storage is (re)initializing", Retry_After=1), "storage is (re)initializing"),
    ("no Kubernetes", answer_bytes(502, b"<html>Bad Gateway</html>\n", {"Content-Type": "text/html"}), "502"),
    ("half an object", answer_bytes(200, b'{"type":"ADDED","object":{"kind":"Serv'), "the body is cut off"),
    ("cut off", pass_one(limit=900), "connection closed by the server"),
    ("half-closed", half_close, "connection closed by the server"),
]


@pytest.mark.parametrize("fault, said", [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_bad_answers(plane, speakers, controllers, relay, tmp_path, fault, said):
    programs = start_behind(speakers, controllers, relay, tmp_path)
    relay.set(fault)
    assign(plane, "next", None, ["oak"])
    for program in programs:
        until_said(program, '"kind":', " failed: ", said)
    assert speakers.owners(VIP) == {"oak"} and ips(plane.admin.get("Service", "next")) == []
    relay.set(None)
    until_next_works(speakers)
    without_withdrawal(programs)


def test_slow_server(plane, speakers, controllers, relay, tmp_path):
    """Every piece of every answer takes its time: all of it is done, later."""
    programs = start_behind(speakers, controllers, relay, tmp_path)
    relay.set(pass_one(pause=0.5, piece=2000))
    until_next_works(speakers)
    relay.set(None)
    until_next_works(speakers, name="after", ip="198.18.0.12")
    without_withdrawal(programs)


# --- who is it, and who are we? ---


def test_token_that_is_void(plane, speakers, controllers, relay, tmp_path):
    """The server does not take the tokens any more, until there are new ones in the files."""
    programs = start_behind(speakers, controllers, relay, tmp_path)
    try:
        for account in ("controller", "speaker"):
            plane.admin.delete("ServiceAccount", account, NAMESPACE)
            plane.create_account(account)
            plane.accounts.pop((NAMESPACE, account), None)
        assign(plane, "next", None, ["oak"])

        def refused():
            relay.cut()  # a watch is not asked again who it is
            return all("Unauthorized" in p.log() for p in programs)
        until(refused, PATIENCE, "the tokens are refused", step=1)
        for program in programs:
            until_said(program, " failed: ", "Unauthorized")
        assert speakers.owners(VIP) == {"oak"}
    finally:
        for account in ("controller", "speaker"):
            replace(tmp_path / account / "token", plane.token(account))
    until_next_works(speakers)
    without_withdrawal(programs)


@pytest.fixture
def stranger(tmp_path):
    """An authority that signed nothing here."""
    return Authority(str(tmp_path / "stranger"))


def run_to_end(plane, role, env):
    env = {"METALLB_NAMESPACE": NAMESPACE, "METALLB_POD_NAME": f"{role}-0", "METALLB_NODE_NAME": "oak", **env}
    return subprocess.run(plane.net.command("plane", binary(), role, "--port=0"), env=dict(ENV, **env), text=True,
                          timeout=PATIENCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("role", ["controller", "speaker"])
def test_wrong_authority_at_start(plane, tmp_path, stranger, role):
    ca = {"certificate-authority-data": None, "certificate-authority": stranger.path("ca.crt")}
    ended = run_to_end(plane, role, way(tmp_path, plane, role, **ca))
    assert ended.returncode == 1, ended.stdout
    assert "unable to get own pod for owner references" in ended.stdout
    assert 'certificate of \\"/CN=apiserver\\", issued by \\"/CN=steellb-tests\\"' in ended.stdout, ended.stdout


@pytest.mark.parametrize("role", ["controller", "speaker"])
def test_no_such_namespace(plane, tmp_path, role):
    """Nor its Secret, nor our Pod."""
    ended = run_to_end(plane, role, {**way(tmp_path, plane, role), "METALLB_NAMESPACE": "nowhere"})
    assert ended.returncode == 1, ended.stdout
    assert "unable to get own pod for owner references" in ended.stdout and "nowhere" in ended.stdout, ended.stdout


def test_wrong_authority_later(plane, speakers, controllers, tmp_path, stranger):
    """The file of the authority is replaced by a wrong one, then by the right one again."""
    ca, right = tmp_path / "ca.crt", plane.authority.read("ca.crt").decode()
    replace(ca, right)
    trust = {"certificate-authority-data": None, "certificate-authority": str(ca)}
    programs = start_both(speakers, controllers, lambda account: way(tmp_path, plane, account, **trust))
    replace(ca, stranger.read("ca.crt").decode())
    for program in programs:
        until_said(program, "certificates for the API server have changed")
    assign(plane, "next", None, ["oak"])
    until_said(programs[0], "no connection to the API server", "certificate of", "issued by")
    assert speakers.owners(VIP) == {"oak"}
    replace(ca, right)
    until_next_works(speakers)
    without_withdrawal(programs)


# --- the clock ---


@pytest.mark.skipif(not LIBFAKETIME, reason="libfaketime is not installed")
def test_clock_jumps(plane, speakers, controllers, relay, tmp_path):
    """A day ahead, then so far back that the server's certificate is not valid yet."""
    clock = tmp_path / "clock"
    replace(clock, "+0")
    fake = {"LD_PRELOAD": LIBFAKETIME[0], "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    programs = start_both(speakers, controllers, lambda account: {**way(tmp_path, plane, account, server=relay.url), **fake})
    today = time.strftime("%Y-%m-%d", time.gmtime())
    replace(clock, "+1d")
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
    time.sleep(1.5)  # FAKETIME_CACHE_DURATION
    until_next_works(speakers)
    for program in programs:
        until_said(program, f'"ts":"{tomorrow}')
    event = until_event(plane, "nodeAssigned", "oak", "next")
    assert event["lastTimestamp"][:10] > today
    replace(clock, "-3d")
    time.sleep(1.5)
    relay.cut()
    for program in programs:
        until_said(program, "no connection to the API server", "certificate", "not yet valid")
    assert speakers.owners(VIP) == speakers.owners(NEXT) == {"oak"}
    replace(clock, "+0")
    until_next_works(speakers, name="after", ip="198.18.0.12")
    without_withdrawal(programs)


# --- much, and wrong ---


def test_object_of_a_mebibyte(plane, speakers, controllers):
    """A pool of 23,000 addresses, one by one. Both roles take it, and the controller counts them."""
    programs = start_both(speakers, controllers)
    big = pool("big", *(f"2001:0db8:0000:0000:0000:0000:{i >> 8:04x}:{i & 255:04x}/128" for i in range(23000)), autoAssign=False)
    assert len(json.dumps(big)) > 1 << 20
    plane.admin.create(big)
    plane.admin.until(lambda o: o.get("status", {}).get("availableIPv6") == 23000, "IPAddressPool", "big", NAMESPACE, timeout=LONG)
    assign(plane, "next", None, ["oak"], ipFamilies=["IPv6"], annotations={"metallb.io/address-pool": "big"})
    plane.admin.until(lambda o: ips(o), "Service", "next")
    until_event(plane, "nodeAssigned", "oak", "next")
    without_withdrawal(programs)


def slices(name, count, node, last_node):
    """Of ten endpoints each; the one that is ready is in the last."""
    for i in range(count):
        last = i == count - 1
        made = endpoints(name, [last_node if last else node] * 10, ready=last)
        made["metadata"]["name"] = f"{name}-{i}"
        for k, endpoint in enumerate(made["endpoints"]):
            endpoint["addresses"] = [f"198.18.{128 + i // 25}.{i % 25 * 10 + k}"]
        yield made


def test_thousand_slices(plane, speakers, controllers):
    nodes = ("oak", "elm")
    programs = start_both(speakers, controllers, nodes=nodes)
    *many, last = slices("wide", 1000, "oak", "elm")
    try:
        for one in many:
            plane.admin.create(one)
        plane.admin.create(last)
        plane.admin.create(service("wide", externalTrafficPolicy="Local"))
        for node in ("elm", "oak", "elm"):
            last["endpoints"] = [dict(e, nodeName=node) for e in last["endpoints"]]
            plane.admin.apply(last)
            speakers.until_owned(NEXT, node)
        until_statuses(plane, (natural_owner(VIP, nodes), "web", []), ("elm", "wide", []))
        speakers.stop("oak")
        speakers.start("oak").until_log("config reloaded")
        stays(speakers, NEXT, "elm", seconds=1)
        assert "serviceWithdrawn" not in programs[0].log()
    finally:
        plane.admin.request("DELETE", plane.admin.path("EndpointSlice", "default"))


def answers(speakers, ip):
    """How many frames one request brings."""
    speakers.ear.frames()
    speakers.ear.socket.send(lan.request(speakers.mac, ip))
    time.sleep(0.3)
    return sum(op == 2 and sender == ip and to == speakers.mac
               for to, _, op, sender, _ in map(lan.arp_fields, speakers.ear.frames()))


def test_two_with_one_address(plane, speakers, controllers):
    """Written by hand. It is announced once, for as long as one of them has it; the controller lets one keep it."""
    configure(plane, ["oak"])
    for name in ("one", "two"):
        assign(plane, name, VIP, ["oak"])
    speakers.start("oak")
    speakers.until_owned(VIP, "oak")
    until_statuses(plane, ("oak", "one", []), ("oak", "two", []))
    assert answers(speakers, VIP) == 1
    plane.admin.delete("Service", "one")
    until_statuses(plane, ("oak", "two", []))
    assert answers(speakers, VIP) == 1
    plane.admin.set_status(plane.admin.create(service("one")), {"loadBalancer": {"ingress": [{"ip": VIP}]}})
    controller = controllers()
    speakers.until_owned(NEXT, "oak")
    assert sorted(ips(s)[0] for s in plane.admin.list("Service", "default") if ips(s)) == [VIP, NEXT]
    until_said(controller, "clearAssignment", "address also in use by default/")
    assert answers(speakers, VIP) == answers(speakers, NEXT) == 1


def test_configuration_that_goes(plane, speakers, controllers):
    """The L2Advertisement, then the pool, deleted while an address is in use; and back."""
    controller, speaker = start_both(speakers, controllers)
    plane.admin.delete("L2Advertisement", "lan", NAMESPACE)
    speakers.until_owned(VIP)
    until_said(speaker, "serviceWithdrawn", "default/web")
    until_event(plane, "notAnnounced", "no L2Advertisement and no BGPAdvertisement covers pool home")
    until_statuses(plane)
    assert ips(plane.admin.get("Service", "web")) == [VIP]
    plane.admin.apply(l2_advertisement())
    speakers.until_owned(VIP, "oak")
    plane.admin.delete("IPAddressPool", "home", NAMESPACE)
    plane.admin.until(lambda o: not ips(o), "Service", "web")
    speakers.until_owned(VIP)
    until_said(controller, "clearAssignment", "default/web")
    plane.admin.apply(pool("home", "198.18.0.10-198.18.0.99"))
    speakers.until_owned(VIP, "oak")
    until_statuses(plane, ("oak", "web", []))


def test_type_of_the_statuses_goes(plane, speakers, controllers):
    """The CustomResourceDefinition, and with it every status; it comes again, and so do they."""
    programs = start_both(speakers, controllers)
    name = "servicel2statuses.metallb.io"
    plane.admin.delete("CustomResourceDefinition", name)
    try:
        plane.admin.until_gone("CustomResourceDefinition", name)
        until_said(programs[1], '"kind":"ServiceL2Status"', "watch failed: the server answers 404")
        assign(plane, "next", None, ["oak"])
        speakers.until_owned(NEXT, "oak")  # it needs no status
        until_said(programs[1], "failed to write the status of a service", "default/next")
        assert speakers.owners(VIP) == {"oak"}
    finally:
        plane.apply(DEPLOY / "crds")
    until(lambda: sorted(o.get("status", {}).get("serviceName", "") for o in statuses(plane)) == ["next", "web"], LONG,
          "both statuses are written again")
    without_withdrawal(programs)


# --- the members' network ---


class Flood:
    """Frames that go to a node over the network of the members, thousands a second."""

    def __init__(self, net, node, frames):
        self.net, self.node, self.frames, self.sent = net, node, frames, 0
        self.socket = net.socket("plane", node)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.socket.close()

    def _run(self):
        while not self.stopped.wait(0.01):
            for _ in range(50):
                self.socket.send(self.frames[self.sent % len(self.frames)])
                self.sent += 1


def frames_between(net, sender, receiver, seconds):
    """Datagrams of gossip and heartbeats that pass the bridge, as whole frames."""
    found, to = [], socket.inet_aton(lab.MANAGEMENT[receiver])
    with net.socket("plane", sender, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as s:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            s.settimeout(left)
            try:
                frame = s.recv(65536)
            except TimeoutError:
                break
            if frame[12:14] == b"\x08\0" and frame[23] == socket.IPPROTO_UDP and frame[30:34] == to:
                found.append(frame)
    return found


def with_payload(frame, change):
    """The same frame with another payload, without a checksum of UDP: what was captured has none that is right."""
    payload = change(frame[42:])
    ip = bytearray(frame[14:34])
    ip[2:4] = struct.pack("!H", 28 + len(payload))
    ip[10:12] = b"\0\0"
    total = sum(struct.unpack("!10H", ip))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    ip[10:12] = struct.pack("!H", ~total & 0xffff)
    return frame[:14] + bytes(ip) + frame[34:38] + struct.pack("!HH", 8 + len(payload), 0) + payload


CHANGES = [
    # Replayed, then forged.
    lambda p: p,
    lambda p: p[:-1] + bytes([p[-1] ^ 1]),  # a wrong tag
    lambda p: p[:len(p) // 2],
    lambda p: bytes([p[0]]) + os.urandom(len(p) - 1),
    lambda p: b"\x05\x83\xa4From\xa3oak\xabIncarnation\x7f\xa4Node\xa3elm",  # plain: elm is dead
    lambda p: b"",
]


def last_count(program, text, field):
    lines = [json.loads(x) for x in program.log().splitlines() if text in x]
    return lines[-1][field] if lines else 0


def test_flood(plane, speakers, tmp_path):
    """Forged and replayed datagrams at the ports of the members: whoever asks by ARP is answered all the time, no member is
    taken for dead, and the log counts them without being flooded itself."""
    (tmp_path / "secretkey").write_text("MDEyMzQ1Njc4OWFiY2RlZg")
    key = {"METALLB_ML_SECRET_KEY_PATH": str(tmp_path)}
    nodes = ("oak", "elm")
    configure(plane, nodes)
    for name, ip in (("web", VIP), ("next", NEXT)):
        assign(plane, name, ip)
    for name in nodes:
        speakers.start(name, "--fast-detect=300msx5", env=key)
    owner = natural_owner(VIP, nodes)
    other = next(n for n in nodes if n != owner)
    speakers.until_owned(VIP, owner)
    heard = []

    def heard_both():
        heard.extend(frames_between(speakers.net, other, owner, 1))
        return {struct.unpack("!H", f[36:38])[0] for f in heard} == {GOSSIP_PORT, PULSE_PORT}
    until(heard_both, PATIENCE, "gossip and heartbeats")
    frames = [with_payload(f, change) for f in heard for change in CHANGES]
    target = speakers.programs[owner]
    lines = len(target.log().splitlines())
    with Flood(speakers.net, owner, frames) as flood:
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            speakers.until_owned(VIP, owner)
    assert flood.sent > 3000
    until_said(target, "gossip messages refused: they are not made with our secret")
    until(lambda: last_count(target, "gossip messages dropped so far", "key") > 1000, PATIENCE, "forged gossip is counted")
    for field in ("tag", "old"):
        until(lambda: last_count(target, "heartbeats dropped so far", field) > 100, PATIENCE, f"heartbeats are counted: {field}")
    for name in nodes:
        log = speakers.programs[name].log()
        assert "marking node as failed" not in log and "serviceWithdrawn" not in log
    assert len(target.log().splitlines()) - lines < 1000
    assert speakers.owners(VIP) == {owner} and speakers.owners(NEXT) == {natural_owner(NEXT, nodes)}
