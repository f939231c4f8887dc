"""The engines under the tests of this folder."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.engines.setting import ALL, Setting, engine_in, stop_all


@pytest.fixture(scope="package", autouse=True)
def _servers() -> Iterator[None]:
    yield
    stop_all()


@pytest.fixture(params=ALL)
async def setting(request: pytest.FixtureRequest) -> AsyncIterator[Setting]:
    """An engine of each kind, with nothing in it."""
    engine = engine_in(request.param, f"t{uuid.uuid4().hex[:12]}")
    made = Setting(request.param, engine)
    await engine.open()
    try:
        await engine.probe(asyncio.get_running_loop().time() + 15)
        yield made
    finally:
        await engine.close()
