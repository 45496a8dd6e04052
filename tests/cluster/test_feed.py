# SPDX-License-Identifier: Apache-2.0
"""The feed against the real API server: what is in it is what the probe has, whatever happens in between.

FEED_PROBE names the program."""
import contextlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import threading
import urllib.request

import pytest

from cluster import ControlPlane
from objects import service
from programs import Cannot

from netns import until

PROBE = os.environ["FEED_PROBE"]


class Feed:
    """A probe. Lines that were waited for are passed: the next wait looks behind them."""

    def __init__(self, plane, *selections, kubeconfig=None):
        self.program = plane.run("feed-probe", [PROBE, kubeconfig or plane.kubeconfig("admin"), *selections])
        self.seen = 0

    def lines(self):
        return self.program.log().splitlines()

    def until(self, pattern):
        def found():
            for i, line in enumerate(self.lines()[self.seen:], self.seen):
                if re.search(pattern, line):
                    self.seen = i + 1
                    return line
            return None
        return self.program.until(found, f"a line like {pattern}")

    def never(self, pattern):
        assert [x for x in self.lines() if re.search(pattern, x)] == []

    def stats(self):
        self.program.signal(signal.SIGUSR1)
        line = self.until("^stats")
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", line)}

    def has(self, names):
        """The names of what the changes that were told so far leave."""
        left = set()
        for line in self.lines():
            words = line.split()
            if words and words[0] in ("new", "change", "gone"):
                (left.discard if words[0] == "gone" else left.add)(words[2])
        return left == set(names)

    def until_has(self, plane, kind, namespace=None):
        """What the server has, by name."""
        def equal():
            objects = plane.admin.list(kind, namespace)
            return self.has(f"{o['metadata'].get('namespace', '')}/{o['metadata']['name']}" for o in objects)
        self.program.until(equal, "the probe has what the server has")


class Proxy:
    """Between a client and the server: `open` lets connections through, `limit` ends each after so many bytes to the client."""

    def __init__(self, port):
        self.port_behind, self.open, self.limit = port, True, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs, self.ending = [], False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        self.cut()
        self.listener.close()

    def cut(self):
        for pair in self.pairs:
            for s in pair:
                s.close()
        self.pairs.clear()

    def close(self):
        """No connection any more, and none that is new."""
        self.open = False
        until(lambda: not self.pairs, 10, "all connections are cut")

    def _accept(self):
        client = self.listener.accept()[0]
        if self.open:
            with contextlib.suppress(OSError):
                self.pairs.append([client, socket.create_connection(("127.0.0.1", self.port_behind))])
                self.left = self.limit
                return
        client.close()

    def _pass(self, pair, side):
        data = pair[side].recv(65536)
        if side == 1 and self.left is not None:
            data = data[:self.left]
            self.left -= len(data)
        if not data:
            raise ConnectionError
        pair[1 - side].sendall(data)

    def _serve(self):
        while not self.ending:
            if not self.open:
                self.cut()
            ends = {s: (pair, i) for pair in self.pairs for i, s in enumerate(pair)}
            for s in select.select([self.listener, *ends], [], [], 0.05)[0]:
                if s is self.listener:
                    self._accept()
                    continue
                pair, side = ends[s]
                try:
                    if pair in self.pairs:
                        self._pass(pair, side)
                except OSError:
                    self.pairs.remove(pair)
                    for end in pair:
                        end.close()

    def kubeconfig(self, plane):
        """The admin's, through here."""
        text = pathlib.Path(plane.kubeconfig("admin")).read_text(encoding="utf-8")
        path = pathlib.Path(plane.folder, f"proxy-{self.port}.kubeconfig")
        path.write_text(text.replace(plane.server, f"https://127.0.0.1:{self.port}"), encoding="utf-8")
        return path


@pytest.fixture(scope="module")
def own_plane():
    """These tests stop it. Their objects are Services and ConfigMaps, each in a namespace of its own."""
    with ControlPlane() as p:
        yield p


@pytest.fixture(scope="module")
def old_plane():
    """Without watch-lists."""
    with ControlPlane(args=["--feature-gates=WatchList=false"]) as p:
        yield p


def config_map(name, namespace, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def in_namespace(plane, name):
    plane.create_namespace(name)
    return name


def forget_history(plane):
    """Etcd compacts, and the restarted API server knows no event from before: who asks for one gets a 410."""
    etcd = f"http://127.0.0.1:{plane.ports['etcd'].number}/v3/kv/"

    def post(path, body):
        with urllib.request.urlopen(etcd + path, json.dumps(body).encode(), timeout=10) as answer:
            return json.load(answer)
    revision = post("range", {"key": "AA=="})["header"]["revision"]
    post("compaction", {"revision": revision, "physical": True})
    plane.apiserver.stop(2)
    plane.admin.close()
    plane.apiserver.start()
    plane.until_ready()


def test_create_update_delete(own_plane):
    ns, admin = in_namespace(own_plane, "basic"), own_plane.admin
    admin.create(config_map("first", ns))
    feed = Feed(own_plane, f"ConfigMap,{ns}")
    feed.until(f"new ConfigMap {ns}/first")
    feed.until("^synced 1$")
    admin.create(config_map("second", ns))
    feed.until(f"new ConfigMap {ns}/second")
    admin.patch("ConfigMap", "second", {"data": {"a": "b"}}, ns)
    feed.until(f"change ConfigMap {ns}/second")
    admin.delete("ConfigMap", "first", ns)
    feed.until(f"gone ConfigMap {ns}/first")
    stats = feed.stats()
    assert (stats["lists"], stats["watches"], stats["stored"], stats["undecodable"]) == (0, 1, 1, 0)
    feed.never("warn")


def test_selectors(own_plane):
    """A Service that stops being a LoadBalancer is gone."""
    ns, admin = in_namespace(own_plane, "selectors"), own_plane.admin
    admin.create(service("web", ns))
    admin.create(service("internal", ns, type="ClusterIP"))
    admin.create(service("other", ns) | {"metadata": {"name": "other", "namespace": ns, "labels": {"skip": "me"}}})
    feed = Feed(own_plane, f"Service,{ns},spec.type=LoadBalancer,!skip")
    feed.until("^synced 1$")
    admin.patch("Service", "web", {"spec": {"type": "ClusterIP"}}, ns)
    feed.until(f"gone Service {ns}/web")
    feed.never("internal|other")


def test_metadata_only(own_plane):
    feed = Feed(own_plane, "Namespace,,,,metadata")
    feed.until("^synced")
    in_namespace(own_plane, "later")
    feed.until("new Namespace /later")
    feed.until_has(own_plane, "Namespace")
    feed.never("warn")


def test_server_restart_keeps_what_is_known(own_plane):
    ns, admin = in_namespace(own_plane, "restart"), own_plane.admin
    admin.create(config_map("stays", ns))
    feed = Feed(own_plane, f"ConfigMap,{ns}")
    feed.until("^synced 1$")
    own_plane.restart()
    admin.create(config_map("later", ns))
    feed.until(f"new ConfigMap {ns}/later")
    feed.until_has(own_plane, "ConfigMap", ns)
    feed.never("gone|change")


def test_deletions_that_were_missed(own_plane):
    """The watch goes on from where it was as long as the server remembers, and lists anew when it does not."""
    ns, admin = in_namespace(own_plane, "missed"), own_plane.admin
    for name in ("a", "b", "c"):
        admin.create(config_map(name, ns))
    with Proxy(own_plane.port) as proxy:
        feed = Feed(own_plane, f"ConfigMap,{ns}", kubeconfig=proxy.kubeconfig(own_plane))
        feed.until("^synced 3$")
        proxy.close()
        admin.delete("ConfigMap", "a", ns)
        proxy.open = True
        feed.until(f"gone ConfigMap {ns}/a")
        assert feed.stats()["watches"] >= 2
        feed.never("of no use")

        proxy.close()
        admin.delete("ConfigMap", "b", ns)
        admin.create(config_map("d", ns))
        forget_history(own_plane)
        proxy.open = True
        feed.until("debug the resource version is of no use")
        feed.until(f"gone ConfigMap {ns}/b")
        feed.until_has(own_plane, "ConfigMap", ns)
        feed.never("gone ConfigMap missed/[cd]|change")


def test_server_hangs(own_plane):
    ns, admin = in_namespace(own_plane, "hangs"), own_plane.admin
    feed = Feed(own_plane, f"ConfigMap,{ns}")
    feed.until("^synced")
    own_plane.pause()
    try:
        until_stopped = f"/proc/{own_plane.apiserver.pid()}/stat"
        until(lambda: ") T " in pathlib.Path(until_stopped).read_text(encoding="ascii"), 10, "it is stopped")
    finally:
        own_plane.resume()
    admin.create(config_map("later", ns))
    feed.until(f"new ConfigMap {ns}/later")


def test_large_object(own_plane):
    ns = in_namespace(own_plane, "large")
    feed = Feed(own_plane, f"ConfigMap,{ns}")
    feed.until("^synced 0$")
    own_plane.admin.create(config_map("big", ns, text="\\\"{[" * (1 << 18)))
    line = feed.until(f"new ConfigMap {ns}/big")
    assert int(line.split()[4]) > 1 << 20


def test_connections_that_are_cut(own_plane):
    """Each connection ends amid the objects, until one does not."""
    ns = in_namespace(own_plane, "cut")
    for i in range(20):
        own_plane.admin.create(config_map(f"m{i}", ns, text="x" * 3000))
    with Proxy(own_plane.port) as proxy:
        proxy.limit = 20000
        feed = Feed(own_plane, f"ConfigMap,{ns}", kubeconfig=proxy.kubeconfig(own_plane))
        feed.until("warn watch failed")
        feed.never("^synced")
        proxy.limit = None
        feed.until("^synced 20$")
        feed.until_has(own_plane, "ConfigMap", ns)
        feed.never("^gone|^change")


def test_unknown_field_selector(own_plane):
    ns = in_namespace(own_plane, "field")
    own_plane.admin.create(config_map("a", ns))
    feed = Feed(own_plane, f"ConfigMap,{ns},spec.none=1")
    feed.until("warn the server refuses the field selector spec.none=1")
    feed.until("^synced 1$")


def test_no_right(own_plane):
    ns = in_namespace(own_plane, "right")
    own_plane.create_account("nobody", ns)
    feed = Feed(own_plane, f"ConfigMap,{ns}", kubeconfig=own_plane.kubeconfig("nobody", ns))
    feed.until("warn watch failed: .*cannot watch resource")
    feed.until("warn list failed: .*cannot list resource")
    assert len([x for x in feed.lines() if " warn " in x]) == 2


def test_the_right_to_list_only(own_plane):
    ns, admin = in_namespace(own_plane, "listing"), own_plane.admin
    own_plane.create_account("lister", ns)
    meta = {"name": "lister", "namespace": ns}
    admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta,
                  "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]})
    admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta,
                  "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lister"},
                  "subjects": [{"kind": "ServiceAccount", "name": "lister", "namespace": ns}]})
    admin.create(config_map("a", ns))
    until(lambda: own_plane.client("lister", ns).may("list", "configmaps", namespace=ns), 30, "it may list")
    feed = Feed(own_plane, f"ConfigMap,{ns}", kubeconfig=own_plane.kubeconfig("lister", ns))
    feed.until("warn watch failed: .*cannot watch resource")
    feed.until("^synced 1$")


def test_no_watch_lists(old_plane):
    ns, admin = in_namespace(old_plane, "old"), old_plane.admin
    admin.create(service("web", ns))
    admin.create(config_map("a", ns))
    feed = Feed(old_plane, f"Service,{ns}", f"ConfigMap,{ns}")
    feed.until("debug the server has no watch-lists")
    feed.until("^synced 2$")
    admin.delete("ConfigMap", "a", ns)
    feed.until(f"gone ConfigMap {ns}/a")
    stats = feed.stats()
    assert (stats["lists"], stats["undecodable"]) == (1, 0)
    forget_history(old_plane)
    admin.create(service("db", ns))
    feed.until(f"new Service {ns}/db")


def test_older_release():
    with contextlib.ExitStack() as stack:
        try:
            plane = stack.enter_context(ControlPlane(module="kube-1.34"))
        except Cannot as reason:
            pytest.skip(str(reason))
        ns = in_namespace(plane, "release")
        feed = Feed(plane, f"ConfigMap,{ns}")
        feed.until("^synced 0$")
        plane.admin.create(config_map("a", ns))
        feed.until(f"new ConfigMap {ns}/a")


@pytest.mark.parametrize("name", ["own_plane", "old_plane"])
def test_many_objects(name, request):
    """By watch-list, and by a list; then in pages, which is how a server is asked that has lost our place."""
    plane = request.getfixturevalue(name)
    ns = in_namespace(plane, "many")
    count = 5000
    for i in range(count):
        plane.admin.create(config_map(f"m{i}", ns))
    with Proxy(plane.port) as proxy:
        feed = Feed(plane, f"ConfigMap,{ns}", kubeconfig=proxy.kubeconfig(plane))
        feed.until(f"^synced {count}$")
        proxy.close()
        plane.admin.delete("ConfigMap", "m0", ns)
        forget_history(plane)
        proxy.open = True
        feed.until(f"gone ConfigMap {ns}/m0")
        stats = feed.stats()
        assert stats["stored"] == count - 1
        assert stats["lists"] == (0 if name == "own_plane" else 1 + count // 500)
        feed.never("^change")
