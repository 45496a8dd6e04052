# SPDX-License-Identifier: Apache-2.0
"""The metrics of both roles over HTTPS, and who may read them, as a real API server says."""
import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from certificates import Authority
from cluster import NAMESPACE, ControlPlane, Port
from objects import node, pod, pool, service
from programs import PATIENCE
from roles import STEELLB

from netns import ENV, until

READER, STRANGER = "metrics-reader", "stranger"
CONNECTIONS_MAX = 32


def reader_rights():
    return [{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": READER},
             "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": READER},
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": READER},
             "subjects": [{"kind": "ServiceAccount", "name": READER, "namespace": NAMESPACE}]}]


class Server:
    def __init__(self, program, port):
        self.program, self.port = program, port

    def get(self, token=None, path="/metrics", method="GET", tls=None):
        """(status, body)"""
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        context = tls or ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(request, context=context, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def certificate(self):
        return ssl.get_server_certificate(("127.0.0.1", self.port))

    def until_listening(self):
        def listening():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        self.program.until(listening, "the metrics listen")
        return self


def samples(text):
    """{series: value}"""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}


def until_sample(server, token, series, value):
    def found():
        got = samples(server.get(token)[1])
        return got.get(series) == value and got
    return until(found, PATIENCE, f"{series} is {value}")


@pytest.fixture(scope="module")
def shared_plane():
    """Of these tests alone: figures of everything that is there would not be theirs."""
    with ControlPlane() as p:
        p.install()
        yield p


@pytest.fixture(scope="module")
def tokens(shared_plane):
    for name in (READER, STRANGER):
        shared_plane.create_account(name)
    for obj in reader_rights():
        shared_plane.admin.apply(obj)
    return {name: shared_plane.token(name) for name in (READER, STRANGER)}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    authority = Authority(str(tmp_path_factory.mktemp("metrics") / "pki"))
    for name in ("old", "new"):
        authority.server(name, ["127.0.0.1"])
    return authority


@pytest.fixture(scope="module")
def controller(shared_plane, tokens, certificates):
    """With a folder for its certificate, which is empty at first."""
    folder = os.path.join(certificates.folder, "mounted")
    os.makedirs(folder)
    port = Port("127.0.0.1")
    number = port.number
    port.close()
    program = STEELLB.controller(shared_plane, f"--port={number}", f"--metrics-cert-dir={folder}", "--health-probe-port=0")
    yield Server(program, number).until_listening()
    program.stop()


def mount(certificates, name):
    """As the kubelet changes a Secret: both files at once."""
    folder = os.path.join(certificates.folder, "mounted")
    for suffix, source in (("crt", name + ".crt"), ("key", name + ".key")):
        shutil.copy(certificates.path(source), f"{folder}/.part")
        os.rename(f"{folder}/.part", f"{folder}/tls.{suffix}")


def test_right_token(plane, controller, tokens):
    status, text = controller.get(tokens[READER])
    assert status == 200
    assert samples(text)["metallb_k8s_client_update_errors_total"] == 0
    assert 'steellb_kube_watch_events_total{resource="services"}' in samples(text)
    assert controller.get(tokens[READER])[0] == 200  # from memory


def test_who_may_not(plane, controller, tokens):
    assert controller.get() == (401, "Unauthorized\n")
    assert controller.get("no.such.token") == (401, "Unauthorized\n")
    user = f"system:serviceaccount:{NAMESPACE}:{STRANGER}"
    for _ in range(2):  # the second answer is from memory
        assert controller.get(tokens[STRANGER]) == (403, f"Authorization denied for user {user}\n")


@pytest.mark.parametrize("path,method,status", [("/", "GET", 404), ("/metrics/", "GET", 404), ("/metrics", "POST", 405)])
def test_other_requests(plane, controller, tokens, path, method, status):
    assert controller.get(tokens[READER], path, method)[0] == status


def test_api_server_away(plane, controller, tokens):
    plane.create_account("late")
    token = plane.token("late")
    plane.apiserver.pause()
    try:
        assert controller.get(tokens[READER])[0] == 200
        assert controller.get(token) == (500, "Authentication failed\n")
    finally:
        plane.apiserver.resume()


def test_certificates(plane, controller, tokens, certificates):
    """Self-signed, then mounted, then rotated; a broken pair changes nothing."""
    own = controller.certificate()
    assert controller.certificate() == own
    verified = ssl.create_default_context(cafile=certificates.path("ca.crt"))
    for name in ("old", "new"):
        mount(certificates, name)
        assert controller.certificate().strip() in certificates.read(name + ".crt").decode()
        assert controller.get(tokens[READER], tls=verified)[0] == 200
    shutil.copy(certificates.path("old.key"), os.path.join(certificates.folder, "mounted", "tls.key"))
    assert controller.get(tokens[READER], tls=verified)[0] == 200
    controller.program.until_log("cannot use a certificate")


def test_oldest_tls(plane, controller):
    old = ssl._create_unverified_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(urllib.error.URLError, match="(?i)version|handshake|alert"):
        controller.get("x", tls=old)


def test_pools(plane, controller, tokens):
    plane.admin.apply(pool("metered", "198.18.7.0/30", "2001:db8:7::/126"))
    plane.admin.create(service("metered"))
    label = '{pool="metered"}'
    got = until_sample(controller, tokens[READER], "metallb_allocator_addresses_in_use_total" + label, 1)
    name = "metallb_allocator_%s" + label
    assert [got[name % n] for n in ("addresses_total", "ipv4_addresses_total", "ipv6_addresses_total")] == [8, 4, 4]
    assert [got[name % n] for n in ("ipv4_addresses_in_use_total", "ipv6_addresses_in_use_total")] == [1, 0]
    assert got["metallb_k8s_client_config_loaded_bool"] == 1 and got["metallb_k8s_client_config_stale_bool"] == 0
    assert got["metallb_k8s_client_updates_total"] > 0
    plane.admin.delete("Service", "metered", "default")
    until_sample(controller, tokens[READER], "metallb_allocator_addresses_in_use_total" + label, 0)
    plane.admin.delete("IPAddressPool", "metered", NAMESPACE)
    until(lambda: label not in controller.get(tokens[READER])[1], PATIENCE, "the series of the pool are gone")


def test_stale_configuration(plane, controller, tokens):
    for name in ("one", "two"):  # they overlap
        plane.admin.apply(pool(name, "198.18.8.0/30"))
    until_sample(controller, tokens[READER], "metallb_k8s_client_config_stale_bool", 1)
    for name in ("one", "two"):
        plane.admin.delete("IPAddressPool", name, NAMESPACE)
    until_sample(controller, tokens[READER], "metallb_k8s_client_config_stale_bool", 0)


def test_silent_clients(plane, controller, tokens):
    """They fill all places, and are sent away; who asks meanwhile is served after that."""
    silent = [socket.create_connection(("127.0.0.1", controller.port)) for _ in range(CONNECTIONS_MAX + 8)]
    try:
        assert controller.get(tokens[READER])[0] == 200
    finally:
        for s in silent:
            s.close()


def test_promtool(plane, controller, tokens):
    if not shutil.which("promtool"):
        pytest.skip("no promtool (Debian's package prometheus)")
    text = controller.get(tokens[READER])[1]
    r = subprocess.run(["promtool", "check", "metrics"], input=text, env=ENV, text=True, timeout=PATIENCE,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # 3: it can be read, and there are names that promtool would have chosen otherwise: MetalLB's.
    assert r.returncode in (0, 3), r.stdout
    assert all("_total\" suffix" in line for line in r.stdout.splitlines()), r.stdout


def test_speaker(plane, tokens):
    port = Port("127.0.0.1")
    number = port.number
    port.close()
    plane.admin.create(node("oak"))
    plane.create_pod(pod("speaker-oak", "oak"), "127.0.0.1")
    env = {"KUBECONFIG": plane.kubeconfig("speaker"), "METALLB_NAMESPACE": NAMESPACE, "METALLB_POD_NAME": "speaker-oak",
           "METALLB_NODE_NAME": "oak"}
    program = plane.run("steellb-speaker-oak", [os.environ["STEELLB"], "speaker", f"--port={number}", "--health-probe-port=0",
                                                "--control-socket="], env=env)
    server = Server(program, number).until_listening()
    got = until_sample(server, tokens[READER], "metallb_k8s_client_config_loaded_bool", 1)
    assert got['steellb_kube_watch_events_total{resource="nodes"}'] > 0
    assert server.get(tokens[STRANGER])[0] == 403
    program.stop()
    plane.admin.delete("Node", "oak")
