# SPDX-License-Identifier: Apache-2.0
"""Exit code 77, which run-tests counts as "skipped", when the programs of the cluster cannot be had here."""
import itertools

import cluster
import programs
import pytest

import netns


def pytest_sessionstart(session):
    try:
        for module in ("kube", "metallb"):
            programs.folder_of(module)
    except programs.Cannot as reason:
        print(f"skipped: {reason}")
        pytest.exit(str(reason), returncode=77)


@pytest.fixture(scope="session")
def shared_plane():
    """On loopback, with our resources and rights."""
    with cluster.ControlPlane() as p:
        p.install()
        yield p


@pytest.fixture
def plane(shared_plane):
    """One for all tests that leave it running. They make objects in a namespace of their own."""
    yield shared_plane
    shared_plane.print_logs()


_serial = itertools.count(1)


@pytest.fixture
def namespace(plane):
    name = f"test-{next(_serial)}"
    plane.create_namespace(name)
    return name


@pytest.fixture
def net():
    reason = netns.missing()
    if reason:
        pytest.skip(reason)
    with netns.Net() as n:
        yield n
