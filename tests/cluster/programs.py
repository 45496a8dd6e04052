# SPDX-License-Identifier: Apache-2.0
"""The programs of the cluster: where they are, and each of them as a process with a log.

A process ends with the test run, whatever ends that: it is killed by the kernel when the thread that started it is gone, so
start it from the main thread. Only processes that were started here are ever signalled.
"""
import atexit
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "net"))

from netns import ENV, until  # noqa: E402

PATIENCE = 60  # seconds; a machine with two cores runs other suites beside this one
LOG_LINES = 40  # of a process that failed
SHARED_MEMORY, ROOM = "/dev/shm", 1 << 30
CANNOT = 77  # exit status of tools/build-cluster

_folders = {}


class Cannot(Exception):
    """What is missing on this machine."""


def folder_of(module):
    """Where the programs of a module of tests/cluster are. Builds them on the first run, which takes minutes."""
    if module not in _folders:
        run = subprocess.run([ROOT / "tools" / "build-cluster", module], text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        if run.returncode == CANNOT:
            raise Cannot(run.stderr.strip().split("\n")[-1].removeprefix("skipped: "))
        assert run.returncode == 0, run.stderr
        _folders[module] = pathlib.Path(run.stdout.strip())
    return _folders[module]


class Program:
    """One process. `net` and `ns` put it into a namespace."""

    _running = set()

    def __init__(self, name, argv, log_path, net=None, ns=None, env=()):
        self.name, self.argv, self.log_path = name, [str(a) for a in argv], log_path
        self.net, self.ns, self.env = net, ns, dict(ENV, **dict(env))
        self.process = None

    def start(self):
        assert not self.running(), f"{self.name} runs already"
        argv = ["setpriv", "--pdeathsig", "KILL", "--", *self.argv]
        if self.net:
            argv = self.net.command(self.ns, *argv)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        Program._running.add(self)
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def pid(self):
        return self.process.pid

    # --- signals ---

    def signal(self, number):
        self.process.send_signal(number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """At once, and it is gone on return."""
        if self.running():
            self.process.kill()
        self._reap()

    def stop(self, patience=10):
        """Asks it to end; kills it when it does not. A paused one hears of it too. Returns the exit status."""
        if self.running():
            self.process.terminate()
            self.resume()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self._reap()

    def _reap(self):
        status = self.process.wait() if self.process else None
        Program._running.discard(self)
        return status

    # --- the log ---

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def tail(self, lines=LOG_LINES):
        return f"--- {self.name} ({self.state()}), last lines of its log\n" + "\n".join(self.log().split("\n")[-lines:])

    def state(self):
        if self.process is None:
            return "not started"
        return "running" if self.running() else "exit status %s" % self.process.returncode

    def until(self, check, what, timeout=PATIENCE):
        """As until() of netns, but fails at once when the process ends, and always with its log."""
        def checked():
            assert self.running(), f"{self.name} ended: {what}"
            return check()
        try:
            return until(checked, timeout, what)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.tail()}") from None

    def until_log(self, *words, timeout=PATIENCE):
        """The first line that has all the words."""
        def found():
            return next((x for x in self.log().splitlines() if all(w in x for w in words)), None)
        return self.until(found, f"a log line with {words}", timeout)


def _kill_all():
    for program in list(Program._running):
        program.kill()


atexit.register(_kill_all)


def tmpfs():
    """A folder in memory, or None for the usual one. Containers often have one that is too small: etcd sets 64 MB aside at
    once."""
    if not os.access(SHARED_MEMORY, os.W_OK):
        return None
    room = os.statvfs(SHARED_MEMORY)
    return SHARED_MEMORY if room.f_bavail * room.f_frsize >= ROOM else None


def remove_leftovers(prefix):
    """Folders of runs that were killed; the process is in the name."""
    for parent in (SHARED_MEMORY, tempfile.gettempdir()):
        for name in os.listdir(parent) if os.path.isdir(parent) else ():
            pid = name[len(prefix):].split("-")[0] if name.startswith(prefix) else ""
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                shutil.rmtree(os.path.join(parent, name), ignore_errors=True)
