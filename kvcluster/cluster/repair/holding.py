"""Holding: having other replicas keep entries, and letting go of them.

Two kinds of entries pass through here. *Tombstones* go when every replica holds them; what each
needs is decided by model/tombstones.py, this file does it. *Strays* are entries of slots that this
node should not hold: the JSON was made by hand, or the node was started with another R. They are
handed to every replica of their slot, and dropped when all have them. Those of all the slots that
the same nodes keep go together: a slot has few, and a call for each would take long.

It is a trickle: a round takes a twentieth of the time at most; more only where strays are left. No
tombstone waits for who holds a stray, so these should be home before one goes that is newer, or
they bring back what was deleted. To wait for a peer that is silent for a while is no work, and does
not count, or one freeze would put the next round off for minutes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.errors import KvError
from kvcluster.model.entry import Version
from kvcluster.model.slots import slot_of
from kvcluster.model.tombstones import Tombstone, Tombstones, Work
from kvcluster.storage.table import to_message

from demo_pb2 import DropRequest, HoldRequest, HoldResponse
from demo_pb2 import Entry as EntryMessage

log = logging.getLogger("kvcluster")


class Holding(OnGround):
    """Takes tombstones and strays where they belong."""

    def __init__(self, ground: Ground, peering: Peering) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._calls = peering.calls
        self._tombstones = Tombstones(ground.membership.name, ground.settings.tombstone_wait_s)
        self.waiting: dict[str, int] = {}
        """For whose confirmation how many tombstones waited at the last look."""
        self.handed_home = 0
        """Strays that all their replicas have taken since the start."""
        self._waited_s = 0.0  # for peers that were silent for a while, in this round

    @property
    def strays(self) -> int:
        """Entries of slots that this node should not hold."""
        return sum(len(self._store.table.slot(slot)) for slot in self._foreign())

    def _foreign(self) -> Iterator[int]:
        """The slots that hold something and are not this node's."""
        return (slot for slot in self._store.table.filled() if slot not in self._membership.held)

    async def run(self) -> None:
        """Look after both for ever."""
        now_s = asyncio.get_running_loop().time
        busy_s = 0.0
        while True:
            await asyncio.sleep(self.rest_s(busy_s))
            started_s, self._waited_s = now_s(), 0.0
            try:
                await self._bury(now_s())
                await self._send_home()
            except KvError as error:  # a full disk, say: nothing is lost by waiting
                log.debug("HOLD  %s", error)
            busy_s = now_s() - started_s - self._waited_s

    def rest_s(self, busy_s: float) -> float:
        """How long to rest after a round that took so long."""
        rest_s = max(self._settings.tombstone_interval_s, busy_s * self._settings.hold_rest)
        return min(rest_s, self._settings.tombstone_wait_s / 4) if self.strays else rest_s

    async def _bury(self, now_s: float) -> None:
        """One round for the tombstones."""
        absent = frozenset(peer.name for peer in self._peers if not peer.alive)
        work = Work(room=self._settings.hold_entries_a_round, absent=absent)
        for peer in self._peers:
            if peer.incarnation is not None:
                self._tombstones.meet(peer.name, peer.incarnation)
        slots = [s for s in self._store.table.slots_with_tombstones() if s in self._membership.held]
        self._tombstones.keep_only(frozenset(slots))
        for slot in slots:
            buried = self._store.table.buried(slot)
            self._tombstones.look(slot, self._membership.replicas(slot), buried, now_s, work)
            await asyncio.sleep(0)
        self.waiting = dict(work.waiting)
        for name, tombstones in work.hold.items():
            for part in self._parts(_messages(tombstones)):
                kept = self._still_held(part)
                answer = await self._ask(name, HoldRequest(entries=kept)) if kept else None
                if answer is not None:
                    self._note_held(name, kept, answer, now_s)
        for name, tombstones in work.drop.items():
            for part in self._parts(_messages(tombstones)):
                kept = [it for it in self._still_held(part) if self._all_are_here(it.key)]
                answer = await self._ask(name, DropRequest(tombstones=kept)) if kept else None
                if answer is not None:
                    for it in kept:
                        self._tombstones.dropped(*self._place(it.key), name, _tombstone(it))
        for part in self._parts(_messages(work.forget)):
            await self._forget(part)

    def _still_held(self, tombstones: Sequence[EntryMessage]) -> list[EntryMessage]:
        """Those that nothing replaced, and nobody dropped, while others were waited for.

        Or a replica would store a tombstone again that it has dropped a newer one for.
        """
        return [it for it in tombstones if self._store.get(it.key) == (None, it.version)]

    def _all_are_here(self, key: str) -> bool:
        """Whether no other replica went away while others were waited for."""
        _, replicas = self._place(key)
        return all(self._peers[name].alive for name in replicas if name != self._membership.name)

    def _note_held(
        self, name: str, tombstones: Sequence[EntryMessage], answer: HoldResponse, now_s: float
    ) -> None:
        # Something newer is there, and will come here; or it is below a promise, and is not there.
        not_held = {*answer.superseded, *answer.refused}
        for place, it in enumerate(tombstones):
            if place not in not_held:
                where, life = self._place(it.key), answer.incarnation
                self._tombstones.held(*where, name, _tombstone(it), now_s, life=life)

    def _place(self, key: str) -> tuple[int, tuple[str, ...]]:
        slot = slot_of(key)
        return slot, self._membership.replicas(slot)

    async def _send_home(self) -> None:
        """One round for the strays."""
        sent = 0
        kept_by: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for slot in self._foreign():
            kept_by[tuple(sorted(self._membership.replicas(slot)))].append(slot)
        for keepers, slots in kept_by.items():
            held = (item for slot in slots for item in list(self._store.table.slot(slot).items()))
            for part in self._parts(to_message(*item) for item in held):
                answers = [await self._ask(name, HoldRequest(entries=part)) for name in keepers]
                # Superseded is as good as held here: the replica has something newer.
                if all(answer is not None for answer in answers):
                    refused = {place for answer in answers for place in answer.refused}
                    home = [it for place, it in enumerate(part) if place not in refused]
                    await self._forget(home)
                    sent += len(home)
                    self.handed_home += len(home)
        if sent:
            log.info(
                "HOLD  handed %s of the entries that do not belong here to the nodes that keep"
                " them; left: %s",
                f"{sent:,}",
                f"{self.strays:,}",
            )

    async def _ask(self, name: str, request: HoldRequest | DropRequest) -> Any:
        """What a replica answers; None: nothing now, and there is a next round."""
        if not self._peers[name].alive:
            return None
        now_s = asyncio.get_running_loop().time
        asked_s = now_s()
        try:
            return await self._calls.ask(name, request, self._settings.pull_timeout_s)
        except KvError as error:
            log.debug("HOLD  %s: %s", name, error)
            return None
        finally:
            worked_s = self._settings.background_call_s
            self._waited_s += max(0.0, now_s() - asked_s - worked_s)

    async def _forget(self, entries: Sequence[EntryMessage]) -> None:
        self._store.refuse_if_full()
        await self._store.write([], [], entries)

    def _parts(self, entries: Iterable[EntryMessage]) -> Iterator[list[EntryMessage]]:
        """Cut into portions that fit into one message."""
        part: list[EntryMessage] = []
        room_bytes = self._settings.replication_batch_bytes
        for entry in entries:
            size_bytes = entry.ByteSize()
            if part and (len(part) >= self._settings.hold_entries or size_bytes > room_bytes):
                yield part
                part, room_bytes = [], self._settings.replication_batch_bytes
            part.append(entry)
            room_bytes -= size_bytes
        if part:
            yield part


def _messages(tombstones: Iterable[Tombstone]) -> Iterator[EntryMessage]:
    return (to_message(key, (None, version)) for key, version in tombstones)


def _tombstone(message: EntryMessage) -> Tombstone:
    return message.key, Version(message.version)
