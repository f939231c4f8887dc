"""Merging: asking a peer for entries, taking them in, and counting what they brought.

What is here and newer stays, what the peer lacks stays. Nothing is ever deleted because somebody
else does not have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from kvcluster.cluster.peers.calls import Calls
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.config import KIB
from kvcluster.errors import PeerRefused
from kvcluster.model.slots import slot_of
from kvcluster.storage.table import to_entry

from demo_pb2 import Cursor
from demo_pb2 import Entry as EntryMessage


@dataclass
class Brought:
    """What was fetched from a peer."""

    entries: int = 0
    new: int = 0
    """Of these, how many were newer than what was here."""
    size_bytes: int = 0
    """As they came over the wire, requests and answers without gRPC's own framing."""
    total: Brought | None = field(default=None, repr=False)
    """Of which this is a part: what is counted here is counted there, too."""

    def add(self, *, entries: int = 0, new: int = 0, size_bytes: int = 0) -> None:
        """Count what came."""
        self.entries += entries
        self.new += new
        self.size_bytes += size_bytes
        if self.total:
            self.total.add(entries=entries, new=new, size_bytes=size_bytes)

    def __str__(self) -> str:
        size = f"{self.size_bytes / KIB:,.1f} KiB"
        noun = "entry" if self.entries == 1 else "entries"
        return f"{self.entries:,} {noun} ({size}), {self.new:,} new here"


class Merger(OnGround):
    """Fetches what peers hold, and stores it."""

    def __init__(self, ground: Ground, calls: Calls) -> None:
        super().__init__(ground)
        self._calls = calls

    async def fetch(self, name: str, request: Message, tally: Brought) -> Any:
        """What a peer answers. Raises PeerUnavailable."""
        answer = await self._calls.ask(name, request, self._settings.pull_timeout_s)
        tally.add(size_bytes=request.ByteSize() + answer.ByteSize())
        return answer

    async def merge(self, clock: int, entries: Sequence[EntryMessage], tally: Brought) -> None:
        """Store durably what is newer than what is here; the rest costs no disk.

        `clock`: of the answer that brought them. Raises BadRequest for what no node can have,
        DiskIsFull, OutcomeUnknown.
        """
        self._time.accept_entries(entries, clock)
        judge = self._store.table.judge
        newer = [entry for entry in entries if judge(entry.key, to_entry(entry)).stores]
        tally.add(entries=len(entries), new=len(newer))
        if newer:
            self._store.refuse_if_full()
            # What a node that lost its data has promised counts no more (cluster/peers/voting.py).
            await self._store.write(newer, whatever_was_promised=not self._store.votes)


def advance(cursor: Cursor, to: Cursor) -> None:
    """Move a cursor on. Raises PeerRefused if a peer's answer would lead it in circles, or away."""
    if (to.slot, to.after_key) <= (cursor.slot, cursor.after_key):
        raise PeerRefused("its pages go in circles")
    if slot_of(to.after_key) != to.slot:
        raise PeerRefused("its pages lead nowhere")
    cursor.CopyFrom(to)
