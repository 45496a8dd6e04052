# SPDX-License-Identifier: Apache-2.0
"""The fixture itself: if these fail, so does all that stands on it."""
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

import certificates
from client import ApiError, Client
from cluster import DEPLOY, NAMESPACE, SERVICE_RANGES, ControlPlane, documents, yaml_files
from objects import endpoints, ips, node, pod, service
from programs import PATIENCE, Cannot

from netns import until

MODULES = {"kube": "v1.36.3", "kube-1.34": "v1.34.9"}


@pytest.fixture(scope="module", params=MODULES)
def own_plane(request):
    """Of each version; these tests stop it."""
    try:
        with ControlPlane(module=request.param) as p:
            p.install()
            p.module = request.param
            yield p
    except Cannot as reason:
        pytest.skip(str(reason))


@pytest.fixture
def stopped(own_plane):
    yield own_plane
    own_plane.print_logs()


def config_map(name, namespace="default", **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


# --- what a control plane must be able to do ---


def test_version(own_plane):
    assert own_plane.admin.request("GET", "/version")["gitVersion"] == MODULES[own_plane.module]


def test_resource_types_are_served(own_plane):
    for path in yaml_files(DEPLOY / "crds"):
        for crd in documents(path):
            kind, group = crd["spec"]["names"]["kind"], crd["spec"]["group"]
            for version in crd["spec"]["versions"]:
                if version["served"]:
                    assert own_plane.admin.list(kind, api=f"{group}/{version['name']}") == []


def test_objects(plane, namespace):
    c = plane.admin
    made = c.create(config_map("one", namespace, a="1"))
    with c.watch("ConfigMap", namespace, version=made["metadata"]["resourceVersion"]) as events:
        assert events.silent(0.2)
        c.patch("ConfigMap", "one", {"data": {"b": "2"}}, namespace)
        kind, seen = events.next()
        assert kind == "MODIFIED" and seen["data"] == {"a": "1", "b": "2"}
        seen["data"] = {"c": "3"}
        c.replace(seen)
        assert events.next()[1]["data"] == {"c": "3"}
        with pytest.raises(ApiError) as conflict:
            c.replace(seen)
        assert (conflict.value.code, conflict.value.reason) == (409, "Conflict")
        c.apply(config_map("one", namespace, c="4", d="5"))
        assert events.next()[1]["data"] == {"c": "4", "d": "5"}
        c.delete("ConfigMap", "one", namespace)
        assert events.next()[0] == "DELETED"
    assert c.find("ConfigMap", "one", namespace) is None
    assert c.list("ConfigMap", namespace) == []


def test_watch_begins_with_what_is_there(plane, namespace):
    plane.admin.create(config_map("one", namespace))
    with plane.admin.watch("ConfigMap", namespace) as events:
        assert events.until(lambda kind, o: kind == "ADDED" and o["metadata"]["name"] == "one", 5)


def test_watch_that_cannot_be(plane):
    with pytest.raises(ApiError) as gone:
        with plane.client("speaker").watch("Secret", "default"):
            pass
    assert gone.value.code == 403


def test_service_with_status(plane, namespace):
    """The parts that a speaker looks at: Node, Service with addresses, EndpointSlice."""
    c = plane.admin
    c.create(node(f"{namespace}-oak"))
    made = c.create(service("web", namespace, ipFamilyPolicy="RequireDualStack"))
    assert [ip.startswith(p.split("0")[0]) for ip, p in zip(made["spec"]["clusterIPs"], SERVICE_RANGES)] == [True, True]
    c.set_status(made, {"loadBalancer": {"ingress": [{"ip": "198.18.0.1"}]}})
    assert ips(c.get("Service", "web", namespace)) == ["198.18.0.1"]
    slice_ = endpoints("web", [f"{namespace}-oak"])
    slice_["metadata"]["namespace"] = namespace
    c.create(slice_)
    found = c.list("EndpointSlice", namespace, labelSelector="kubernetes.io/service-name=web")
    assert [e["nodeName"] for s in found for e in s["endpoints"]] == [f"{namespace}-oak"]
    c.delete("Node", f"{namespace}-oak")


def test_kubeconfig_and_pod_files(plane, namespace):
    """Both ways in which a program comes to its rights hold what they promise."""
    plane.create_account("reader", namespace)
    folder = plane.pod_files("reader", namespace)
    token = open(os.path.join(folder, "token"), encoding="utf-8").read()
    assert open(os.path.join(folder, "namespace"), encoding="utf-8").read() == namespace
    env = plane.pod_env()
    c = Client(env["KUBERNETES_SERVICE_HOST"], int(env["KUBERNETES_SERVICE_PORT"]), os.path.join(folder, "ca.crt"), token=token)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
    assert c.create(review)["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:reader"
    config = documents(plane.kubeconfig("reader", namespace))[0]
    assert config["clusters"][0]["cluster"]["server"] == plane.server
    assert config["users"][0]["user"]["token"] == token
    c.close()


def test_a_stranger_gets_nothing(plane, tmp_path):
    """Neither does a server of another authority look right to us, nor our client to it."""
    other = certificates.Authority(str(tmp_path / "pki"))
    other.client("admin", "admin", "system:masters")
    with pytest.raises(OSError):
        Client(plane.address, plane.port, other.path("ca.crt")).request("GET", "/readyz")
    pair = [other.path("admin.crt"), other.path("admin.key")]
    with pytest.raises(ApiError) as refused:
        Client(plane.address, plane.port, plane.authority.path("ca.crt"), pair).request("GET", "/api/v1/namespaces")
    assert refused.value.code == 401


# --- life ---


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_restart_keeps_objects(stopped, how):
    stopped.admin.create(config_map("kept-" + how, a="1"))
    speaker = stopped.client("speaker")
    uid = stopped.admin.get("Namespace", NAMESPACE)["metadata"]["uid"]
    getattr(stopped, how)()
    with pytest.raises(OSError):
        stopped.admin.request("GET", "/readyz")
    stopped.start()
    assert stopped.admin.get("ConfigMap", "kept-" + how)["data"] == {"a": "1"}
    assert stopped.admin.get("Namespace", NAMESPACE)["metadata"]["uid"] == uid
    assert isinstance(speaker.list("Service"), list)  # a token from before
    speaker.close()


def test_a_watch_ends_with_the_server(stopped):
    stopped.admin.apply(config_map("seen"))
    with stopped.admin.watch("ConfigMap", "default", version=stopped.admin.version("ConfigMap")) as events:
        stopped.stop()
        assert events.next() is None
    stopped.start()
    with stopped.admin.watch("ConfigMap", "default", version=stopped.admin.version("ConfigMap")) as events:
        stopped.admin.patch("ConfigMap", "seen", {"data": {"a": "1"}})
        assert events.next()[1]["data"] == {"a": "1"}


def test_restart_from_nothing(stopped):
    stopped.admin.create(config_map("lost"))
    token = stopped.client("speaker")
    stopped.restart(keep=False)
    assert stopped.admin.find("ConfigMap", "lost") is None
    with pytest.raises(ApiError) as refused:
        token.list("Service")
    assert refused.value.code in (401, 403)
    token.close()
    stopped.install()
    again = stopped.client("speaker")
    assert isinstance(again.list("Service"), list)
    again.close()


def test_pause(stopped):
    """A server that hangs: the kernel still takes connections, and nothing is answered until it goes on."""
    name = f"paused-{time.monotonic_ns()}"
    with stopped.admin.watch("ConfigMap", "default", version=stopped.admin.version("ConfigMap")) as events:
        stopped.pause()
        try:
            with socket.create_connection((stopped.address, stopped.port), 5):
                pass
            impatient = Client(stopped.address, stopped.port, stopped.authority.path("ca.crt"), timeout=0.5)
            with pytest.raises(TimeoutError):
                impatient.request("GET", "/readyz")
            assert events.silent(0.5)
        finally:
            stopped.resume()
        stopped.admin.create(config_map(name))
        events.until(lambda _, o: o["metadata"]["name"] == name)


def test_two_at_once_in_namespaces(net):
    """In two namespaces, at the same address; each is a cluster of its own. Nothing of it is seen from outside."""
    planes = []
    try:
        for name in ("a", "b"):
            net.add_ns(name)
            net.run(name, "ip", "addr", "add", "192.0.2.1/24", "dev", "lo")
            planes.append(ControlPlane(net=net, ns=name, address="192.0.2.1"))
            planes[-1].start()
        planes[0].admin.create(config_map("mine"))
        assert planes[1].admin.find("ConfigMap", "mine") is None
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", planes[0].port), 1):
            pass
    finally:
        for p in planes:
            p.print_logs()
            p.close()


def test_controllers(net):
    """With the manager, EndpointSlices come from Pods, and accounts with namespaces."""
    with ControlPlane(manager=True) as p:
        try:
            c = p.admin
            c.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "work"}})
            c.until(lambda _: True, "ServiceAccount", "default", "work")
            c.until(lambda o: "ca.crt" in o["data"], "ConfigMap", "kube-root-ca.crt", "work")
            c.create(node("oak"))
            c.create(service("web", "work", selector={"app": "web"}))
            p.create_pod(pod("web", "oak", "default", {"app": "web"}, "work"), "198.18.254.1")
            found = until(lambda: [e for s in c.list("EndpointSlice", "work") for e in s.get("endpoints") or []
                                   if e["conditions"]["ready"]], PATIENCE, "an endpoint")
            assert (found[0]["addresses"], found[0]["nodeName"]) == (["198.18.254.1"], "oak")
        finally:
            p.print_logs()


# --- nothing stays behind ---

# A shell in the background has its children ignore SIGINT.
KEEPER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[1])
from cluster import ControlPlane
plane = ControlPlane()
plane.start()
print(plane.folder, plane.etcd.pid(), plane.apiserver.pid(), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number, cleans_up", [(signal.SIGINT, True), (signal.SIGTERM, True), (signal.SIGKILL, False)])
def test_processes_end_with_the_run(number, cleans_up):
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, os.path.dirname(__file__)], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    folder, *pids = keeper.stdout.readline().split()
    keeper.stdout.close()
    keeper.send_signal(number)
    keeper.wait(PATIENCE)
    until(lambda: not any(runs(pid, folder) for pid in pids), PATIENCE, "etcd and the API server end")
    if not cleans_up:
        ControlPlane().close()  # the next run removes what a killed one left
    assert not os.path.exists(folder)


def runs(pid, folder):
    """Whether it is still the process that was started with files of this folder."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return folder.encode() in f.read()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_by_hand():
    tool = os.path.join(os.path.dirname(__file__), "by_hand.py")
    up = subprocess.run([sys.executable, tool, "up"], text=True, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    path = up.stdout.strip()
    folder = os.path.dirname(path)
    assert documents(path)[0]["current-context"] == "test"
    assert os.path.exists(os.path.join(folder, "metallb-system.speaker.kubeconfig"))
    subprocess.run([sys.executable, tool, "down", path], check=True, timeout=PATIENCE)
    assert not os.path.exists(folder)
