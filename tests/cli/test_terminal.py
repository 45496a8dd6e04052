# SPDX-License-Identifier: Apache-2.0
"""Colour and signs: on a terminal, and only where they are wanted."""
import os
import pty
import subprocess

import pytest

from manifests import cluster, l2, pool, web

CHECK = "\N{CHECK MARK}"


@pytest.fixture
def on_terminal(binary, write):
    path = write("in.yaml", *cluster("n1"), pool("home", "192.0.2.0/29"), l2(), *web())

    def run(command=("explain", "web"), **env):
        ours, theirs = pty.openpty()
        base = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "LC_ALL", "LANG", "LC_CTYPE")}
        process = subprocess.Popen(
            [binary, *command, "-f", path],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            env={**base, "TERM": "xterm", "LC_ALL": "C.UTF-8", **env},
        )
        os.close(theirs)
        out = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not piece:
                break
            out += piece
        os.close(ours)
        assert process.wait(30) == 0
        return out.decode()

    return run


def test_colour_and_signs(on_terminal):
    out = on_terminal()
    assert "\033[32m" in out and CHECK in out
    assert "ok  " not in out


def test_no_color(on_terminal):
    out = on_terminal(NO_COLOR="1")
    assert "\033" not in out and CHECK in out


def test_empty_no_color_means_nothing(on_terminal):
    assert "\033[32m" in on_terminal(NO_COLOR="")


def test_dumb(on_terminal):
    out = on_terminal(TERM="dumb")
    assert "\033" not in out and CHECK not in out
    assert out.startswith("ok        service")


def test_no_utf8(on_terminal):
    out = on_terminal(LC_ALL="C")
    assert "\033[32m" in out and CHECK not in out


@pytest.mark.parametrize("command", [("plan",), ("check",)])
def test_other_commands(on_terminal, command):
    assert "\033[" in on_terminal(command)
    assert "\033" not in on_terminal(command, NO_COLOR="1")


def test_json_is_never_coloured(on_terminal):
    assert "\033" not in on_terminal(("plan", "-o", "json"))
