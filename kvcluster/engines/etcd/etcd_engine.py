"""etcd under a gateway: the engine that keeps every promise, for as much data as etcd is made for.

Each read is linearizable, and each write is on disk at a majority before it is acknowledged: etcd
answers nothing else. It asks for little but some care, which stands in the files beside: to whom a
write goes (etcd_members.py), what an error means (etcd_failures.py), how many operations a
transaction has (etcd_writes.py), and how large a page is, here.

**A page is bounded in bytes by ourselves.** etcd counts keys alone, and a page of values of a MiB
would pass every limit of gRPC. So a page begins with as many keys as fit by the size of those that
were read last, and if it is too large all the same, with an eighth of them. Not with few: etcd
counts all keys that lie behind a page, each time, and at a million that takes longer than the page.

The clock by which keys expire is the gateway's, since etcd has none to ask: gateways' clocks must
be right to a second or so, as those of nodes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from kvcluster.engines.address import EngineAddress
from kvcluster.engines.contract import (
    EnginePage,
    EngineState,
    ReadOutcome,
    Traits,
    WriteOutcome,
)
from kvcluster.engines.etcd import etcd_rpc_pb2 as rpc
from kvcluster.engines.etcd.etcd_members import EtcdMembers
from kvcluster.engines.etcd.etcd_values import content_of
from kvcluster.engines.etcd.etcd_writes import EtcdWrites
from kvcluster.errors import AnswerFull, NotReady, TimedOut
from kvcluster.model.decision import Content
from kvcluster.model.merge import Pair
from kvcluster.model.operation import Operation

_PAGE_BYTES = 1 << 20
_PAIR_BYTES = 64 * 1024
"""Of those that were not seen yet: 16 to a page."""
_PIECE_KEYS = 32
_VALUE_BYTES = 1_400 * 1024
"""etcd takes requests of 1.5 MiB by default, key, expiry and all."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class EtcdEngine:
    """See Engine."""

    traits = Traits("etcd", _VALUE_BYTES, linearizable=True)

    def __init__(self, address: EngineAddress, now_ms: Callable[[], int] = _wall_ms) -> None:
        """Raises CannotStart."""
        self._prefix = address.options["prefix"].encode()
        self._now_ms = now_ms
        self._members = EtcdMembers(address)
        self._pair_bytes = _PAIR_BYTES
        self._writes = EtcdWrites(self._members, self._prefix, now_ms)

    def where(self, key: str) -> str:
        """Where a key lives, for people."""
        return "in etcd, on every member"

    async def open(self) -> None:
        """Make the channels."""
        self._members.open()

    async def close(self) -> None:
        """Close them."""
        await self._members.close()

    async def probe(self, deadline_s: float) -> EngineState:
        """Ask every member how it is, and read something by a majority."""
        if self._members.needs_token:
            await self._members.authenticate(deadline_s)
        await self._members.look(deadline_s)
        state = self._members.state()
        request = rpc.RangeRequest(key=self._prefix, keys_only=True, limit=1)
        try:
            await self._members.ask_any(request, deadline_s)
            await self._members.count_voters(deadline_s)
        except (NotReady, TimedOut) as error:
            if not state.trouble:
                raise
            raise NotReady(f"etcd answers nothing now: {state.trouble}") from error
        return state

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """See Engine."""
        return await self._writes.write(operations, deadline_s)

    async def read(
        self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
    ) -> list[ReadOutcome]:
        """Every read is linearizable: one that is not may be older than what was acknowledged."""
        pieces = [keys[at : at + _PIECE_KEYS] for at in range(0, len(keys), _PIECE_KEYS)]
        found = await asyncio.gather(*[self._read(piece, deadline_s) for piece in pieces])
        return [content for piece in found for content in piece]

    async def _read(self, keys: Sequence[str], deadline_s: float) -> list[ReadOutcome]:
        ranges = [rpc.RangeRequest(key=self._prefix + key.encode()) for key in keys]
        answers: list[Any]
        if len(ranges) == 1:
            answers = [await self._members.ask_any(ranges[0], deadline_s)]
        else:
            steps = [rpc.RequestOp(request_range=it) for it in ranges]
            answer = await self._members.ask_any(rpc.TxnRequest(success=steps), deadline_s)
            answers = [it.response_range for it in answer.responses]
        now_ms = self._now_ms()
        return [content_of(it.kvs[0] if it.kvs else None, now_ms) for it in answers]

    async def page(
        self, prefix: str, after: str, limit: int, *, keys_only: bool, deadline_s: float
    ) -> EnginePage:
        """Piece by piece, until it is full."""
        begin = self._prefix + prefix.encode()
        end = _behind(begin)
        start = max(begin, self._prefix + after.encode() + b"\0") if after else begin
        pairs: list[Pair] = []
        size = 0
        while start < end and size < _PAGE_BYTES and len(pairs) < limit:
            count = max(1, min(limit - len(pairs), (_PAGE_BYTES - size) // self._pair_bytes))
            answer = await self._piece(start, end, count, keys_only, deadline_s)
            found = _fitting(answer.kvs, _PAGE_BYTES - size)
            pairs += await self._live(found, keys_only, deadline_s)
            if len(found) == len(answer.kvs) and not answer.more:
                return EnginePage(pairs, None)
            start = found[-1].key + b"\0"
            size += sum(map(_size_bytes_of, found))
        if start >= end:
            return EnginePage(pairs, None)
        reached = start[len(self._prefix) : -1].decode(errors="replace")
        return EnginePage(pairs, reached)

    async def _piece(
        self, start: bytes, end: bytes, count: int, keys_only: bool, deadline_s: float
    ) -> rpc.RangeResponse:
        """Up to so many pairs, and what that says of how large they are."""
        while True:
            request = rpc.RangeRequest(key=start, range_end=end, limit=count, keys_only=keys_only)
            try:
                answer: rpc.RangeResponse = await self._members.ask_any(request, deadline_s)
                break
            except AnswerFull:
                if count == 1:
                    raise
                count = max(1, count // 8)
        if answer.kvs and not keys_only:
            self._pair_bytes = max(1, answer.ByteSize() // len(answer.kvs))
        return answer

    async def _live(
        self, found: Sequence[rpc.KeyValue], keys_only: bool, deadline_s: float
    ) -> list[Pair]:
        """Those that have not expired. Of keys alone, those with a lease are looked at: when they
        expire stands in their values.
        """
        keys = [it.key.removeprefix(self._prefix).decode(errors="replace") for it in found]
        if keys_only:
            leased = [key for key, it in zip(keys, found, strict=True) if it.lease]
            there = await self.read(leased, deadline_s, linearizable=True)
            known = dict(zip(leased, there, strict=True))
            contents = [known.get(key, Content("")) for key in keys]
        else:
            now_ms = self._now_ms()
            contents = [content_of(it, now_ms) for it in found]
        return [
            (key, "" if keys_only else it.value, it.expires_ms)
            for key, it in zip(keys, contents, strict=True)
            if isinstance(it, Content) and it.value is not None
        ]

    async def count(self, deadline_s: float) -> int:
        """etcd counts without reading the values; what expired a moment ago is counted, too."""
        end = _behind(self._prefix)
        request = rpc.RangeRequest(key=self._prefix, range_end=end, count_only=True)
        answer = await self._members.ask_any(request, deadline_s)
        count: int = answer.count
        return count

    async def sweep(self, deadline_s: float) -> int:
        """etcd removes what has a lease by itself."""
        return 0


def _fitting(found: Sequence[rpc.KeyValue], room: int) -> Sequence[rpc.KeyValue]:
    """As many as fill the room; at least one, if there is one. The rest is asked for again: those
    before were smaller, so that too many were asked for.
    """
    for at, pair in enumerate(found):
        room -= _size_bytes_of(pair)
        if room <= 0:
            return found[: at + 1]
    return found


def _size_bytes_of(pair: rpc.KeyValue) -> int:
    return len(pair.key) + len(pair.value)


def _behind(prefix: bytes) -> bytes:
    """The first key behind all that begin with a prefix; for none, one behind every UTF-8 text."""
    bare = prefix.rstrip(b"\xff")
    return bare[:-1] + bytes([bare[-1] + 1]) if bare else b"\xff"
