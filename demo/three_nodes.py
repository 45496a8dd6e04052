# SPDX-License-Identifier: Apache-2.0
"""The network of the demo, of bench/failover.py and of bench/fast_detect.py: three nodes and a client on one bridge, each in
a network namespace of its own, and a second network where the nodes find each other; on every node a `steellb run` on the
same folder of Kubernetes YAML, and an HTTP server that says which node it is.
"""
import json
import os
import pathlib
import socket
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "net"))
import netns  # noqa: E402

STEELLB = os.path.abspath(os.environ.get("STEELLB", ROOT / "build" / "src" / "steellb"))
PYTHON = "/usr/bin/python3"
NODES = ["oak", "elm", "fir"]
ADDRESS = "192.0.2.240"

CLUSTER = """\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: home, namespace: metallb-system}
spec:
  addresses: [192.0.2.240-192.0.2.249]
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan, namespace: metallb-system}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: LoadBalancer
  clusterIP: 198.18.0.80
  clusterIPs: [198.18.0.80]
  ports: [{port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web-1
  namespace: default
  labels: {kubernetes.io/service-name: web}
addressType: IPv4
endpoints:
- {addresses: [198.18.1.1], nodeName: oak, conditions: {ready: true}}
- {addresses: [198.18.1.2], nodeName: elm, conditions: {ready: true}}
- {addresses: [198.18.1.3], nodeName: fir, conditions: {ready: true}}
"""

NODE = """\
apiVersion: v1
kind: Node
metadata: {name: %s}
"""

# Asks again and again, with little patience, and writes down when which node answered.
WATCHER = r"""
import socket, sys, time
while True:
    began = time.monotonic()
    try:
        with socket.create_connection((sys.argv[1], 80), timeout=0.02) as s:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with s.makefile("rb") as answer:
                words = answer.read().split()
        print("%.4f %s" % (time.monotonic(), words[-1].decode()), flush=True)
    except OSError:
        pass
    time.sleep(max(0, 0.005 - (time.monotonic() - began)))
"""

SERVER = r"""
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # the client had no more patience
    def do_GET(self):
        body = ("Hello from %s\n" % sys.argv[2]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((sys.argv[1], 80), Handler).serve_forever()
"""


def write(folder, name, text):
    """As an editor does: beside the file, then renamed over it."""
    scratch = os.path.join(folder, "." + name)
    with open(scratch, "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(scratch, os.path.join(folder, name))


def make_folder(net):
    """The cluster as files, and beside them the secret that the nodes share."""
    folder = os.path.join(net.folder, "cluster")
    os.mkdir(folder)
    write(folder, "cluster.yaml", CLUSTER)
    for node in NODES:
        write(folder, node + ".yaml", NODE % node)
    write(net.folder, "secret", "MDEyMzQ1Njc4OWFiY2RlZg")
    return folder


def build(net):
    for ns in ("lan", "control", "client"):
        net.add_ns(ns)
    for i, ns in enumerate(NODES + ["client"]):
        if ns in NODES:
            net.add_ns(ns)
            net.veth(ns, "eth1", "control", ns)
            net.run(ns, "ip", "addr", "add", control_address(ns) + "/24", "dev", "eth1")
        net.veth(ns, "eth0", "lan", ns)
        net.run(ns, "ip", "addr", "add", "192.0.2.%d/24" % (i + 1), "dev", "eth0")
    net.bridge("lan", "br0", *NODES, "client")
    net.bridge("control", "br0", *NODES)


def control_address(node):
    return "198.19.0.%d" % (NODES.index(node) + 1)


def control_socket(net, node):
    return os.path.join(net.folder, node + ".sock")


def log_path(net, node):
    return os.path.join(net.folder, node + ".log")


def start_backend(net, node):
    """It listens on the Service's address, as kube-proxy would bring it there; the kernel must not answer ARP."""
    net.run(node, "sh", "-c", "cd /proc/sys/net/ipv4/conf/all && echo 1 >arp_ignore && echo 2 >arp_announce")
    net.run(node, "ip", "addr", "add", ADDRESS + "/32", "dev", "lo")
    net.popen(node, PYTHON, "-c", SERVER, ADDRESS, node)


def start_speaker(net, node, folder, program=STEELLB, fast="50msx3"):
    """Returns the process. `fast` None: gossip alone notices who dies."""
    options = ["--fast-detect", fast] if fast else []
    with open(log_path(net, node), "a", encoding="utf-8") as log:
        return net.popen(node, program, "run", "-f", folder, "--node-name", node, "--control-socket",
                         control_socket(net, node), "--bind", control_address(node), "--peers",
                         ",".join(map(control_address, NODES)), "--secret-file", os.path.join(net.folder, "secret"),
                         *options, stderr=log)


def start_all(net, folder, program=STEELLB, fast="50msx3"):
    """The speakers by the name of their node."""
    for node in NODES:
        start_backend(net, node)
    return {node: start_speaker(net, node, folder, program, fast) for node in NODES}


def print_logs(net):
    for node in NODES:
        if os.path.exists(log_path(net, node)):
            with open(log_path(net, node), encoding="utf-8") as f:
                print("--- %s\n%s" % (node, f.read()), flush=True)


def watch(net):
    """The client asks without end. Returns the file where the answers are written down."""
    record = os.path.join(net.folder, "answers")
    with open(record, "w", encoding="utf-8") as f:
        net.popen("client", PYTHON, "-c", WATCHER, ADDRESS, stdout=f)
    return record


def answers(record):
    """[(monotonic seconds, node)] of the complete lines so far."""
    with open(record, encoding="utf-8") as f:
        return [(float(t), node) for t, node in (line.split() for line in f.read().split("\n")[:-1])]


def gap(seen, lost, since):
    """Seconds between the last answer of the lost node and the first one of another after `since`; None before that."""
    first = min((t for t, node in seen if node != lost and t > since), default=None)
    return None if first is None else first - max(t for t, node in seen if node == lost and t < first)


def cut(net, node):
    """Its link towards the addresses, at the switch's end: the node sees that the carrier is gone."""
    net.run("lan", "ip", "link", "set", node, "down")


def mend(net, node):
    net.run("lan", "ip", "link", "set", node, "up")


def status(net, node):
    """What its speaker says of itself."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.connect(control_socket(net, node))
        return json.loads(b"".join(iter(lambda: s.recv(65536), b"")))


def all_are_members(net):
    try:
        return all(sum(m["alive"] for m in status(net, node)["members"]) == len(NODES) for node in NODES)
    except (FileNotFoundError, ConnectionRefusedError):
        return False
