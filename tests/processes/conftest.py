"""Fixtures: clusters of real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.cluster import Cluster
from tests.processes.harness import started


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three servers, started and whole."""
    with started(Cluster(tmp_path)) as made:
        yield made


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[Cluster]:
    """Three servers that nobody has started yet."""
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.clean_up()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Five servers with three replicas of each key, for all tests of a file; ask for `five`."""
    settings = ["tombstone_interval_s=0.2", "tombstone_wait_s=2", "message_age_limit_s=1"]
    quick = [word for setting in settings for word in ("--set", setting)]
    with started(Cluster(tmp_path_factory.mktemp("five"), 5, quick, linked=True)) as made:
        yield made


@pytest.fixture
def five(lasting: Cluster) -> Iterator[Cluster]:
    """Those five, whole. A test may do any harm to them, and keeps to keys of its own."""
    lasting.mend()
    yield lasting
    lasting.mend()
