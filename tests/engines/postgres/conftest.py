"""The server of the suite, for the tests of this folder."""

from __future__ import annotations

import pytest

from tests.engines.postgres.servers import PostgresServers
from tests.engines.setting import servers_of


@pytest.fixture
def servers() -> PostgresServers:
    """The one that the suite uses; skips where PostgreSQL is not installed."""
    running = servers_of("postgresql")
    assert isinstance(running, PostgresServers)
    return running


@pytest.fixture
def installed(servers: PostgresServers) -> None:
    """For tests with servers of their own."""
