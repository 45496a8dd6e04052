# SPDX-License-Identifier: Apache-2.0
import importlib.machinery
import importlib.util
import re

import pytest

from tree import ROOT

loader = importlib.machinery.SourceFileLoader("build_cluster", str(ROOT / "tools" / "build-cluster"))
build_cluster = importlib.util.module_from_spec(importlib.util.spec_from_loader("build_cluster", loader))
loader.exec_module(build_cluster)

# Notes what it was asked for, and builds a file named after the last argument.
GO = """#!/bin/sh
echo "$*" >>%(log)s
case $1 in
env) echo %(version)s ;;
list) %(list)s ;;
build) while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done; touch "$out/program"; %(build)s ;;
esac
"""


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A tree with one module, and a Go that does as it is told by go(...)."""
    module = tmp_path / "modules" / "kube"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module m\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n)\n")
    (module / "go.sum").write_text("one\n")
    monkeypatch.setattr(build_cluster, "MODULES", tmp_path / "modules")
    monkeypatch.setattr(build_cluster, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(build_cluster, "GO_FOLDERS", (str(tmp_path / "bin"),))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("sys.argv", ["build-cluster", "kube"])
    monkeypatch.setattr(build_cluster.shutil, "which", lambda _, path: next(
        (str(p) for p in [tmp_path / "bin" / "go"] if p.exists()), None))
    return tmp_path


def go(house, version="go1.26.0", list="true", build="true"):
    (house / "bin").mkdir(exist_ok=True)
    program = house / "bin" / "go"
    program.write_text(GO % {"log": house / "log", "version": version, "list": list, "build": build})
    program.chmod(0o755)


def asked(house, what):
    return [line for line in (house / "log").read_text().splitlines() if line.startswith(what)]


def test_builds_once_for_each_state_of_the_modules(house, capsys):
    go(house)
    folders = []
    for _ in range(2):
        assert build_cluster.main() == 0
        folders.append(capsys.readouterr().out.strip())
    assert folders[0] == folders[1] and len(asked(house, "build")) == 1
    (house / "modules" / "kube" / "go.sum").write_text("two\n")
    assert build_cluster.main() == 0
    assert capsys.readouterr().out.strip() not in folders
    assert len(asked(house, "build")) == 2
    assert len(list((house / "cache").glob("cluster-kube-*/program"))) == 2


def test_version_is_linked_in(house):
    go(house)
    assert build_cluster.main() == 0
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in asked(house, "build")[0]
    assert "version.gitMinor=36" in asked(house, "build")[0]


def test_no_go(house, capsys):
    assert build_cluster.main() == 77
    assert capsys.readouterr().err == "skipped: no Go is installed\n"


def test_no_modules(house, capsys):
    go(house, list="echo a package; echo cannot reach it >&2; exit 1")
    assert build_cluster.main() == 77
    assert capsys.readouterr().err == "skipped: the modules of kube cannot be had: cannot reach it\n"


def test_old_go_without_modules(house, capsys):
    go(house, version="go1.19.8")
    (house / "modules" / "go").mkdir()
    (house / "bin" / "go").write_text("#!/bin/sh\n[ $1 = env ] && echo go1.19.8 && exit\necho cannot reach it; exit 1\n")
    assert build_cluster.main() == 77
    assert "too old, and a newer Go cannot be had: cannot reach it" in capsys.readouterr().err


def test_a_build_that_fails_is_no_skip_and_leaves_nothing(house):
    go(house, build="exit 3")
    assert build_cluster.main() == 3
    assert not list((house / "cache").glob("cluster-*"))


def test_no_such_module(monkeypatch):
    monkeypatch.setattr("sys.argv", ["build-cluster", "kubelet"])
    assert build_cluster.main() == 2


@pytest.mark.parametrize("module", sorted(build_cluster.PACKAGES))
def test_modules_are_pinned(module):
    folder = build_cluster.source_of(module)
    assert (folder / "go.sum").stat().st_size > 0
    text = (folder / "go.mod").read_text()
    assert re.search(r"^go \d+\.\d+(\.\d+)?$", text, re.MULTILINE)
    assert not re.search(r"=> \.|=> /|latest", text)
