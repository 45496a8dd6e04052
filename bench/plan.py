#!/usr/bin/env python3
"""Time and peak memory of `steellb plan` on a large cluster, beside Python's json.load of the same file.

    bench/plan.py [--steellb build/src/steellb] [--services 10000] [--nodes 50] [--pools 100] [--rounds 3]

The input is one JSON List: Services that hold no address yet, one EndpointSlice of 10 endpoints each, Nodes, pools with
an L2Advertisement for all. Both programs read the same file, one after the other, in every round; the ratio is what
compares between machines.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PEER = "import json, sys; json.load(open(sys.argv[1]))"


def meta(name, namespace=None, **more):
    m = {"name": name, **more}
    if namespace:
        m["namespace"] = namespace
    return m


def service(i):
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": meta("svc-%05d" % i, "team-%02d" % (i % 40), uid="00000000-0000-4000-8000-%012d" % i,
                         creationTimestamp="2026-01-01T00:%02d:%02dZ" % (i // 60 % 60, i % 60),
                         labels={"app": "app-%d" % (i % 100), "tier": "gold"}),
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.%d.%d" % (i // 256, i % 256),
                 "clusterIPs": ["10.96.%d.%d" % (i // 256, i % 256)], "ipFamilies": ["IPv4"],
                 "ipFamilyPolicy": "SingleStack", "externalTrafficPolicy": "Cluster" if i % 4 else "Local",
                 "selector": {"app": "app-%d" % (i % 100)},
                 "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080, "nodePort": 30000}]},
        "status": {"loadBalancer": {}},
    }


def endpoint_slice(i, nodes):
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": meta("svc-%05d-x7k2q" % i, "team-%02d" % (i % 40),
                         labels={"kubernetes.io/service-name": "svc-%05d" % i}),
        "endpoints": [{"addresses": ["10.244.%d.%d" % ((i + k) % 256, k + 1)], "nodeName": "node-%02d" % ((i + k) % nodes),
                       "conditions": {"ready": True, "serving": True, "terminating": False},
                       "targetRef": {"kind": "Pod", "name": "pod-%d-%d" % (i, k), "namespace": "team-%02d" % (i % 40)}}
                      for k in range(10)],
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
    }


def cluster(services, nodes, pools):
    mlb = "metallb-system"
    for i in range(pools):
        yield {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": meta("pool-%03d" % i, mlb),
               "spec": {"addresses": ["198.18.%d.0/24" % i]}}
    yield {"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": meta("all", mlb), "spec": {}}
    for i in range(nodes):
        yield {"apiVersion": "v1", "kind": "Node", "metadata": meta("node-%02d" % i, labels={"zone": "z%d" % (i % 3)}),
               "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    for i in range(services):
        yield service(i)
        yield endpoint_slice(i, nodes)


def measure(command):
    """Seconds and MiB of one run; its output is discarded."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit("%s: exit status %d" % (" ".join(command), child.returncode))
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--steellb", default="build/src/steellb")
    ap.add_argument("--services", type=int, default=10000)
    ap.add_argument("--nodes", type=int, default=50)
    ap.add_argument("--pools", type=int, default=100)
    ap.add_argument("--rounds", type=int, default=3)
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cluster.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"apiVersion": "v1", "items": list(cluster(a.services, a.nodes, a.pools)), "kind": "List"}, f)
        print("input: %d Services, %d slices of 10 endpoints, %d nodes, %d pools, %.0f MiB of JSON"
              % (a.services, a.services, a.nodes, a.pools, os.path.getsize(path) / 2**20))
        ours, peer = [], []
        for _ in range(a.rounds):
            ours.append(measure([a.steellb, "plan", "-f", path, "-o", "json"]))
            peer.append(measure([sys.executable, "-c", PEER, path]))
        for name, runs in (("steellb plan", ours), ("python json.load", peer)):
            print("%-17s %.2f s, %.0f MiB (median of %d)"
                  % (name, statistics.median(t for t, _ in runs), statistics.median(m for _, m in runs), len(runs)))
        print("ratio             %.2f of the time, %.2f of the memory"
              % (statistics.median(t for t, _ in ours) / statistics.median(t for t, _ in peer),
                 statistics.median(m for _, m in ours) / statistics.median(m for _, m in peer)))


if __name__ == "__main__":
    main()
