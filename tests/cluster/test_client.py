# SPDX-License-Identifier: Apache-2.0
"""The API client with the real API server: who it is to whom, and what it does when things break."""
import base64
import json
import os
import socket
import stat

import pytest
import yaml

from certificates import Authority
from cluster import NAMESPACE, ControlPlane
from probe import ConnectProxy, Probe, Relay, TlsRelay, until_stats

from netns import until

pytestmark = pytest.mark.skipif("KUBE_PROBE" not in os.environ, reason="KUBE_PROBE is not set")

EACCES, ECONNREFUSED, ECONNRESET, ETIMEDOUT = -13, -111, -104, -110
NAMESPACES = "/api/v1/namespaces"
WATCH = NAMESPACES + "?watch=1&timeoutSeconds=600"
MIB = 1 << 20


@pytest.fixture(scope="module")
def own_plane():
    with ControlPlane() as p:
        p.create_namespace(NAMESPACE)
        p.create_account("probe")
        yield p


@pytest.fixture
def plane(own_plane):
    yield own_plane
    own_plane.print_logs()


def encoded(text):
    return base64.b64encode(text).decode()


def write_kubeconfig(folder, plane, user, **cluster):
    """For the server itself, unless `cluster` says otherwise; a value of None leaves a field out."""
    fields = {"server": plane.server, "certificate-authority-data": encoded(plane.authority.read("ca.crt")), **cluster}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "test",
              "clusters": [{"name": "test", "cluster": {k: v for k, v in fields.items() if v is not None}}],
              "users": [{"name": "test", "user": user}],
              "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def admin_of(plane):
    return {"client-certificate-data": encoded(plane.authority.read("admin.crt")),
            "client-key-data": encoded(plane.authority.read("admin.key"))}


def replace(path, text):
    """As a mounted volume changes: at once."""
    part = path.with_suffix(".part")
    part.write_text(text)
    os.rename(part, path)


# --- who we are ---


def test_client_certificate(plane, tmp_path):
    with Probe(tmp_path, plane.kubeconfig("admin")) as p:
        assert p.get(NAMESPACES).status == 200
        gone = p.get(NAMESPACES + "/nobody")
        assert (gone.code, gone.status, gone.reason) == (0, 404, "NotFound")
        assert gone.text == 'namespaces "nobody" not found'
        stats = p.stats()
        assert (stats["http2"], stats["connects"], stats["open_calls"]) == (1, 1, 0)


def test_client_certificate_in_files(plane, tmp_path):
    user = {"client-certificate": plane.authority.path("admin.crt"), "client-key": plane.authority.path("admin.key")}
    with Probe(tmp_path, write_kubeconfig(tmp_path, plane, user)) as p:
        assert p.get(NAMESPACES).status == 200


def test_nobody(plane, tmp_path):
    with Probe(tmp_path, write_kubeconfig(tmp_path, plane, {})) as p:
        assert (p.get("/version").status, p.get(NAMESPACES).reason) == (200, "Forbidden")


def test_mounted_service_account(plane, tmp_path):
    folder = plane.pod_files("probe")
    config = write_kubeconfig(tmp_path, plane, {"tokenFile": folder + "/token"},
                              **{"certificate-authority-data": None, "certificate-authority": folder + "/ca.crt"})
    with Probe(tmp_path, config) as p:
        assert p.get("/version").status == 200


def test_token_that_changes(plane, tmp_path):
    """The account is made anew, so that its old token becomes void; no call fails for it."""
    plane.create_account("changing")
    token = tmp_path / "token"
    replace(token, plane.token("changing"))
    with Probe(tmp_path, write_kubeconfig(tmp_path, plane, {"tokenFile": str(token)})) as p:
        assert p.get("/version").status == 200
        plane.admin.delete("ServiceAccount", "changing", NAMESPACE)
        plane.create_account("changing")
        replace(token, plane.token("changing"))

        def sent_again():
            assert p.get("/version").status == 200
            return p.stats()["retried"] > 0
        until(sent_again, 60, "the old token is refused", step=0.2)


def test_token_that_was_void(plane, tmp_path):
    token = tmp_path / "token"
    replace(token, "void")
    with Probe(tmp_path, write_kubeconfig(tmp_path, plane, {"tokenFile": str(token)})) as p:
        refused = p.get("/version")
        assert (refused.code, refused.status, refused.reason) == (0, 401, "Unauthorized")
        assert p.stats()["retried"] == 1
        replace(token, plane.token("probe"))
        assert p.get("/version").status == 200


def test_exec_plugin(plane, tmp_path):
    plugin, runs, token = (tmp_path / name for name in ("plugin", "runs", "token"))
    token.write_text(plane.token("probe"))
    plugin.write_text("#!/bin/sh\necho run >> runs\nprintf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",'\n"
                      "printf '\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' \"$(cat \"$TOKEN\")\"\n"
                      .replace(">> runs", f">> {runs}"))
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "interactiveMode": "Never",
                     "env": [{"name": "TOKEN", "value": str(token)}]}}
    with Probe(tmp_path, write_kubeconfig(tmp_path, plane, user)) as p:
        assert p.many(20, "/version") == (20, 0)
        assert runs.read_text() == "run\n"
        assert p.get(NAMESPACES).reason == "Forbidden"  # it is somebody


def test_exec_plugin_with_a_certificate(plane, tmp_path):
    plugin = tmp_path / "plugin"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"clientCertificateData": plane.authority.read("admin.crt").decode(),
                             "clientKeyData": plane.authority.read("admin.key").decode()}}
    plugin.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(credential)}\nEND\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    with Probe(tmp_path, write_kubeconfig(tmp_path, plane, user)) as p:
        assert p.get(NAMESPACES).status == 200


def test_exec_plugin_that_fails(plane, tmp_path):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false"}}
    with Probe(tmp_path, write_kubeconfig(tmp_path, plane, user)) as p:
        failed = p.get("/version")
        assert (failed.code, failed.text) == (EACCES, "exec plugin /bin/false: exit status 1")


# --- who the server is ---


def test_wrong_authority(plane, tmp_path):
    other = Authority(str(tmp_path / "pki"))
    config = write_kubeconfig(tmp_path, plane, admin_of(plane), **{"certificate-authority-data": encoded(other.read("ca.crt"))})
    with Probe(tmp_path, config) as p:
        refused = p.get("/version")
        assert (refused.code, refused.status) == (EACCES, 0)
        assert 'certificate of "/CN=apiserver", issued by "/CN=steellb-tests"' in refused.text


def test_wrong_name(plane, tmp_path):
    config = write_kubeconfig(tmp_path, plane, admin_of(plane), **{"tls-server-name": "elsewhere.example.com"})
    with Probe(tmp_path, config) as p:
        refused = p.get("/version")
        assert refused.code == EACCES and "hostname mismatch" in refused.text


def test_name_to_verify(plane, tmp_path):
    config = write_kubeconfig(tmp_path, plane, admin_of(plane), **{"tls-server-name": "kubernetes.default.svc"})
    with Probe(tmp_path, config) as p:
        assert p.get(NAMESPACES).status == 200


def test_without_verification(plane, tmp_path):
    config = write_kubeconfig(tmp_path, plane, admin_of(plane), **{"certificate-authority-data": None,
                                                                 "insecure-skip-tls-verify": True})
    with Probe(tmp_path, config) as p:
        assert p.get(NAMESPACES).status == 200


def test_host_by_name(plane, tmp_path):
    """Of /etc/hosts, by the resolver."""
    config = write_kubeconfig(tmp_path, plane, admin_of(plane), server=f"https://localhost:{plane.port}")
    with Probe(tmp_path, config) as p:
        assert p.get(NAMESPACES).status == 200


def test_authority_that_changes(plane, tmp_path):
    """A watch goes on over its connection; new calls go over one that is made with the new authority."""
    other = Authority(str(tmp_path / "pki"))
    other.server("apiserver", ["127.0.0.1"])
    ca = tmp_path / "ca.crt"
    replace(ca, plane.authority.read("ca.crt").decode())
    account = [plane.authority.path("admin." + e) for e in ("crt", "key")]
    with TlsRelay(("127.0.0.1", plane.port), plane.authority, plane.authority.path("ca.crt"), account, ["h2"]) as relay:
        config = write_kubeconfig(tmp_path, plane, {}, server=f"https://127.0.0.1:{relay.port}",
                                  **{"certificate-authority-data": None, "certificate-authority": str(ca)})
        with Probe(tmp_path, config) as p:
            watch = p.watch(WATCH)
            relay.present(other)
            replace(ca, other.read("ca.crt").decode())
            until(lambda: "certificates for the API server have changed" in p.log(), 60, "the change is seen")
            assert p.get(NAMESPACES).status == 200
            assert p.stats()["connects"] == 2
            plane.create_namespace("seen")
            until(lambda: '"name":"seen"' in p.until("line", watch), 60, "the watch goes on")
            replace(ca, "nothing\n")  # cannot be used: what we have stays
            until(lambda: "certificates not used" in p.log(), 60, "the damage is seen")
            assert p.get(NAMESPACES).status == 200


# --- when things break ---


def test_nobody_listens(plane, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        config = write_kubeconfig(tmp_path, plane, {}, server=f"https://127.0.0.1:{port}")
        with Probe(tmp_path, config, "--patience", "0.5") as p:
            refused = p.get("/version")
            assert (refused.code, refused.text) == (ECONNREFUSED, f"127.0.0.1:{port}: Connection refused")


def test_server_that_comes_late(plane, tmp_path):
    """A call waits for it, within its patience."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    config = write_kubeconfig(tmp_path, plane, admin_of(plane), server=f"https://127.0.0.1:{port}")
    with Probe(tmp_path, config, "--patience", "60") as p:
        p.tell("many", 3, NAMESPACES)
        until(lambda: "no connection to the API server" in p.log(), 60, "the first attempt has failed")
        with Relay(("127.0.0.1", plane.port), port) as relay:
            assert p.until("many") == "3 0"
            assert relay.count() == 1


class PlainServer(Relay):
    def meet(self, client):
        client.recv(1024)
        client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
        client.close()


def test_no_tls(plane, tmp_path):
    with PlainServer(None) as server:
        config = write_kubeconfig(tmp_path, plane, {}, server=f"https://127.0.0.1:{server.port}")
        with Probe(tmp_path, config, "--patience", "0.1") as p:
            refused = p.get("/version")
            assert (refused.code, refused.text) == (ECONNRESET, f"127.0.0.1:{server.port}: the server does not speak TLS")


def test_server_that_hangs(plane, tmp_path):
    with Probe(tmp_path, plane.kubeconfig("admin"), "--ping", "0.5", "1") as p:
        watch = p.watch(WATCH)
        until_stats(p, lambda s: s["ping_timeouts"] == 0 and s["bytes_in"] > 0, "it lives")
        plane.pause()
        try:
            end = p.until("end", watch)
        finally:
            plane.resume()
        assert end == f"{ETIMEDOUT} no answer to PING"
        assert p.stats()["ping_timeouts"] == 1
        assert until(lambda: p.get("/version").status == 200, 60, "it works again")


def test_quiet_connection_lives(plane, tmp_path):
    """PING is answered: nothing else keeps this watch."""
    with Probe(tmp_path, plane.kubeconfig("admin"), "--ping", "0.2", "5") as p:
        watch = p.watch("/api/v1/namespaces/kube-public/secrets?watch=1&timeoutSeconds=3")
        assert p.until("end", watch) == "0 -"
        assert p.stats()["ping_timeouts"] == 0


def test_server_that_restarts(tmp_path):
    with ControlPlane() as plane, Probe(tmp_path, plane.kubeconfig("admin"), "--patience", "60") as p:
        watch = p.watch(WATCH)
        plane.admin.close()
        plane.apiserver.kill()
        assert p.until("end", watch).split(" ")[0] == str(ECONNRESET)
        p.tell("many", 1, "/version")  # waits for the new one
        plane.apiserver.start()
        assert p.until("many") == "1 0"
        assert "connection to the API server lost" in p.log()


def test_goaway(tmp_path):
    """The server asks every fiftieth time to leave the connection; no call fails for it, and no watch ends."""
    with ControlPlane(args=["--goaway-chance=0.02"]) as plane, Probe(tmp_path, plane.kubeconfig("admin")) as p:
        watch = p.watch(WATCH)

        def left():
            assert p.many(100, "/version") == (100, 0)
            return p.stats()["goaways"] > 3
        until(left, 120, "GOAWAY was sent")
        assert p.stats()["connects"] > 3
        plane.create_namespace("seen")
        until(lambda: '"name":"seen"' in p.until("line", watch), 60, "the watch goes on")


def test_half_closed(plane, tmp_path):
    with ConnectProxy() as proxy:
        config = write_kubeconfig(tmp_path, plane, admin_of(plane), **{"proxy-url": f"http://127.0.0.1:{proxy.port}"})
        with Probe(tmp_path, config) as p:
            watch = p.watch(WATCH)
            proxy.end_sending()
            assert p.until("end", watch) == f"{ECONNRESET} connection closed by the server"
            assert p.get(NAMESPACES).status == 200


# --- other ways to the server ---


def test_proxy(plane, tmp_path):
    with ConnectProxy("user:p@ss") as proxy:
        url = f"http://user:p%40ss@127.0.0.1:{proxy.port}"
        config = write_kubeconfig(tmp_path, plane, admin_of(plane), **{"proxy-url": url})
        with Probe(tmp_path, config) as p:
            assert p.get(NAMESPACES).status == 200
            assert p.stats()["http2"] == 1
        assert proxy.seen == [f"CONNECT 127.0.0.1:{plane.port} HTTP/1.1"]


def test_proxy_that_refuses(plane, tmp_path):
    with ConnectProxy("user:password") as proxy:
        config = write_kubeconfig(tmp_path, plane, {}, **{"proxy-url": f"http://127.0.0.1:{proxy.port}"})
        with Probe(tmp_path, config, "--patience", "0.1") as p:
            refused = p.get("/version")
            assert refused.code == ECONNREFUSED
            assert "proxy: HTTP/1.1 407 Proxy Authentication Required" in refused.text


@pytest.fixture
def http1(plane, tmp_path):
    """A kubeconfig for a way that knows no HTTP/2."""
    account = [plane.authority.path("admin." + e) for e in ("crt", "key")]
    target = ("127.0.0.1", plane.port)
    with TlsRelay(target, plane.authority, plane.authority.path("ca.crt"), account, ["http/1.1"]) as relay:
        yield write_kubeconfig(tmp_path, plane, {}, server=f"https://127.0.0.1:{relay.port}")


def test_http1(plane, tmp_path, http1):
    with Probe(tmp_path, http1) as p:
        watch = p.watch(WATCH)
        assert p.get(NAMESPACES).status == 200
        assert p.get(NAMESPACES + "/nobody").reason == "NotFound"
        assert p.many(30, "/version") == (30, 0)
        plane.create_namespace("seen-http1")
        until(lambda: '"name":"seen-http1"' in p.until("line", watch), 60, "the watch lives")
        stats = p.stats()
        assert (stats["http2"], stats["connected"], stats["open_calls"]) == (0, 1, 1)
        p.tell("cancel")
        p.until("cancelled")
        until_stats(p, lambda s: s["connected"] == 0, "its connection is closed")


# --- much ---


def config_map(tmp_path, plane, size):
    """A file with an object that exists and is to be written."""
    name = f"big-{tmp_path.name}"[:60].strip("-_").replace("_", "-")
    made = plane.admin.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}})
    path = tmp_path / "object.json"
    path.write_text(json.dumps(dict(made, data={"a": "x" * size})))
    return f"/api/v1/namespaces/default/configmaps/{name}", path


@pytest.mark.parametrize("way", ["http2", "http1"])
def test_big_object(plane, tmp_path, way, request):
    config = request.getfixturevalue("http1") if way == "http1" else plane.kubeconfig("admin")
    path, file = config_map(tmp_path, plane, MIB - 20000)
    with Probe(tmp_path, config) as p:
        written = p.send("PUT", path, file)
        assert (written.status, written.code) == (200, 0) and written.len > MIB - 20000
        conflict = p.send("PUT", path, file)
        assert (conflict.status, conflict.reason) == (409, "Conflict")
        assert p.get(path).len == written.len
        assert p.many(50, path) == (50, 0)


def test_compression(plane, tmp_path):
    path, file = config_map(tmp_path, plane, MIB - 20000)
    plain = write_kubeconfig(tmp_path, plane, admin_of(plane), **{"disable-compression": True})
    with Probe(tmp_path, plane.kubeconfig("admin")) as p:
        assert p.send("PUT", path, file).status == 200
        before = p.stats()["bytes_in"]
        assert p.get(path).len > MIB - 20000
        assert p.stats()["bytes_in"] - before < 100000
    with Probe(tmp_path, plain) as p:
        assert p.get(path).len > MIB - 20000
        assert p.stats()["bytes_in"] > MIB - 20000


def test_many_at_once(plane, tmp_path):
    """More than the server takes at the same time, on one connection, beside a watch."""
    with Probe(tmp_path, plane.kubeconfig("admin")) as p:
        p.watch(WATCH)
        assert p.many(500, "/version") == (500, 0)
        stats = p.stats()
        assert (stats["connects"], stats["open_calls"]) == (1, 1)


@pytest.mark.parametrize("way", ["http2", "http1"])
def test_calls_within_handlers(plane, tmp_path, way, request):
    config = request.getfixturevalue("http1") if way == "http1" else plane.kubeconfig("admin")
    with Probe(tmp_path, config) as p:
        p.tell("chaos", 200, NAMESPACES)
        p.until("chaos")
        assert p.get(NAMESPACES).status == 200
        assert p.stats()["open_calls"] == 0


def test_end_of_the_client(plane, tmp_path):
    """Nothing is told of calls any more."""
    with Probe(tmp_path, plane.kubeconfig("admin")) as p:
        p.watch(WATCH)
        p.tell("many", 300, NAMESPACES)
        p.tell("free")
        p.until("freed")
        plane.create_namespace("unseen")
        p.tell("quit")
        p.process.wait(60)
        assert not [x for x in p.lines if x.startswith(("many", "end"))]
