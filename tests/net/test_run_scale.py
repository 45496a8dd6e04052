# SPDX-License-Identifier: Apache-2.0
"""`steellb run` with 2,000 addresses, and with edits under load."""
import ipaddress
import random
import select
import time

import pytest

from folder import (PATIENCE, binary, endpoints, l2_advertisement, node, plan, pool, service,
                    steellb)
from lan import arp_fields, request
from netns import until

COUNT = 2000
FIRST = ipaddress.IPv4Address("198.18.16.0")
POOLS = 8


def ip_at(i):
    return str(FIRST + i)


def put_many(folder, count=COUNT):
    """Spread over pools, a Service an address, in a few files. Names sort as addresses do."""
    share = count // POOLS
    folder.put("cluster.yaml", l2_advertisement(),
               *(pool(f"pool{i}", f"{ip_at(i * share)}-{ip_at((i + 1) * share - 1)}")
                 for i in range(POOLS)))
    for i in range(POOLS):
        names = [f"s{k:04}" for k in range(i * share, (i + 1) * share)]
        folder.put(f"services{i}.yaml",
                   *(service(n, annotations={"metallb.io/address-pool": f"pool{i}"}) for n in names),
                   *(endpoints(n) for n in names))


def resident(process):
    """(now, at most so far), in MiB."""
    with open(f"/proc/{process.pid()}/status", encoding="utf-8") as f:
        fields = dict(line.split(":", 1) for line in f)
    return [int(fields[k].split()[0]) / 1024 for k in ("VmRSS", "VmHWM")]


def is_sanitizer_build():
    with open(binary(), "rb") as f:
        return b"__asan_init" in f.read()


def owners_of(cluster):
    """Address to node, as the running processes see it; they agree."""
    views = [{a: s.get("node") for s in p.status()["services"] for a in s["addresses"]}
             for p in cluster.processes.values()]
    assert all(v == views[0] for v in views)
    return views[0]


def test_two_thousand_addresses(cluster):
    put_many(cluster.folder)
    cluster.start()
    cluster.until_adopted(lambda s: len(s["services"]) == COUNT)
    owners = owners_of(cluster)
    assert set(owners) == {ip_at(i) for i in range(COUNT)}
    planned = {s["addresses"][0]: s["layer2"][0]["node"] for s in plan(cluster.folder).values()}
    assert owners == planned
    shares = {n: sum(o == n for o in owners.values()) for n in cluster.processes}
    assert min(shares.values()) > COUNT / len(shares) / 2
    for n, p in cluster.processes.items():
        assert len(p.status()["announcing"]) == shares[n]
    macs = {n: cluster.mac_of(n) for n in cluster.processes}
    sample = random.Random(1).sample(sorted(owners), 60)
    assert cluster.repliers_of(sample) == {ip: {macs[owners[ip]]} for ip in sample}
    assert cluster.repliers(ip_at(COUNT)) == set()

    cluster.folder.put("node-oak.yaml", node("oak", unavailable=True))
    cluster.until_adopted(lambda s: all(x["node"] != "oak" for x in s["services"]))
    after = owners_of(cluster)
    assert all(after[ip] == o for ip, o in owners.items() if o != "oak")  # nothing else moved
    assert cluster.repliers_of(sample) == {ip: {macs[after[ip]]} for ip in sample}
    text = steellb("status", "--control-socket", cluster.processes["elm"].socket_path).stdout
    assert len(text.splitlines()) > COUNT


@pytest.mark.parametrize("args", [[], ["--pin"]], ids=["plain", "pin"])
def test_memory(cluster, args):
    """It does not grow by readings."""
    for n in ("elm", "fir"):
        cluster.folder.remove(f"node-{n}.yaml")
    put_many(cluster.folder)
    cluster.start("oak", args=args)
    oak = cluster.processes["oak"]
    oak.until_status(lambda s: len(s["announcing"]) == COUNT)

    def edit(i):
        before = oak.status()["readings"]
        cluster.folder.put("extra.yaml", pool(f"extra{i}", "198.19.0.0/24"))
        oak.until_status(lambda s: s["readings"] > before)

    for i in range(4):
        edit(i)
    warm, _ = resident(oak)
    for i in range(10):
        edit(i)
    now, most = resident(oak)
    if not is_sanitizer_build():  # which keeps what was freed, and finds leaks by itself
        assert now < warm + 10 and most < 64, (warm, now, most)
    sample = [ip_at(i) for i in random.Random(2).sample(range(COUNT), 60)]
    assert cluster.repliers_of(sample) == {ip: {cluster.mac_of("oak")} for ip in sample}


# --- load ---


def ask_all(cluster, ips, chatter):
    """One request for each address amid others that are nobody's; who did not get an answer."""
    ear, missing = cluster.ear, set(ips)
    ear.frames()
    for i, ip in enumerate(ips):
        for k in range(chatter):
            ear.socket.send(request(cluster.mac, f"198.19.{i % 256}.{k + 1}"))
        ear.socket.send(request(cluster.mac, ip))
    deadline = time.monotonic() + PATIENCE
    while missing and time.monotonic() < deadline:
        select.select([ear.socket], [], [], 0.1)
        for to, _, op, sender, _ in map(arp_fields, ear.frames()):
            if op == 2 and to == cluster.mac:
                missing.discard(sender)
    return missing


def test_pool_edit_under_load(cluster):
    """Pools come, grow, shrink and go; an address that is still in one is answered all the time."""
    for n in ("elm", "fir"):
        cluster.folder.remove(f"node-{n}.yaml")
    kept = [ip_at(i) for i in range(40)]
    going = [ip_at(256 + i) for i in range(40)]
    for i, ip in enumerate(kept):
        cluster.folder.put(f"kept{i}.yaml", service(f"kept{i}", loadBalancerIP=ip),
                           endpoints(f"kept{i}"))
    cluster.folder.put("going.yaml", *(
        x for i, ip in enumerate(going)
        for x in (service(f"going{i}", loadBalancerIP=ip), endpoints(f"going{i}"))))

    def edit(last, *more):
        cluster.folder.put("cluster.yaml", pool("kept", f"{ip_at(0)}-{ip_at(last)}"), *more,
                           l2_advertisement())

    other = pool("going", f"{ip_at(256)}-{ip_at(511)}")
    edit(39, other)
    cluster.start("oak")
    oak = cluster.processes["oak"]
    oak.until_status(lambda s: len(s["announcing"]) == 80)
    assert ask_all(cluster, kept + going, 1) == set()

    steps = [(200,), (200, other), (39, other), (100, pool("third", "198.19.255.0/24"), other), (60,)]
    for i in range(60):
        edit(*steps[i % len(steps)])
        assert ask_all(cluster, kept, 5) == set()
    edit(255)
    oak.until_status(lambda s: len(s["announcing"]) == 40)
    assert ask_all(cluster, kept, 5) == set()
    assert set.union(*cluster.repliers_of(going).values()) == set()
    assert "refused" not in oak.status()
    withdrawn = [x for x in oak.log().splitlines() if "withdrawing" in x]
    assert withdrawn and not [x for x in withdrawn if "kept" in x]
    edit(255, other)
    oak.until_status(lambda s: len(s["announcing"]) == 80)
    until(lambda: not ask_all(cluster, kept + going, 1), PATIENCE)
