"""Merging: taking in pages of a peer's entries, and counting what they brought.

What is here and newer stays, what the peer lacks stays. Nothing is ever deleted because somebody
else does not have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kvcluster.cluster.peers.timekeeper import Timekeeper
from kvcluster.config import KIB
from kvcluster.errors import PeerRefused
from kvcluster.model.slots import slot_of
from kvcluster.storage.codec import to_entry
from kvcluster.storage.store import Store

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


class Merger:
    """Stores what peers send."""

    def __init__(self, store: Store, time: Timekeeper) -> None:
        self._store = store
        self._time = time

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
            await self._store.write(newer)


def advance(cursor: Cursor, to: Cursor) -> None:
    """Move a cursor on. Raises PeerRefused if a peer's answer would lead it in circles, or away."""
    if (to.slot, to.after_key) <= (cursor.slot, cursor.after_key):
        raise PeerRefused("its pages go in circles")
    if slot_of(to.after_key) != to.slot:
        raise PeerRefused("its pages lead nowhere")
    cursor.CopyFrom(to)
