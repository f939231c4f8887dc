"""The engine: Redis or Valkey, in cluster mode, behind the contract.

What it can promise is less than the others: replication of Redis is asynchronous, and a failover
takes whichever replica has most. With `copies` of 2 a write is done only when a replica has it, too
(redis_writes.py). Reads come from primaries alone, and may see what a failover undoes later, or be
old on a primary that was cut off and has not noticed; so they are not linearizable.

A single Redis that is no cluster is served, too, as one shard; with copies=1, if it has no replica.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kvcluster.engines.address import EngineAddress
from kvcluster.engines.contract import (
    EnginePage,
    EngineState,
    ReadOutcome,
    Traits,
    WriteOutcome,
)
from kvcluster.engines.redis.redis_door import RedisDoor
from kvcluster.engines.redis.redis_failures import ENGINE, of_a_read
from kvcluster.engines.redis.redis_layout import (
    BUCKET_SLOTS,
    BUCKETS,
    RedisLayout,
    content_of,
    milliseconds,
)
from kvcluster.engines.redis.redis_map import RedisMap
from kvcluster.engines.redis.redis_pages import RedisPages, sound
from kvcluster.engines.redis.redis_router import RedisAnswer, RedisErrand, RedisRouter
from kvcluster.engines.redis.redis_scripts import SWEEP
from kvcluster.engines.redis.redis_setting import setting_of, spelled
from kvcluster.engines.redis.redis_view import RedisView
from kvcluster.engines.redis.redis_writes import cut
from kvcluster.errors import KvError, NotReady, OutcomeUnknown
from kvcluster.model.operation import Operation

_VALUE_LIMIT_BYTES = 64 << 20
"""Redis takes 512 MiB, and does nothing else in the meantime."""
_SWEPT = 200
"""So many keys of a bucket are swept at once."""


class RedisEngine:
    """Redis or Valkey Cluster."""

    def __init__(self, address: EngineAddress) -> None:
        """Raises BadSetting."""
        self._setting = setting_of(address)
        self._layout = RedisLayout(self._setting.prefix)
        self._map = RedisMap(self._setting, RedisDoor(self._setting))
        self._router = RedisRouter(self._map)
        self._pages = RedisPages(self._router, self._layout)

    @property
    def traits(self) -> Traits:
        """What it is."""
        return Traits(
            ENGINE,
            _VALUE_LIMIT_BYTES,
            False,
            "has no linearizable reads: a failover may undo what was read",
        )

    def where(self, key: str) -> str:
        """Where a key lives, for people."""
        slot, _ = self._layout.place(key.encode())
        shard = self._map.shard_of(slot)
        at = f", on the primary {spelled(shard.primary)}" if shard else ""
        return f"in slot {slot:,} of {ENGINE}{at}"

    async def open(self) -> None:
        """Nothing: connections come when they are needed."""

    async def close(self) -> None:
        """Close all connections."""
        await self._map.close()

    async def probe(self, deadline_s: float) -> EngineState:
        """Renew the map, and say what is wrong with it."""
        left_s = max(0.001, deadline_s - asyncio.get_running_loop().time())
        try:
            view = await asyncio.wait_for(self._map.renew(), left_s)
        except asyncio.TimeoutError:
            raise NotReady(f"{ENGINE}: no node answered in time") from None
        if not view.shards:
            raise NotReady(f"{ENGINE}: no node serves any slot yet")
        return EngineState(view.version, view.members, self._trouble(view))

    def _trouble(self, view: RedisView) -> str:
        if not view.is_whole:
            return "the cluster says that it is down"
        missing = sum(view.shard_of(slot) is None for slot in BUCKET_SLOTS)
        if missing:
            return f"nobody serves {missing} of {BUCKETS} buckets"
        copies = self._setting.copies
        for shard in view.shards:
            if 1 + len(shard.replicas) < copies:
                name = spelled(shard.primary)
                return f"{name} has {len(shard.replicas)} live replicas, of {copies - 1} needed"
        return ""

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """One script for each bucket, all at once."""
        copies = self._setting.copies
        pieces = cut(operations)
        errands = [piece.errand(self._layout) for piece in pieces]
        answers = await self._router.run(errands, deadline_s, copies=copies)
        outcomes: list[WriteOutcome] = [OutcomeUnknown()] * len(operations)
        for piece, answer in zip(pieces, answers, strict=True):
            for place, outcome in piece.outcomes(answer, copies):
                outcomes[place] = outcome
        return outcomes

    async def read(
        self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
    ) -> list[ReadOutcome]:
        """A GET each, and the time of the node that answered."""
        places = [self._layout.place(key.encode()) for key in keys]
        errands = [RedisErrand(slot, ("GET", name)) for slot, name in places]
        return [_read(it) for it in await self._router.run(errands, deadline_s, time=True)]

    async def page(
        self, prefix: str, after: str, limit: int, *, keys_only: bool, deadline_s: float
    ) -> EnginePage:
        """Merged from all buckets."""
        return await self._pages.page(
            prefix.encode(), after.encode(), limit, keys_only=keys_only, deadline_s=deadline_s
        )

    async def count(self, deadline_s: float) -> int:
        """How many keys the indexes have: some may have expired a moment ago."""
        errands = [
            RedisErrand(slot, ("ZCARD", index))
            for slot, index in zip(BUCKET_SLOTS, self._layout.indexes, strict=True)
        ]
        return sum(it.value for it in sound(await self._router.run(errands, deadline_s)))

    async def sweep(self, deadline_s: float) -> int:
        """Take keys out of the indexes whose values Redis has let go of."""
        layout = self._layout
        errands = [
            RedisErrand(
                BUCKET_SLOTS[it],
                (2, layout.indexes[it], layout.expiries[it], layout.values[it], _SWEPT),
                SWEEP,
            )
            for it in range(BUCKETS)
        ]
        return sum(it.value for it in sound(await self._router.run(errands, deadline_s, copies=1)))


def _read(answer: RedisAnswer) -> ReadOutcome:
    if isinstance(answer.value, KvError):
        return of_a_read(answer.value)
    try:
        return content_of(answer.value, milliseconds(answer.last))
    except NotReady as error:
        return error
