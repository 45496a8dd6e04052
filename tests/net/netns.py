# SPDX-License-Identifier: Apache-2.0
"""Network namespaces, veth pairs and bridges for tests, and everything taken down again at the end.

    with Net() as net:
        net.add_ns("node")
        net.add_ns("client")
        net.veth("node", "eth0", "client", "eth0")
        net.run("client", "ip", "addr", "add", "192.0.2.9/24", "dev", "eth0")
        with net.capture("client", "eth0", "arp") as frames:
            ...
        frames.bytes()  # list of (seconds, bytes)

Names of namespaces are private to one Net. Whatever was started is ended in reverse order when the
block is left, when the interpreter exits, and on SIGTERM or SIGHUP; a killed run leaves namespaces
behind whose names begin with "steellb-", which the next run removes once their process is gone.
"""
import atexit
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PREFIX = "steellb-"
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/"}
# A sanitizer that only prints lets a test pass.
ENV.update((name, os.environ[name]) for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH")
           if name in os.environ)
TIMEOUT = 30


def missing(tools=("ip", "tcpdump", "arping", "ndisc6")):
    """Why these tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "namespaces need root"
    for tool in tools:
        if shutil.which(tool, path=ENV["PATH"]) is None:
            return f"{tool} is not installed"
    probe = f"{PREFIX}{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, env=ENV)
    if made.returncode != 0:
        return f"cannot make a network namespace: {made.stderr.strip()}"
    try:
        veth = subprocess.run(
            ["ip", "-n", probe, "link", "add", "name", "v0", "type", "veth", "peer", "name", "v1"],
            capture_output=True, text=True, env=ENV)
        if veth.returncode != 0:
            return f"cannot make a veth pair: {veth.stderr.strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", probe], env=ENV, check=False)
    return None


def until(check, timeout=10.0, what=None, step=0.02):
    """Polls until check() is true and returns its value; fails after the timeout."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out: {what or getattr(check, '__name__', 'condition')}")
        time.sleep(step)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


class Capture:
    """A running tcpdump. Leaving the block waits for what is on its way and stops it."""

    def __init__(self, net, ns, interface, expression, path, snaplen):
        self.net, self.path = net, path
        # Immediate mode and -U: what was seen is in the file at once. Slots of the ring are as large
        # as a packet may be, so a small limit makes room for many.
        self.process = net.popen(
            ns, "tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-s", str(snaplen), "-B", "16384",
            "-w", path,
            *expression.split(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for line in self.process.stderr:
            if b"listening on" in line:
                return
        raise RuntimeError(f"tcpdump did not start on {interface}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.net.stop(self.process)

    def bytes(self):
        """All frames so far as (seconds, bytes)."""
        with open(self.path, "rb") as f:
            data = f.read()
        frames, at = [], 24
        while at + 16 <= len(data):
            seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
            if at + 16 + length > len(data):
                break
            frames.append((seconds + micros / 1e6, data[at + 16:at + 16 + length]))
            at += 16 + length
        return frames


class Net:
    _serial = 0
    _all = []

    def __init__(self):
        Net._serial += 1
        self.tag = f"{PREFIX}{os.getpid()}-{Net._serial}"
        self.namespaces, self.processes, self.files = [], [], []
        self.folder = tempfile.mkdtemp(prefix=self.tag + "-")
        Net._all.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cleanup()

    def _name(self, ns):
        return f"{self.tag}-{ns}"

    # --- building ---

    def add_ns(self, ns):
        """A namespace with its loopback up. Returns its full name, as `ip netns` lists it."""
        name = self._name(ns)
        self.namespaces.append(name)
        subprocess.run(["ip", "netns", "add", name], check=True, env=ENV)
        self.run(ns, "ip", "link", "set", "lo", "up")
        return name

    def veth(self, ns_a, if_a, ns_b, if_b, up=True):
        """A cable. Both ends are up unless told otherwise."""
        self.run(ns_a, "ip", "link", "add", "name", if_a, "type", "veth", "peer", "name", if_b,
                 "netns", self._name(ns_b))
        if up:
            self.run(ns_a, "ip", "link", "set", if_a, "up")
            self.run(ns_b, "ip", "link", "set", if_b, "up")

    def bridge(self, ns, name, *ports):
        self.run(ns, "ip", "link", "add", "name", name, "type", "bridge")
        for port in ports:
            self.run(ns, "ip", "link", "set", port, "master", name)
        self.run(ns, "ip", "link", "set", name, "up")

    # --- looking ---

    def mac(self, ns, interface):
        out = self.run(ns, "cat", f"/sys/class/net/{interface}/address")
        return out.strip()

    def link_local(self, ns, interface, timeout=10):
        """The address once duplicate address detection is through."""
        def find():
            out = self.run(ns, "ip", "-6", "-o", "addr", "show", "dev", interface, "scope", "link")
            for line in out.splitlines():
                if "tentative" not in line and "dadfailed" not in line:
                    return line.split()[3].split("/")[0]
            return None
        return until(find, timeout, f"link-local address on {interface}")

    # --- running ---

    def command(self, ns, *argv):
        return ["ip", "netns", "exec", self._name(ns), *map(str, argv)]

    def run(self, ns, *argv, check=True, timeout=TIMEOUT, stdin=None):
        """Runs to the end and returns its output; both channels in the error when it fails."""
        r = subprocess.run(self.command(ns, *argv), env=ENV, text=True, timeout=timeout, input=stdin,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if check and r.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, argv))}: {r.returncode}\n{r.stdout}")
        return r.stdout

    def popen(self, ns, *argv, **options):
        """Starts a process, in its own group; ended by cleanup unless by stop before."""
        options.setdefault("env", ENV)
        p = subprocess.Popen(self.command(ns, *argv), start_new_session=True, **options)
        self.processes.append(p)
        return p

    def stop(self, process, signum=signal.SIGTERM):
        """`ip netns exec` has become the program itself, so its pid is the right one."""
        if process.poll() is None:
            process.send_signal(signum)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        if process in self.processes:
            self.processes.remove(process)

    def capture(self, ns, interface, expression="", snaplen=2048):
        """A veth carries segments of up to 64 KiB in one piece: who looks into long ones needs a larger snaplen."""
        path = os.path.join(self.folder, f"{len(self.files)}.pcap")
        self.files.append(path)
        return Capture(self, ns, interface, expression, path, snaplen)

    def socket(self, ns, interface, *args):
        """A socket made inside the namespace and used from here; AF_PACKET by default."""
        args = args or (socket.AF_PACKET, socket.SOCK_RAW, 0)
        with InNamespace(self._name(ns)):
            s = socket.socket(*args)
            if args[0] == socket.AF_PACKET:
                s.bind((interface, 0))  # keeps the protocol
        return s

    def cleanup(self):
        for p in reversed(list(self.processes)):
            self.stop(p, signal.SIGKILL)
        for name in reversed(self.namespaces):
            subprocess.run(["ip", "netns", "del", name], env=ENV, check=False,
                           stderr=subprocess.DEVNULL)
        self.namespaces = []
        if os.environ.get("KEEP_PCAP") is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self in Net._all:
            Net._all.remove(self)


class InNamespace:
    """The calling thread inside another namespace for the length of a block."""

    CLONE_NEWNET = 0x40000000

    def __init__(self, name):
        self.name = name

    def _enter(self, path):
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(fd, self.CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(fd)

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._enter(f"/run/netns/{self.name}")
        return self

    def __exit__(self, *_):
        self._enter(f"/proc/self/fd/{self.home}")
        os.close(self.home)


def _cleanup_all():
    for net in list(Net._all):
        net.cleanup()


def _on_signal(signum, _frame):
    sys.exit(128 + signum)  # unwinds the blocks, then runs atexit


def _remove_leftovers():
    """Of runs that were killed: their process is gone."""
    if os.geteuid() != 0 or not os.path.isdir("/run/netns"):
        return
    for name in os.listdir("/run/netns"):
        if not name.startswith(PREFIX):
            continue
        pid = name[len(PREFIX):].split("-")[0]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            subprocess.run(["ip", "netns", "del", name], env=ENV, check=False)


atexit.register(_cleanup_all)
for _signum in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(_signum, _on_signal)
_remove_leftovers()
