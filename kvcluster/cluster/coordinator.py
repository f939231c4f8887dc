"""The coordinator: one client operation from start to finish.

A write takes a version and joins a round (rounds.py), which takes two roads at once: into this
node's journal, and to every other replica. It is acknowledged when it is durable here and every
replica that is waited for has answered or failed. The answer says how many hold it; the caller
decides whether that is enough.

A replica that already holds something newer says so. Then the version was too old (our clock was
behind, or another client wrote at the same moment): the write takes a newer one and goes out
once more, because a write that is acknowledged must not already be invisible.

Reads come from memory. That they are not stale is not checked here: the gate holds them back
until this node has what others have acknowledged.

This is the seam where other kinds of operation will join (linearizable reads and compare-and-set
on the same replicas): callers know only these three methods.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.rounds import Rounds
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.waiting import within
from kvcluster.config import Settings
from kvcluster.errors import BadRequest, OutcomeUnknown
from kvcluster.model.entry import Entry, Version
from kvcluster.storage.codec import to_message
from kvcluster.storage.store import Store


@dataclass(frozen=True)
class Written:
    """An acknowledged write."""

    version: Version
    replicas: int
    """Nodes that should hold the key."""
    acknowledged: int
    """Nodes that hold this write, or a newer one, on disk now."""


class Coordinator:
    """Puts, gets and deletes for clients. Deadlines are times of the event loop's clock."""

    def __init__(
        self,
        store: Store,
        rounds: Rounds,
        gate: Gate,
        time: Timekeeper,
        *,
        replicas: int,
        settings: Settings,
    ) -> None:
        self._store = store
        self._rounds = rounds
        self._gate = gate
        self._time = time
        self._replicas = replicas
        self._settings = settings

    async def put(self, key: str, value: str, deadline_s: float) -> Written:
        """Store a value. Raises BadRequest, NotReady, DiskIsFull, OutcomeUnknown."""
        self._check_key(key)
        _check_size("value", value, 0, self._settings.value_limit_bytes)
        await self._gate.until_writable(deadline_s)
        return await self._write(key, value, deadline_s)

    async def delete(self, key: str, deadline_s: float) -> tuple[bool, Written]:
        """Remove a key; also say whether it was there. Raises as `put` does."""
        self._check_key(key)
        await self._gate.until_writable(deadline_s)
        held = self._store.get(key)
        written = await self._write(key, None, deadline_s)
        return held is not None and held[0] is not None, written

    async def get(self, key: str, deadline_s: float) -> Entry | None:
        """The entry of a key: a value, a tombstone, or None. Raises BadRequest, NotReady."""
        self._check_key(key)
        await self._gate.until_readable(deadline_s)
        return self._store.get(key)

    async def _write(self, key: str, value: str | None, deadline_s: float) -> Written:
        self._store.refuse_if_full()
        written, superseded = await self._write_once(key, value, deadline_s)
        if superseded:
            written, _ = await self._write_once(key, value, deadline_s)
        return written

    async def _write_once(
        self, key: str, value: str | None, deadline_s: float
    ) -> tuple[Written, bool]:
        """One version of a write, everywhere; also whether it met something newer."""
        pauses = self._gate.pauses
        version = self._time.tick()
        joined, place = self._rounds.join(to_message(key, (value, version)))
        outcome = await within(joined.done, deadline_s, "storing the write")
        if self._gate.pauses != pauses:
            raise OutcomeUnknown("this node was stopped while it wrote; the write may survive")
        written = Written(version, self._replicas, outcome.acknowledged)
        return written, place in outcome.superseded

    def _check_key(self, key: str) -> None:
        _check_size("key", key, 1, self._settings.key_limit_bytes)


def _check_size(what: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most // 4:  # a character takes 1 to 4 bytes
        size_bytes = len(text.encode())
        if not least <= size_bytes <= most:
            raise BadRequest(
                f"the {what} {_shorten(text)} is {size_bytes:,} bytes long,"
                f" allowed are {least} to {most:,}"
            )


def _shorten(text: str) -> str:
    return repr(text) if len(text) <= 40 else repr(text[:40]) + "…"
