# SPDX-License-Identifier: Apache-2.0
"""What the bench scripts share: a node with one cable, a cluster of N Services in a folder, the two load balancers that
announce it, the frames at the other end of the cable, and what /proc says about a process.

    with lab.open_net("keepalived") as net:
        node = lab.Node(net, "ours")
        steellb = lab.Steellb(net, node, a.steellb, lab.addresses(100))
        steellb.start()
        node.wait_announced(lab.addresses(100))
"""
import argparse
import os
import pathlib
import shutil
import signal
import socket
import statistics
import struct
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "net"))
import netns  # noqa: E402

SKIPPED = 77  # exit status, as meson and automake have it
ETH_P_ARP = 0x0806
SO_TIMESTAMPNS = 35
ARP_LEN = 42  # Ethernet and ARP headers
BURST_S = 6  # both send an address more than once after a change: 5 s, and a round
ADVERTISED = 20  # more addresses than that do not fit one VRRP advertisement (keepalived.conf(5))

CLUSTER = """\
apiVersion: v1
kind: Node
metadata: {name: node}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: bench, namespace: metallb-system}
spec:
  addresses: [198.18.0.0/16]
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: bench, namespace: metallb-system}
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: %(name)s, namespace: bench}
spec:
  type: %(type)s
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1]
  loadBalancerIP: %(address)s
  ports: [{name: http, port: 80, targetPort: 8080, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: %(name)s-1
  namespace: bench
  labels: {kubernetes.io/service-name: %(name)s}
addressType: IPv4
endpoints:
- {addresses: [10.244.0.1], nodeName: node, conditions: {ready: true}}
ports: [{name: http, port: 8080, protocol: TCP}]
"""

KEEPALIVED = """\
global_defs {
    vrrp_version 2
}
vrrp_instance bench {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 200
    advert_int 1
    virtual_ipaddress {
%s    }
    virtual_ipaddress_excluded {
%s    }
}
"""


def parser(doc):
    ap = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--steellb", default=os.environ.get("STEELLB", str(ROOT / "build" / "src" / "steellb")))
    return ap


def open_net(*programs):
    """A netns.Net, or the end of the script with the reason why there can be none, or which of the programs is not there."""
    absent = [program for program in programs if shutil.which(program, path=netns.ENV["PATH"]) is None]
    reason = netns.missing() or ("%s is not installed" % absent[0] if absent else None)
    if reason:
        print("skipped: " + reason)
        sys.exit(SKIPPED)
    return netns.Net()


def addresses(count):
    return ["198.18.1.%d" % (i + 1) for i in range(count)]


def write(path, text):
    """As an editor does: beside the file, then renamed over it. Returns the time before the rename, in ns since 1970."""
    scratch = os.path.join(os.path.dirname(path), "." + os.path.basename(path))
    with open(scratch, "w", encoding="utf-8") as f:
        f.write(text)
    before = time.clock_gettime_ns(time.CLOCK_REALTIME)
    os.rename(scratch, path)
    return before


def median_ratio(ours, peer):
    return statistics.median(ours) / statistics.median(peer)


# --- the wire ---

class Node:
    """A namespace with one interface, eth0, and another namespace at the end of its cable."""

    def __init__(self, net, name):
        self.net, self.name, self.far = net, name, name + "-lan"
        net.add_ns(self.name)
        net.add_ns(self.far)
        net.veth(self.name, "eth0", self.far, "eth0")
        net.run(self.name, "ip", "addr", "add", "198.18.0.1/16", "dev", "eth0")
        net.run(self.far, "ip", "addr", "add", "198.18.0.2/16", "dev", "eth0")
        self.wire = net.socket(self.far, "eth0", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        self.wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

    def gratuitous(self, timeout):
        """The next gratuitous ARP frame at the far end: (when the kernel received it in ns since 1970, address)."""
        deadline = time.monotonic() + timeout
        while True:
            self.wire.settimeout(max(0.001, deadline - time.monotonic()))
            frame, control, _, _ = self.wire.recvmsg(256, 64)
            if len(frame) >= ARP_LEN and frame[28:32] == frame[38:42]:
                seconds, ns = struct.unpack("ll", control[0][2])
                return seconds * 10**9 + ns, socket.inet_ntoa(frame[28:32])

    def wait_first(self, address, timeout=5):
        """When the first gratuitous frame for the address came."""
        while True:
            at, seen = self.gratuitous(timeout)
            if seen == address:
                return at

    def wait_announced(self, wanted, timeout=10):
        missing = set(wanted)
        while missing:
            missing.discard(self.gratuitous(timeout)[1])

    def drain(self):
        """Forgets the frames that came so far."""
        self.wire.setblocking(False)
        try:
            while True:
                self.wire.recv(256)
        except BlockingIOError:
            pass


# --- who announces ---

class Steellb:
    """`steellb run` on a folder with one file for each address."""

    def __init__(self, net, node, program, announced):
        self.net, self.node, self.program = net, node, program
        self.folder = os.path.join(net.folder, node.name)
        os.mkdir(self.folder)
        write(os.path.join(self.folder, "cluster.yaml"), CLUSTER)
        for i, address in enumerate(announced):
            self.edit("web-%03d" % i, address)

    def edit(self, name, address, kind="LoadBalancer"):
        text = SERVICE % {"name": name, "address": address, "type": kind}
        return write(os.path.join(self.folder, name + ".yaml"), text)

    def start(self):
        with open(os.path.join(self.net.folder, self.node.name + ".log"), "wb") as log:
            self.process = self.net.popen(self.node.name, self.program, "run", "-f", self.folder, "--node-name", "node",
                                          "--control-socket", os.path.join(self.net.folder, self.node.name + ".sock"),
                                          stderr=log)

    def pids(self):
        return [self.process.pid]

    def add(self, address):
        """Announces one address more. Returns the time before the change, in ns since 1970."""
        return self.edit("edited", address)

    def remove(self, address):
        return self.edit("edited", address, "ClusterIP")


class Keepalived:
    """keepalived as VRRP master of the same addresses: what fits its advertisement, and the rest excluded from it."""

    def __init__(self, net, node, announced):
        self.net, self.node, self.announced = net, node, announced
        self.path = os.path.join(net.folder, node.name + ".conf")
        self.write([])

    def write(self, more):
        def lines(some):
            return "".join("        %s/32\n" % address for address in some)

        inside = self.announced[:ADVERTISED - len(more)]
        return write(self.path, KEEPALIVED % (lines(inside + more), lines(self.announced[len(inside):])))

    def start(self):
        with open(os.path.join(self.net.folder, self.node.name + ".log"), "wb") as log:
            self.process = self.net.popen(
                self.node.name, "keepalived", "--vrrp", "--dont-fork", "--log-console", "--use-file", self.path,
                "--pid", self.path + ".pid", "--vrrp_pid", self.path + ".vrrp.pid", stdout=log, stderr=log)

    def pids(self):
        """The parent, which watches, and its children, which work."""
        pid = self.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return [pid] + [int(child) for child in f.read().split()]

    def add(self, address):
        """The same by its means: a new configuration and SIGHUP."""
        before = self.write([address])
        self.process.send_signal(signal.SIGHUP)
        return before

    def remove(self, _address):
        before = self.write([])
        self.process.send_signal(signal.SIGHUP)
        return before


# --- /proc ---

def memory(pids):
    """KiB of all processes together, by the names of smaps_rollup (proc(5)): Pss, Pss_Anon, Rss and so on."""
    total = {}
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            for line in f.readlines()[1:]:
                name, kib = line.split()[:2]
                total[name[:-1]] = total.get(name[:-1], 0) + int(kib)
    return total


def _tasks(pids):
    return [(pid, task) for pid in pids for task in os.listdir("/proc/%d/task" % pid)]


def threads(pids):
    return len(_tasks(pids))


def switches(pids):
    """Context switches of all threads, both kinds: a process that sleeps has none."""
    count = 0
    for pid, task in _tasks(pids):
        with open("/proc/%d/task/%s/status" % (pid, task), encoding="ascii") as f:
            count += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
    return count


def ticks(pids):
    """User and system time in clock ticks (proc_pid_stat(5), fields 14 and 15)."""
    count = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid, encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        count += int(fields[11]) + int(fields[12])
    return count


def favour(pids):
    """Real time: before the other work of the machine, which would otherwise be most of what is measured."""
    try:
        for pid in pids:
            os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        print("real-time priority is not permitted here: the figures include waiting for other work")


def tick_seconds():
    return 1 / os.sysconf("SC_CLK_TCK")
