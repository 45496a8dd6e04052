# SPDX-License-Identifier: Apache-2.0
"""Exit code 77, which meson counts as "skipped", when not a single test could run."""
import lan
import netns
import pytest


def pytest_sessionstart(session):
    reason = netns.missing()
    if reason:
        print(f"skipped: {reason}")
        pytest.exit(reason, returncode=77)


@pytest.fixture
def net():
    with netns.Net() as n:
        yield n


@pytest.fixture(scope="module")
def three_nodes():
    with netns.Net() as n:
        lan.build_lan(n)
        yield n


@pytest.fixture
def cluster(three_nodes):
    """A folder of its own on wires that the tests of a module share."""
    c = lan.Cluster(three_nodes)
    try:
        yield c
    finally:
        c.print_logs()
        c.close()
