# SPDX-License-Identifier: Apache-2.0
"""Manifests in a folder, and `steellb` as a process."""
import json
import os
import re
import socket
import subprocess

from netns import ENV, until

NODES = ("oak", "elm", "fir")
NAMESPACE = "metallb-system"
EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
PATIENCE = 30
SANITIZER_LINES = re.compile(r"runtime error:|ERROR: \w+Sanitizer|\w+Sanitizer has encountered")


def binary():
    path = os.environ.get("STEELLB")
    assert path, "set STEELLB to the binary"
    return os.path.abspath(path)


# --- objects, as short as the tests need them ---


def node(name, unavailable=False, labels=None):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels or {}},
            "status": {"conditions": [{"type": "NetworkUnavailable",
                                       "status": "True" if unavailable else "False"}]}}


def pool(name, *addresses, **spec):
    return {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"addresses": list(addresses), **spec}}


def l2_advertisement(name="lan", **spec):
    return {"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
            "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def service(name, *families, annotations=None, **spec):
    """Families are IPv4 and IPv6; IPv4 alone without."""
    of = {"IPv4": "198.18.255.1", "IPv6": "2001:db8:ff::1"}
    ips = [of[f] for f in families or ("IPv4",)]
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default", "annotations": annotations or {}},
            "spec": {"type": "LoadBalancer", "clusterIP": ips[0], "clusterIPs": ips,
                     "ipFamilies": list(families or ("IPv4",)),
                     "ipFamilyPolicy": "RequireDualStack" if len(ips) == 2 else "SingleStack",
                     "ports": [{"port": 80, "protocol": "TCP"}], **spec}}


def endpoints(name, nodes=NODES, **conditions):
    """One endpoint on each of the nodes."""
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name + "-1", "namespace": "default",
                         "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [f"198.18.254.{i + 1}"], "nodeName": n,
                           "conditions": {"ready": True, **conditions}}
                          for i, n in enumerate(nodes)]}


def documents(*objects):
    """Flow style is YAML too; the first line tells that it is not JSON."""
    return "".join(f"---\n{json.dumps(o)}\n" for o in objects)


class Folder:
    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)

    def of(self, name):
        return os.path.join(self.path, name)

    def put(self, name, *objects):
        self.write(name, documents(*objects))

    def write(self, name, text):
        """Beside it, under a name that is not read, then renamed over it."""
        scratch = self.of("." + name)
        with open(scratch, "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(scratch, self.of(name))

    def read(self, name):
        with open(self.of(name), encoding="utf-8") as f:
            return f.read()

    def remove(self, name):
        os.unlink(self.of(name))


# --- processes ---


def steellb(*args, timeout=PATIENCE):
    """Runs a command to its end, here and not in a namespace."""
    return subprocess.run([binary(), *map(str, args)], env=ENV, text=True, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def plan(folder):
    """The Services of `steellb plan`, by name."""
    r = steellb("plan", "-f", folder.path, "-o", "json")
    assert r.returncode == 0, r.stderr
    return {s["name"]: s for s in json.loads(r.stdout)["services"]}


def ask(path, request=""):
    """One answer of a control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(PATIENCE)
        s.connect(path)
        s.sendall(request.encode() + b"\n")
        data = b"".join(iter(lambda: s.recv(65536), b""))
    return json.loads(data)


class Process:
    """`steellb run` in a namespace, with a log file and a control socket of its own."""

    serial = 0

    def __init__(self, net, ns, folder, *args, name=None, socket_path=None, prefix=()):
        Process.serial += 1
        self.net, self.ns = net, ns
        stem = os.path.join(net.folder, f"{ns}{Process.serial}")
        self.socket_path, self.log_path = socket_path or stem + ".sock", stem + ".log"
        with open(self.log_path, "wb") as log:
            self.process = net.popen(
                ns, *prefix, binary(), "run", "-f", folder, "--node-name", name or ns,
                "--control-socket", self.socket_path, *args, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=ENV)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def pid(self):
        return self.process.pid

    def status(self):
        return ask(self.socket_path)

    def ready(self):
        """Past the first reading."""
        def asked():
            assert self.process.poll() is None, f"it ended early\n{self.log()}"
            try:
                return self.status()["readings"] > 0
            except (FileNotFoundError, ConnectionRefusedError):
                return False
        until(asked, PATIENCE, f"steellb run in {self.ns}")
        return self

    def until_status(self, check, what=None):
        try:
            return until(lambda: check(self.status()), PATIENCE, what)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{json.dumps(self.status(), indent=1)}\n{self.log()}") from None

    def until_log(self, *words):
        """One line that has all the words."""
        def found():
            return [x for x in self.log().splitlines() if all(w in x for w in words)]
        try:
            return until(found, PATIENCE, f"log line with {words}")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()}") from None

    def until_exit(self):
        """The exit status of a process that ends by itself."""
        status = self.process.wait(PATIENCE)
        self.check_log()
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; fails unless the end is clean."""
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(PATIENCE) == 0, self.log()
        self.check_log()

    def check_log(self):
        assert not SANITIZER_LINES.search(self.log()), self.log()
