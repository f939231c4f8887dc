"""The acceptor: what a replica says of keys that somebody decides, and what it promises.

Both questions are answered only by a node whose word counts (cluster/peers/voting.py). A promise
counts from the moment in which it is asked for, and is told once it is durable; by then whatever
had been taken before is applied (storage/promises.py), so what is told of the key is all that this
node will ever have taken of it below the ballot.

To accept is to store (cluster/writing/replica.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import within
from kvcluster.cluster.peers.voting import Voting
from kvcluster.errors import KvError, NotReady
from kvcluster.model.entry import Version, version_of
from kvcluster.model.sightings import Sightings
from kvcluster.model.slots import slot_of
from kvcluster.storage.table import Table
from kvcluster.wire.limits import check_columns, check_count

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import PrepareRequest, PrepareResponse, Promise, ReadRequest, ReadResponse


@dataclass(frozen=True, slots=True)
class Said:
    """What a replica that votes says of one key."""

    held: EntryMessage
    """Without a version: nothing."""
    refused: bool = False
    """It did not promise, for something newer is held or promised."""


class Acceptor(OnGround):
    """Of one node. Deadlines are times of the event loop's clock."""

    def __init__(self, ground: Ground, voting: Voting, sightings: Sightings) -> None:
        super().__init__(ground)
        self._voting = voting
        self._sightings = sightings

    def read_at_once(self, request: ReadRequest) -> ReadResponse | None:
        """What `read` answers, without a task; None: it must say why it does not."""
        try:
            return self._read(request)
        except KvError:
            return None

    async def read(self, request: ReadRequest, deadline_s: float) -> ReadResponse:
        """Say what is held here. Raises PeerRefused, BadRequest."""
        return self._read(request)

    def _read(self, request: ReadRequest) -> ReadResponse:
        self._envelope.check(request)
        _check_keys(request.keys)
        said = self.held_of(request.keys)
        response = ReadResponse(votes=said is not None)
        response.entries.extend(self._fitting(said or (), request.known))
        response.clock = self._time.now()  # last: no entry above is newer
        return response

    async def prepare(self, request: PrepareRequest, deadline_s: float) -> PrepareResponse:
        """Promise, and say what is held. Raises PeerRefused, BadRequest, DiskIsFull,
        OutcomeUnknown.
        """
        self._envelope.check(request)
        _check_keys([it.key for it in request.promises])
        self._time.accept_ballots(request.promises, request.clock)
        said = await self.promise(list(request.promises), deadline_s)
        response = PrepareResponse(votes=said is not None)
        response.entries.extend(self._fitting(said or (), request.known))
        response.refused.extend(place for place, it in enumerate(said or ()) if it.refused)
        response.clock = self._time.now()
        return response

    def held_of(self, keys: Sequence[str]) -> list[Said] | None:
        """What this node holds of some keys; None: its word does not count now."""
        if self._voting.refusal or self._sightings.are_held(keys):
            return None
        self._sightings.note(keys, self._time.now())
        return [Said(self._held(key)) for key in keys]

    async def promise(self, wanted: Sequence[Promise], deadline_s: float) -> list[Said] | None:
        """Promise what can be promised; None: the word of this node does not count. Raises
        DiskIsFull, OutcomeUnknown.
        """
        if self._voting.refusal:
            return None
        await within(self.begin(wanted), deadline_s, "writing down the promise")
        return self.promised(wanted)

    def begin(self, wanted: Sequence[Promise]) -> asyncio.Future[Any]:
        """The same for who is called back: when this resolves, see `promised`. Raises NotReady,
        DiskIsFull.
        """
        if why := self._voting.refusal:
            raise NotReady(f"{self._membership.name} {why}")
        self._store.refuse_if_full()
        return self._store.promise([it for it in wanted if not self._is_overtaken(it)])

    def promised(self, wanted: Sequence[Promise]) -> list[Said]:
        """What is to be told of what was asked for, once all that could be promised is durable."""
        return [Said(self._held(it.key), self._is_overtaken(it)) for it in wanted]

    def _fitting(self, said: Sequence[Said], known: Sequence[bytes]) -> Iterator[EntryMessage]:
        """The entries in an answer: as many as have room, one at least."""
        room_bytes = self._settings.batch_bytes
        for place, it in enumerate(said):
            entry = it.held
            entry.ClearField("key")
            if place < len(known) and entry.version == known[place]:
                entry.ClearField("value")
            room_bytes -= entry.ByteSize()
            if room_bytes < 0 and place:
                return
            yield entry

    def _held(self, key: str) -> EntryMessage:
        return held_message(self._store.table, key)

    def _is_overtaken(self, wanted: Promise) -> bool:
        """Whether something is held or promised that is newer than a ballot, or this one was used
        already.
        """
        ballot, held = Version(wanted.ballot), self._store.get(wanted.key)
        promised = self._store.promises.ballot(wanted.key)
        return (held is not None and version_of(held) >= ballot) or (
            promised is not None and promised > ballot
        )


def held_message(table: Table, key: str) -> EntryMessage:
    """What is held of a key, as it travels, with its value even if it has just expired; without a
    version: nothing.
    """
    held = table.slot(slot_of(key)).get(key)
    return table.message(key, held) if held is not None else EntryMessage(key=key)


def _check_keys(keys: Sequence[str]) -> None:
    check_count(len(keys))
    check_columns(keys, [""] * len(keys))
