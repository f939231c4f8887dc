"""Gateways on each engine that is installed, for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.setting import REAL, stop_all
from tests.gateway.servers import Gateways, gateways_on


@pytest.fixture(scope="package", autouse=True)
def _servers() -> Iterator[None]:
    yield
    stop_all()


@pytest.fixture(scope="module", params=REAL)
def gateways(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateways]:
    """Two of them, whose keys no other file sees."""
    with gateways_on(request.param, tmp_path_factory.mktemp("gateways")) as made:
        yield made
