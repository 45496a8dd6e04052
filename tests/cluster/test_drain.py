# SPDX-License-Identifier: Apache-2.0
"""`steellb drain` against the API server: what it writes, what it says, and how it fails. test_bgp.py has what speakers make of it."""
import shutil
import socket
import subprocess

import pytest
import yaml
from folder import binary
from objects import node
from programs import PATIENCE

from netns import ENV

KEY = "steellb.io/drain"
NODE = "drained"
OTHERS = {"example.com/owner": "somebody"}


@pytest.fixture
def admin(plane):
    made = node(NODE, labels={"rack": "1"})
    made["metadata"]["annotations"] = dict(OTHERS)
    plane.admin.create(made)
    yield plane.admin
    plane.admin.delete("Node", NODE)


def run(*args, **env):
    return subprocess.run([binary(), "drain", *args], env={**ENV, **env}, timeout=PATIENCE, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)


def drain(*args, kubeconfig):
    return run(*args, "--kubeconfig", str(kubeconfig))


def annotations(admin):
    return admin.get("Node", NODE)["metadata"]["annotations"]


def test_sets_the_annotation_and_says_so(plane, admin):
    """Nothing else of the Node changes, and what is there already is no error."""
    before = admin.get("Node", NODE)
    for args, value, said in (([], "true", "routes that other nodes announce are withdrawn after the delay"),
                              (["--force"], "force", "all of its routes are withdrawn after the delay"),
                              (["--force"], "force", "all of its routes"),
                              ([], "true", "routes that other nodes announce"),
                              (["--undo"], None, "is drained no longer"),
                              (["--undo"], None, "is drained no longer")):
        r = drain(NODE, *args, kubeconfig=plane.kubeconfig("admin"))
        assert (r.returncode, r.stderr) == (0, ""), r
        assert r.stdout.startswith(f"node {NODE} is ") and said in r.stdout and r.stdout.count("\n") == 1
        assert annotations(admin) == {**OTHERS, **({KEY: value} if value else {})}
    after = admin.get("Node", NODE)
    for field in ("labels", "annotations"):
        assert after["metadata"][field] == before["metadata"][field]
    assert (after["spec"], after["status"]) == (before["spec"], before["status"])


@pytest.mark.parametrize("where", ["KUBECONFIG", "HOME"])
def test_finds_the_server_as_kubectl_does(plane, admin, tmp_path, where):
    (tmp_path / ".kube").mkdir()
    shutil.copy(plane.kubeconfig("admin"), tmp_path / ".kube" / "config")
    env = {"HOME": str(tmp_path)} if where == "HOME" else {"HOME": "/nonexistent", "KUBECONFIG": plane.kubeconfig("admin")}
    r = run(NODE, **env)
    assert r.returncode == 0 and annotations(admin) == {**OTHERS, KEY: "true"}, r


def test_unknown_node(plane):
    r = drain("nobody", kubeconfig=plane.kubeconfig("admin"))
    assert (r.returncode, r.stdout) == (1, "")
    assert "node nobody: " in r.stderr and 'nodes "nobody" not found' in r.stderr, r.stderr
    assert plane.admin.find("Node", "nobody") is None


@pytest.mark.parametrize("args", [[], ["--undo"], ["--force"]], ids=["drain", "undo", "force"])
def test_without_rights(plane, admin, args):
    """A speaker reads Nodes, and writes none."""
    r = drain(NODE, *args, kubeconfig=plane.kubeconfig("speaker"))
    assert (r.returncode, r.stdout) == (1, "")
    assert f"node {NODE}: " in r.stderr and "system:serviceaccount:metallb-system:speaker" in r.stderr, r.stderr
    assert 'cannot patch resource "nodes"' in r.stderr, r.stderr
    assert annotations(admin) == OTHERS


def test_not_known_to_the_server(plane, admin):
    r = drain(NODE, kubeconfig=plane.kubeconfig_of("stranger", token="none"))
    assert (r.returncode, r.stdout) == (1, "") and "Unauthorized" in r.stderr, r
    assert annotations(admin) == OTHERS


def elsewhere(plane, tmp_path, port):
    """The admin's configuration with a server at another port."""
    with open(plane.kubeconfig("admin"), encoding="utf-8") as f:
        config = yaml.safe_load(f)
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def test_no_server(plane, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and nobody listens
        r = drain(NODE, kubeconfig=elsewhere(plane, tmp_path, free.getsockname()[1]))
    assert (r.returncode, r.stdout) == (2, "") and f"node {NODE}: " in r.stderr and "refused" in r.stderr.lower(), r
    assert r.stderr.count("\n") == 1, "it is said once"


def test_server_that_says_nothing(plane, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        r = drain(NODE, kubeconfig=elsewhere(plane, tmp_path, mute.getsockname()[1]))
    assert (r.returncode, r.stdout) == (2, "") and f"node {NODE}: " in r.stderr, r
