# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of the commands that only read. STEELLB names the binary."""
import json
import os
import subprocess

import pytest


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(scope="session")
def binary():
    path = os.environ.get("STEELLB")
    assert path, "set STEELLB to the binary"
    return os.path.abspath(path)


@pytest.fixture
def steellb(binary):
    """steellb("plan", "-f", path): runs it and returns status, out, err, json."""

    def run(*args, stdin=b"", env=None):
        process = subprocess.run(
            [binary, *map(str, args)],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=30,
            env={**os.environ, **(env or {})},
        )
        assert process.returncode >= 0, "killed by signal %d: %s" % (-process.returncode, process.stderr.decode())
        return Result(process)

    return run


@pytest.fixture
def write(tmp_path):
    """write("name.yaml", object, ...): a file of documents; JSON is YAML too."""

    def run(name, *objects):
        path = tmp_path / name
        path.write_text("".join("---\n%s\n" % json.dumps(o) for o in objects))
        return path

    return run
