# SPDX-License-Identifier: Apache-2.0
import importlib.machinery
import importlib.util
import subprocess
import sys
import time

import pytest

from tree import ROOT

loader = importlib.machinery.SourceFileLoader("run_tests", str(ROOT / "tools" / "run-tests"))
run_tests = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
sys.modules["run_tests"] = run_tests
loader.exec_module(run_tests)

MESON = """1/3 unit - steellb:ip   OK    0.10s   19 subtests passed
2/3 unit - steellb:raw  SKIP  0.02s
3/3 unit - steellb:map  FAIL  0.33s   exit status 1

Ok:                 %d
Expected Fail:      0
Fail:               %d
Unexpected Pass:    0
Skipped:            %d
Timeout:            %d
"""


@pytest.mark.parametrize("counts, want", [
    ((12, 0, 0, 0), (12, 0, 0)),
    ((10, 1, 3, 2), (10, 3, 3)),
])
def test_read_meson(counts, want):
    got = run_tests.read_meson(MESON % counts, 0)
    assert (got.passed, got.failed, got.skipped) == want
    assert got.reasons == ["2/3 unit - steellb:raw  SKIP  0.02s"]


@pytest.mark.parametrize("line, want", [
    ("12 passed in 0.53s", (12, 0, 0)),
    ("1 failed, 11 passed in 61.53s (0:01:01)", (11, 1, 0)),
    ("1 failed, 9 passed, 2 skipped, 1 xfailed, 1 warning, 1 error in 1.00s", (9, 2, 3)),
    ("2 errors in 0.10s", (0, 2, 0)),
    ("3 skipped in 0.02s", (0, 0, 3)),
    ("no tests ran in 0.00s", (0, 0, 0)),
    ("", (0, 0, 0)),
])
def test_read_pytest(line, want):
    got = run_tests.read_pytest("..s..\nSKIPPED [1] tests/net/test_a.py:3: needs root\n" + line + "\n", 0)
    assert (got.passed, got.failed, got.skipped) == want
    assert got.reasons == ["SKIPPED [1] tests/net/test_a.py:3: needs root"]


def test_read_pytest_that_cannot_run():
    got = run_tests.read_pytest("skipped: no right to make namespaces\n", 77)
    assert (got.passed, got.failed, got.skipped) == (0, 0, 1)
    assert got.reasons == ["skipped: no right to make namespaces"]
    suite = run_tests.Suite("net", [], run_tests.read_pytest)
    assert run_tests.judge(suite, "skipped: no\n", 77)[0].failed == 0


@pytest.mark.parametrize("output, want", [
    ("FAIL 0001: no\n544 passed, 1 failed\n", (544, 1)),
    ("Traceback\n", (0, 0)),
])
def test_read_counts(output, want):
    got = run_tests.read_counts(output, 0)
    assert (got.passed, got.failed) == want


@pytest.mark.parametrize("output, status, failed, word", [
    ("3 passed, 0 failed", 0, 0, ""),
    ("3 passed, 2 failed", 1, 2, ""),
    ("3 passed, 0 failed", 1, 1, "exit status 1"),
    ("3 passed, 0 failed", -11, 1, "exit status -11"),
    ("", 2, 1, "exit status 2"),
    ("", 0, 1, "ran nothing"),
    ("3 passed, 0 failed", None, 1, "no answer in 300 s"),
])
def test_judge(output, status, failed, word):
    suite = run_tests.Suite("x", [], run_tests.read_counts)
    result, got = run_tests.judge(suite, output, status)
    assert (result.failed, got) == (failed, word)


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr(run_tests, "LOGS", tmp_path)
    return tmp_path


def suite(name, script, needs="", is_build=False, timeout=30):
    read = run_tests.read_status if is_build else run_tests.read_counts
    return run_tests.Suite(name, ["sh", "-c", script], read, timeout, {}, needs, is_build)


def test_all_suites_are_counted(logs, capsys):
    total = run_tests.run_all([suite("a", "echo 3 passed, 0 failed"), suite("b", "echo 1 passed, 2 failed; exit 1"),
                               suite("c", "exit 3")])
    assert (total.passed, total.failed) == (4, 3)
    out = capsys.readouterr().out
    assert "exit status 3" in out and "| 1 passed, 2 failed" in out
    assert (logs / "a.log").read_text() == "3 passed, 0 failed\n"


def test_nothing_runs_on_a_broken_build(logs, monkeypatch):
    monkeypatch.delenv("NO_BUILD", raising=False)
    total = run_tests.run_all([suite("build-x", "exit 1", "build-x", True), suite("unit-x", "echo 9 passed, 0 failed", "build-x"),
                               suite("unit", "echo 1 passed, 0 failed", "build")])
    assert (total.passed, total.failed) == (1, 2)


def test_builds_are_not_counted_and_can_be_left_out(logs, monkeypatch):
    monkeypatch.setenv("NO_BUILD", "1")
    total = run_tests.run_all([suite("build-x", "exit 1", "build-x", True), suite("unit-x", "echo 9 passed, 0 failed", "build-x")])
    assert (total.passed, total.failed) == (9, 0)


def test_two_at_a_time(logs, tmp_path):
    """Each waits for what the other one writes."""
    a, b = tmp_path / "a", tmp_path / "b"
    wait = "touch %s; while [ ! -e %s ]; do sleep 0.01; done; echo 1 passed, 0 failed"
    total = run_tests.run_all([suite("one", wait % (a, b)), suite("two", wait % (b, a))], 2)
    assert (total.passed, total.failed) == (2, 0)


@pytest.mark.parametrize("waiting, running, want", [
    ("build-a unit-a", "", "build-a"),
    ("unit-a", "build-a", None),
    ("unit-a net", "build-a", "net"),
    ("build-b net", "build-a", "net"),
    ("build-b", "build-a", None),
    ("build-a build-b net", "unit-c", "build-a"),
    ("build-a build-b net", "build-c", "net"),
])
def test_what_may_begin(waiting, running, want):
    def named(name):
        build = name.startswith("build-")
        return suite(name, "", name.replace("unit-", "build-") if "-" in name else "build", build)
    got = run_tests.take_next([named(n) for n in waiting.split()], [named(n) for n in running.split()])
    assert (got.name if got else None) == want


def is_dead(pid):
    try:
        return open("/proc/%d/stat" % pid).read().split()[2] == "Z"  # nobody has asked yet
    except FileNotFoundError:
        return True


def test_a_hanging_suite_ends_with_all_it_started(logs):
    total = run_tests.run_all([suite("a", "sleep 60 & echo $! > %s/pid; wait" % logs, timeout=1)])
    assert (total.passed, total.failed) == (0, 1)
    pid = int((logs / "pid").read_text())
    deadline = time.monotonic() + 30
    while not is_dead(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("which", ["check", "test"])
def test_every_suite_has_a_name_of_its_own(which):
    names = subprocess.run([ROOT / "tools" / "run-tests", which, "--list"], capture_output=True, text=True,
                           check=True).stdout.split()
    assert len(names) == len(set(names)) >= 10
