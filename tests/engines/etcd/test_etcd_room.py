"""etcd without room: what is refused as certain is not there, and what made it full is not known.

The write that passes the quota is carried out and then refused in the words of those that are not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kvcluster.engines.address import parse_engine
from kvcluster.engines.contract import WriteDone, WriteOutcome
from kvcluster.engines.etcd.etcd_engine import EtcdEngine
from kvcluster.errors import DiskIsFull, NothingWritten, OutcomeUnknown
from kvcluster.model.decision import Content
from kvcluster.model.operation import Kind, Operation
from tests.engines.etcd.servers import Etcd, lacking
from tests.engines.setting import servers_of

_QUOTA_BYTES = 24 << 20
_LARGE = "x" * (900 << 10)


def _soon_s() -> float:
    return asyncio.get_running_loop().time() + 15


@pytest.fixture
async def small() -> AsyncIterator[EtcdEngine]:
    """On a member that has little room."""
    if lacking():
        servers_of("etcd")  # which skips
    made = Etcd(1, ["--quota-backend-bytes", str(_QUOTA_BYTES)])
    try:
        made.start_all()
        engine = EtcdEngine(parse_engine(f"etcd://{made.hosts}", {}))
        await engine.open()
        await engine.probe(_soon_s())
        yield engine
        await engine.close()
    finally:
        made.stop()


async def _put(engine: EtcdEngine, key: str) -> WriteOutcome:
    (outcome,) = await engine.write([Operation(Kind.PUT, key, _LARGE)], _soon_s())
    return outcome


async def test_nothing_that_was_refused_for_want_of_room_is_there(small: EtcdEngine) -> None:
    """Half of those under way when it became full were, with these words believed."""
    outcomes: dict[str, WriteOutcome] = {}
    for first in range(0, 64, 16):
        keys = [f"k{number}" for number in range(first, first + 16)]
        came = await asyncio.gather(*[_put(small, key) for key in keys])
        outcomes.update(zip(keys, came, strict=True))
    there = await small.read(list(outcomes), _soon_s(), linearizable=True)
    for (key, outcome), content in zip(outcomes.items(), there, strict=True):
        assert isinstance(content, Content)
        if isinstance(outcome, NothingWritten):
            assert content.value is None, f"{key} is there, and was refused: {outcome}"
        if isinstance(outcome, WriteDone):
            assert content.value == _LARGE
    assert any(isinstance(it, OutcomeUnknown) for it in outcomes.values()), "it never became full"

    assert "NOSPACE" in (await small.probe(_soon_s())).trouble
    assert isinstance(await _put(small, "more"), DiskIsFull)
    (deleted,) = await small.write([Operation(Kind.DELETE, "k0")], _soon_s())
    assert isinstance(deleted, WriteDone), "deletes make room, and are taken"
    assert deleted.found
