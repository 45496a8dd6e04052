# SPDX-License-Identifier: Apache-2.0
"""Our gossip beside nodes of the real hashicorp/memberlist, on loopback addresses.

GOSSIP_TOOL is our side, gossip_tool. The other side is made of peer/ by tools/build-cluster; without Go, or
without its modules, there is nothing to test against and the tests are skipped.
"""
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = "MDEyMzQ1Njc4OWFiY2RlZg"
NEW_KEY = hashlib.sha256(SECRET.encode()).hexdigest()  # MetalLB 0.16.2
OLD_KEY = (SECRET.encode() + hashlib.sha256(b"").digest())[:32].hex()  # 0.14.0 to 0.16.1


CANNOT = 77  # exit status of tools/build-cluster


@pytest.fixture(scope="session")
def peer():
    """The program of peer/, built once for each state of its sources and modules."""
    if "GOSSIP_TOOL" not in os.environ:
        pytest.skip("GOSSIP_TOOL is not set")
    built = subprocess.run([ROOT / "tools" / "build-cluster", "memberlist"], text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
    if built.returncode == CANNOT:
        pytest.skip(built.stderr.strip().split("\n")[-1])
    assert built.returncode == 0, built.stderr
    return str(pathlib.Path(built.stdout.strip()) / "peer")


class Node:
    """One process. Collects the lines that it prints, and the events among them."""

    def __init__(self, name, command):
        self.name = name
        self.lines = []
        self.log = []
        self.process = subprocess.Popen(command, text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.readers = [threading.Thread(target=self.read, args=(self.process.stdout, self.lines), daemon=True),
                        threading.Thread(target=self.read, args=(self.process.stderr, self.log), daemon=True)]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def read(stream, lines):
        for line in stream:
            lines.append(line.strip())

    def tell(self, line):
        self.process.stdin.write(line + "\n")

    def ask(self, line):
        """The first line of the answer, which begins with the command."""
        start = len(self.lines)
        self.tell(line)
        wait(lambda: any(a.split(" ")[0] == line for a in self.lines[start:]), "%s: %s" % (self.name, line))
        return next(a for a in self.lines[start:] if a.split(" ")[0] == line)

    def members(self):
        return set(self.ask("members").split(" ")[1:])

    def meta(self, name):
        """The metadata of a node as it knows it."""
        start = len(self.lines)
        self.tell("meta " + name)
        answer = "meta %s" % name
        wait(lambda: any(a.startswith(answer) for a in self.lines[start:]), "%s: %s" % (self.name, answer))
        last = [a for a in self.lines[start:] if a.startswith(answer)][-1]
        return bytes.fromhex(last[len(answer):].strip()).decode()

    def count(self, line):
        return self.lines.count(line)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join()


def wait(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not within %s s: %s" % (seconds, what)
        time.sleep(0.02)


class Cluster:
    def __init__(self, peer):
        self.peer = peer
        self.nodes = {}
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]

    def address(self, name):
        return "127.0.77.%s" % name[1:]

    def ours(self, name, secret=SECRET):
        return self.start(name, [os.environ["GOSSIP_TOOL"], name, self.address(name), str(self.port), secret])

    def theirs(self, name, key=NEW_KEY):
        return self.start(name, [self.peer, name, self.address(name), str(self.port), key])

    def start(self, name, command):
        node = self.nodes[name] = Node(name, command)
        wait(lambda: "join " + name in node.lines or node.process.poll() is not None, name + " starts")
        assert node.process.poll() is None, node.log
        return node

    def join(self, node, *others):
        node.tell("join " + " ".join(self.address(o.name) for o in others))

    def agree(self, nodes, seconds=10):
        names = {n.name for n in nodes}
        wait(lambda: all(n.members() == names for n in nodes), "%s agree" % sorted(names), seconds)

    def close(self):
        for node in self.nodes.values():
            node.close()


@pytest.fixture
def cluster(peer, request):
    c = Cluster(peer)
    try:
        yield c
    finally:
        c.close()
        for node in c.nodes.values():
            events = [a for a in node.lines if not a.startswith("members ")]
            print("--- %s: %s\n%s" % (node.name, events, "\n".join(node.log[-40:])))


@pytest.mark.parametrize("key", [NEW_KEY, OLD_KEY, "-"], ids=["new key", "old key", "no key"])
@pytest.mark.parametrize("who", ["we join", "they join"])
def test_join_probe_and_leave(cluster, key, who):
    secret = "" if key == "-" else SECRET
    we, they = cluster.ours("n1", secret), cluster.theirs("n2", key)
    more, others = cluster.ours("n3", secret), cluster.theirs("n4", key)
    nodes = [we, they, more, others]
    if who == "we join":
        cluster.join(we, they)
        cluster.join(more, we)
        cluster.join(others, they)
    else:
        cluster.join(they, we)
        cluster.join(others, we)
        cluster.join(more, they)
    cluster.agree(nodes)
    time.sleep(4)  # each is probed by each, and by now would be suspected
    cluster.agree(nodes)
    for node in nodes:
        assert not [a for a in node.log if "uspect" in a], node.log
        assert not [a for a in node.lines if a.startswith("leave ")]
    assert we.ask("drops") == "drops 0"

    others.tell("leave")
    wait(lambda: we.count("leave n4") == 1 and more.count("leave n4") == 1 and they.count("leave n4") == 1,
         "everybody hears that theirs leaves", 2)
    others.close()
    more.tell("leave")
    wait(lambda: "left" in more.lines, "our farewell is out", 1)
    wait(lambda: we.count("leave n3") == 1 and they.count("leave n3") == 1, "everybody hears that ours leaves", 2)
    more.close()


@pytest.mark.parametrize("key", [NEW_KEY, OLD_KEY], ids=["new key", "old key"])
def test_we_see_theirs_die(cluster, key):
    we, more, they = cluster.ours("n1"), cluster.ours("n2"), cluster.theirs("n3", key)
    cluster.join(we, more, they)
    cluster.agree([we, more, they])
    start = time.monotonic()
    they.kill()
    wait(lambda: we.count("leave n3") == 1 and more.count("leave n3") == 1, "we see theirs die", 12)
    assert time.monotonic() - start > 4.5  # spec speaker-l2 7: 5.0 to 8.2 s
    cluster.agree([we, more])


def test_they_see_ours_die(cluster):
    we, they, more = cluster.ours("n1"), cluster.theirs("n2"), cluster.theirs("n3")
    cluster.join(they, we)
    cluster.join(more, we)
    cluster.agree([we, they, more])
    we.kill()
    wait(lambda: they.count("leave n1") == 1 and more.count("leave n1") == 1, "they see ours die", 12)
    cluster.agree([they, more])


def test_ours_comes_back(cluster):
    """A new process under the old name refutes what they believe of the old one."""
    we, they, more = cluster.ours("n1"), cluster.theirs("n2"), cluster.theirs("n3")
    cluster.join(we, they, more)
    cluster.agree([we, they, more])
    we.kill()
    we = cluster.ours("n1")
    cluster.join(we, they)
    cluster.agree([we, they, more])
    time.sleep(6)  # a suspicion from the time between would have become a death by now
    assert they.count("leave n1") == 0 and more.count("leave n1") == 0
    cluster.agree([we, they, more])


def test_theirs_comes_back_with_the_new_key(cluster):
    """A speaker of MetalLB 0.16.1 is replaced by one of 0.16.2."""
    we, more, they = cluster.ours("n1"), cluster.ours("n2"), cluster.theirs("n3", OLD_KEY)
    cluster.join(we, more, they)
    cluster.agree([we, more, they])
    they.tell("leave")
    wait(lambda: we.count("leave n3") == 1, "it leaves")
    they.close()
    they = cluster.theirs("n3", NEW_KEY)
    cluster.join(they, we)
    cluster.agree([we, more, they])
    time.sleep(3)
    cluster.agree([we, more, they])


def test_a_stopped_process_refutes(cluster):
    """Ours is frozen until they suspect it, then continues: nobody may take it for dead."""
    we, they, more = cluster.ours("n1"), cluster.theirs("n2"), cluster.theirs("n3")
    cluster.join(we, they, more)
    cluster.agree([we, they, more])
    we.process.send_signal(signal.SIGSTOP)
    wait(lambda: any("Suspect n1 has failed" in a for a in they.log + more.log), "they suspect it")
    we.process.send_signal(signal.SIGCONT)
    time.sleep(6)
    assert they.count("leave n1") == 0 and more.count("leave n1") == 0
    cluster.agree([we, they, more])


def test_a_stranger_stays_out(cluster):
    we, they = cluster.ours("n1"), cluster.theirs("n2", "00" * 32)
    cluster.join(we, they)
    cluster.join(they, we)
    wait(lambda: "joined 0" in they.lines, "its join fails")
    assert we.members() == {"n1"} and they.members() == {"n2"}


def test_metadata(cluster):
    """Theirs is known to us, ours to them, also to those that join later; a change reaches all within a round of gossip."""
    we, more, they = cluster.ours("n1"), cluster.ours("n2"), cluster.theirs("n3")
    cluster.join(we, more, they)
    cluster.agree([we, more, they])
    we.tell("set-meta ours")
    they.tell("set-meta theirs")
    wait(lambda: they.meta("n1") == more.meta("n1") == "ours", "all know ours")
    wait(lambda: we.meta("n3") == more.meta("n3") == "theirs", "all know theirs")
    assert they.count("update n1") == 1
    late = cluster.theirs("n4")
    cluster.join(late, more)
    wait(lambda: late.members() == {"n1", "n2", "n3", "n4"}, "it knows all")
    assert late.meta("n1") == "ours"
    we.tell("set-meta " + "x" * 500)
    wait(lambda: they.meta("n1") == late.meta("n1") == "x" * 500, "all know the change")
    time.sleep(3)
    for node in (we, more, they, late):
        assert not [a for a in node.lines if a.startswith("leave ")]
    assert we.ask("drops") == "drops 0"
