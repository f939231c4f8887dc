"""What the tests of recipes share: nodes that decide, and a key of their own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from kvcluster import Client
from tests.client.conftest import deciders, members, servers
from tests.client.deciding_node import DecidingCluster

__all__ = ["deciders", "members", "servers"]


@pytest.fixture
def key() -> str:
    """One that no other test has."""
    return f"key/{uuid.uuid4()}"


@pytest.fixture
def store(deciders: DecidingCluster) -> Iterator[Client]:
    """A client of three fakes that decide."""
    with Client(deciders.members) as client:
        yield client
