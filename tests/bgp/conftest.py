# SPDX-License-Identifier: Apache-2.0
"""Exit code 77, which run-tests counts as "skipped", when namespaces cannot be had."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "net"))

import netns  # noqa: E402


def pytest_sessionstart(session):
    reason = netns.missing()
    if reason:
        print(f"skipped: {reason}")
        pytest.exit(reason, returncode=77)


@pytest.fixture
def net():
    with netns.Net() as n:
        yield n
