"""Pulls: answering a peer that catches up, a page at a time.

A pull begins with three steps whose order is the whole proof that nothing is missed:

1. the puller counts as ALIVE: every write from now on is sent to it;
2. its note's mark is read: a miss after this moment moves the mark, and the confirmation fails;
3. a barrier: every write accepted before step 1 is in the table before the first page is read.

So a write is either in the pages, or sent, or noted again. No state is kept between pages: the
cursor says where to go on. A page looks at a bounded number of entries, so that a pull of few
among a million never holds the node up; it may be empty and still not be the last.
"""

from __future__ import annotations

from collections.abc import Iterator

from kvcluster.cluster.peers import Peers
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.config import Settings
from kvcluster.errors import BadRequest, PeerRefused
from kvcluster.model.entry import Entry
from kvcluster.model.notes import Notes
from kvcluster.model.peer import Happening
from kvcluster.model.slots import SLOTS
from kvcluster.storage.codec import to_message
from kvcluster.storage.store import Store
from kvcluster.storage.table import Table

from demo_pb2 import (
    ConfirmPullRequest,
    ConfirmPullResponse,
    MissedWrites,
    PullRequest,
    PullResponse,
)

_PAGE_ENTRIES = 2_000
_PAGE_LOOKS = 10_000


class Pulls:
    """The side that is pulled from."""

    def __init__(
        self, store: Store, peers: Peers, notes: Notes, time: Timekeeper, settings: Settings
    ) -> None:
        self._store = store
        self._peers = peers
        self._notes = notes
        self._time = time
        self._settings = settings

    async def pull(self, request: PullRequest) -> PullResponse:
        """Answer one page. Raises PeerRefused, BadRequest."""
        self._check(request.sender, request.clock)
        response = PullResponse()
        if not request.HasField("cursor"):
            self._peers.happen(request.sender, Happening.PULLS)
            response.mark = self._notes.mark(request.sender)
            await self._store.barrier()
            response.held = len(self._store.table)
        elif request.cursor.slot >= SLOTS:
            raise BadRequest(f"slot {request.cursor.slot} is over the limit of {SLOTS - 1}")
        fill_page(response, self._store.table, request, self._settings.pull_page_bytes)
        response.clock = self._time.now()  # last: no entry above is newer
        return response

    async def confirm(self, request: ConfirmPullRequest) -> ConfirmPullResponse:
        """The puller holds durably what it was given: forget what it had missed."""
        self._check(request.sender, request.clock)
        had_note = self._notes.since(request.sender) is not None
        cleared = self._notes.confirm(request.sender, request.mark)
        if had_note and cleared:
            await self._store.write([], [MissedWrites(peer=request.sender)])
        return ConfirmPullResponse(clock=self._time.now(), cleared=cleared)

    def _check(self, sender: str, clock: int) -> None:
        if sender not in self._peers:
            raise PeerRefused(f"{sender!r} is no peer of this node")
        self._time.accept(sender, clock)


def fill_page(response: PullResponse, table: Table, request: PullRequest, page_bytes: int) -> None:
    """Put the entries after the request's cursor, of its version or newer, into a response."""
    room_bytes, looks = page_bytes, _PAGE_LOOKS
    done = (request.cursor.slot, request.cursor.after_key)
    for slot, key, entry in _entries_from(table, *done):
        if entry[1] >= request.since:
            message = to_message(key, entry)
            room_bytes -= message.ByteSize()
            if response.entries and room_bytes < 0:
                break
            response.entries.append(message)
        done = (slot, key)
        looks -= 1
        if not looks or len(response.entries) >= _PAGE_ENTRIES:
            break
    else:
        return  # the last page: no cursor
    response.next.slot, response.next.after_key = done


def _entries_from(
    table: Table, first_slot: int, after_key: str
) -> Iterator[tuple[int, str, Entry]]:
    """Every entry behind a slot and key, in order."""
    for slot in range(first_slot, SLOTS):
        entries = table.slot(slot)
        for key in sorted(entries):
            if slot > first_slot or key > after_key:
                yield slot, key, entries[key]
