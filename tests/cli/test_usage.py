# SPDX-License-Identifier: Apache-2.0
"""Command lines, right and wrong, and input that cannot be read."""
import os

import pytest

from manifests import cluster

COMMANDS = ["run", "plan", "check", "explain", "pin", "status", "drain", "version", "help"]
ROLES = ["controller", "speaker"]  # take MetalLB's flags, in Go's syntax


@pytest.mark.parametrize("command", COMMANDS)
def test_help_on_each(steellb, command):
    result = steellb(command, "--help")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("Usage: steellb ")
    assert steellb("help", command).out == result.out


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help(steellb, word):
    result = steellb(word)
    assert result.status == 0
    for command in COMMANDS + ROLES:
        assert "\n  %s " % command in result.out


@pytest.mark.parametrize("role", ROLES)
def test_help_on_a_role(steellb, role):
    """As Go's package flag prints it."""
    for arguments in ([role, "--help"], [role, "-h"], ["help", role]):
        result = steellb(*arguments)
        assert (result.status, result.out) == (0, "")
        assert result.err.startswith("Usage of ") and "\n  -lb-class string\n" in result.err


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version(steellb, word):
    result = steellb(word)
    assert result.status == 0
    assert result.out.splitlines() == ["steellb 0.1.0", "matches MetalLB 0.16.2"]


@pytest.mark.parametrize(
    "args, text",
    [
        ((), "Usage: steellb COMMAND"),
        (("plna",), "did you mean 'plan'?"),
        (("nothing-like-it",), "no command 'nothing-like-it'"),
        (("help", "plna"), "did you mean 'plan'?"),
        (("plan",), "nothing to read"),
        (("plan", "-f"), "an argument is missing after '-f'"),
        (("plan", "x"), "unexpected argument 'x'"),
        (("plan", "-f", "x", "-o", "json", "y"), "unexpected argument 'y'"),
        (("plan", "-f", "x", "-o", "yaml"), "'text' or 'json', not 'yaml'"),
        (("plan", "-f", "x", "--nonsense"), "no such option '--nonsense'"),
        (("plan", "-f", "x", "-z"), "no such option '-z'"),
        (("plan", "-f", "x", "--namespace"), "an argument is missing after '--namespace'"),
        (("plan", "-f", "-", "-"), "only once"),
        (("plan", "-f", "-", "--against", "-"), "only once"),
        (("check", "-f", "x", "--against", "y"), "no such option '--against'"),
        (("check",), "nothing to read"),
        (("explain", "-f", "x"), "which Service?"),
        (("explain", "a", "b", "-f", "x"), "unexpected argument 'b'"),
        (("explain", "a"), "nothing to read"),
        (("version", "x"), "unexpected argument 'x'"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_bad_usage(steellb, args, text):
    result = steellb(*args)
    assert (result.status, result.out) == (2, "")
    assert text in result.err
    if args:
        assert "Try 'steellb" in result.err


@pytest.mark.parametrize("command", ["plan", "check", "explain"])
class TestUnreadable:
    def run(self, steellb, command, path, **more):
        result = steellb(command, *(["web"] if command == "explain" else []), "-f", path, **more)
        assert (result.status, result.out) == (2, "")
        assert result.err.startswith("steellb %s: " % command)
        return result.err

    def test_absent(self, steellb, command, tmp_path):
        assert "absent.yaml" in self.run(steellb, command, tmp_path / "absent.yaml")

    def test_not_yaml(self, steellb, command, tmp_path):
        path = tmp_path / "bad.yaml"
        path.write_text("kind: [\n")
        assert "bad.yaml:" in self.run(steellb, command, path)

    def test_not_an_object(self, steellb, command, tmp_path):
        path = tmp_path / "bad.yaml"
        path.write_text("apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\n- just\n- a list\n")
        assert "bad.yaml:" in self.run(steellb, command, path)

    def test_standard_input(self, steellb, command):
        self.run(steellb, command, "-", stdin=b"kind: [\n")


@pytest.mark.parametrize(
    "args",
    [("plan", "-f", "in.yaml"), ("pin", "-f", "."), ("version",), ("help",)] + [(c, "--help") for c in COMMANDS],
    ids=" ".join,
)
def test_output_that_cannot_be_written(binary, write, args):
    import subprocess

    folder = write("in.yaml", *cluster()).parent
    with open("/dev/full", "wb") as full:
        process = subprocess.run([binary, *args], stdout=full, stderr=subprocess.PIPE, timeout=30, cwd=folder)
    assert process.returncode == 2
    assert process.stderr.count(b"cannot write") == 1


def test_the_reader_may_go_away(binary, write):
    import subprocess

    path = write("in.yaml", *cluster())
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = subprocess.run([binary, "plan", "-f", path], stdout=write_end, stderr=subprocess.PIPE, timeout=30)
    os.close(write_end)
    assert process.returncode != 0


@pytest.mark.parametrize("words, says", [
    ([], "which node?"),
    (["n1", "n2"], "one node at a time"),
    (["N1"], "that is no name of a node"),
    (["n1", "--undo", "--force"], "--undo and --force exclude each other"),
])
def test_drain_is_used_wrongly(steellb, words, says):
    result = steellb("drain", *words)
    assert result.status == 2 and says in result.err


def test_drain_without_a_cluster(steellb, tmp_path):
    result = steellb("drain", "n1", "--kubeconfig", str(tmp_path / "none"))
    assert result.status == 2 and "none" in result.err


@pytest.mark.parametrize("words, says", [(["peers"], "the parts are bgp and routes"), (["bgp", "routes"], "one part at a time")])
def test_status_of_a_part_that_is_none(steellb, words, says):
    result = steellb("status", *words)
    assert result.status == 2 and says in result.err
