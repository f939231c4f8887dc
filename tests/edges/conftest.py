"""Fixtures: servers that all tests of the edges share, and that must come out as they went in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edges.among_fakes import AmongFakes
from tests.edges.calm import PATIENT, must_be_calm
from tests.processes.cluster import Cluster
from tests.processes.harness import started


@pytest.fixture(scope="package")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three servers for all tests here; ask for `three` instead."""
    with started(Cluster(tmp_path_factory.mktemp("edges"), options=PATIENT)) as made:
        yield made


@pytest.fixture
def three(long_lived: Cluster) -> Iterator[Cluster]:
    """Those three. Whatever a test sends them, they stay whole, and have nothing to complain of."""
    since = [len(server.log()) for server in long_lived]
    yield long_lived
    long_lived.wait_whole()
    for server, start in zip(long_lived, since, strict=True):
        must_be_calm(server, start)


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AmongFakes]:
    """A server among fake peers, for all tests of a file; ask for `among_fakes` instead."""
    with started(AmongFakes(tmp_path_factory.mktemp("lone"))) as made:
        yield made


@pytest.fixture
def among_fakes(lone: AmongFakes) -> Iterator[AmongFakes]:
    """That server, whole; and whole again once its peers are honest again."""
    since = len(lone.server.log())
    lone.script.asked.clear()
    yield lone
    lone.become_honest()
    must_be_calm(lone.server, since)
