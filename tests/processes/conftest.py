"""Fixtures: clusters of real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.harness import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three servers, started and whole."""
    made = Cluster(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.clean_up()


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[Cluster]:
    """Three servers that nobody has started yet."""
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.clean_up()
