"""Where sizes matter: etcd without room, and answers with many large values.

The write that passes the quota is carried out and then refused in the words of those that are not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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


@asynccontextmanager
async def _engine(*options: str) -> AsyncIterator[EtcdEngine]:
    """On a member of its own."""
    if lacking():
        servers_of("etcd")  # which skips
    made = Etcd(1, options)
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


async def test_nothing_that_was_refused_for_want_of_room_is_there() -> None:
    """Half of those under way when it became full were, with these words believed."""
    async with _engine("--quota-backend-bytes", str(_QUOTA_BYTES)) as engine:
        await _fill(engine)
        assert "NOSPACE" in (await engine.probe(_soon_s())).trouble
        assert isinstance(await _put(engine, "more"), DiskIsFull)
        (deleted,) = await engine.write([Operation(Kind.DELETE, "k0")], _soon_s())
        assert isinstance(deleted, WriteDone), "deletes make room, and are taken"
        assert deleted.found


async def _fill(small: EtcdEngine) -> None:
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


async def test_many_large_values_are_deleted_and_paged_in_answers_that_are_taken() -> None:
    """etcd tells what was deleted: in one answer of all that was more than is taken in, and so
    nobody knew whether it was done. And a page of values larger than those before was of 20 MiB.
    """
    async with _engine() as engine:
        await engine.write(
            [Operation(Kind.PUT, f"a{number}", "v") for number in range(99)], _soon_s()
        )
        keys = [f"k{number}" for number in range(80)]
        for first in range(0, 80, 10):
            await asyncio.gather(*[_put(engine, key) for key in keys[first : first + 10]])
        await engine.page("a", "", 1_000, keys_only=False, deadline_s=_soon_s())
        page = await engine.page("k", "", 1_000, keys_only=False, deadline_s=_soon_s())
        assert 1 <= len(page.pairs) <= 2
        assert page.reached == page.pairs[-1][0]
        outcomes = await engine.write([Operation(Kind.DELETE, key) for key in keys], _soon_s())
        assert all(isinstance(it, WriteDone) and it.found for it in outcomes), outcomes
