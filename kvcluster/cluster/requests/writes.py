"""Writes: entries of distinct keys, written everywhere in one go; what came of each.

All of them join a round (cluster/writing/rounds.py), or several if they are many, which takes two
roads at once: into this node's journal, and to every other replica. A write is acknowledged when it
is durable here and every replica that is waited for has answered or failed. The answer says how
many hold it; the caller decides whether that is enough.

A replica that already holds something newer says so. Then the version was too old (our clock was
behind, or another client wrote at the same moment): the write takes a newer one and goes out
once more, because a write that is acknowledged must not already be invisible.

Not so where a majority decides. Whoever reads by majority may have seen it in its first version,
and something else after that; in a newer one it would take effect twice. So there it is done if a
majority holds it as it was sent, whoever supersedes it elsewhere, and else nobody knows. It is so
of a key that was written with a condition, here or where it met something newer, and of one for
which this node was asked since (model/sightings.py), unless so many hold something newer that no
majority can ever have held it.

What came of them stands in columns, by place, and not in an object for each: so it serves one put
and a batch of a thousand alike (plain_batches.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import within
from kvcluster.cluster.writing.outcome import Outcome
from kvcluster.cluster.writing.rounds import Rounds
from kvcluster.errors import DiskIsFull, KvError, NothingWritten, OutcomeUnknown
from kvcluster.model.ballots import majority
from kvcluster.model.entry import Version, time_of
from kvcluster.model.sightings import Sightings
from kvcluster.storage.block import versions_of

from demo_pb2 import Entry as EntryMessage


@dataclass(slots=True)
class Endings:
    """What came of entries that were written together, by their places."""

    versions: list[Version]
    """Those in which they were written last."""
    acknowledged: list[int] = field(default_factory=list)
    """Nodes that hold each, or something newer, on disk now. Of one that failed it says nothing."""
    failed: dict[int, KvError] = field(default_factory=dict)

    def fail(self, places: Sequence[int], why: KvError) -> None:
        """These failed."""
        self.failed.update(dict.fromkeys(places, why))

    def exceptions(self, versions: list[Version], acknowledged: int) -> list[int]:
        """The places of those of which something else is to be told than that."""
        equal = self.acknowledged.count(acknowledged) == len(versions)
        if equal and not self.failed and self.versions == versions:  # as nearly always
            return []
        told = zip(self.versions, self.acknowledged, strict=True)
        return [
            place
            for place, became in enumerate(told)
            if became != (versions[place], acknowledged) or place in self.failed
        ]

    def once_more(self, places: Sequence[int], again: Endings) -> None:
        """These were written a second time."""
        for at, place in enumerate(places):
            newer = again.versions[at]
            assert newer > self.versions[place], "it would be superseded again"
            self.versions[place] = newer
            if at not in again.failed:
                self.acknowledged[place] = again.acknowledged[at]
                continue
            why = again.failed[at]
            # Nothing was written this time; the first time, something was.
            unknown = isinstance(why, NothingWritten)
            self.failed[place] = OutcomeUnknown(str(why)) if unknown else why


_OVERTAKEN = "another write came first, and too few replicas hold this one; it may have happened"


class Writes(OnGround):
    """Writes entries. Deadlines are times of the event loop's clock."""

    def __init__(self, ground: Ground, rounds: Rounds, sightings: Sightings) -> None:
        super().__init__(ground)
        self._rounds = rounds
        self._sightings = sightings

    async def write(
        self,
        entries: Sequence[EntryMessage],
        renewed: Callable[[int], EntryMessage],
        deadline_s: float,
    ) -> Endings:
        """Write entries of distinct keys. `renewed`: the one of a place in a newer version."""
        try:
            self._store.refuse_if_full()
        except DiskIsFull as error:
            endings = Endings(versions_of(entries), [0] * len(entries))
            endings.fail(range(len(entries)), error)
            return endings
        endings, superseded = await self._write_once(entries, deadline_s)
        if superseded:
            keys = [entries[place].key for place in superseded]
            self._sightings.hold(keys)
            try:
                newer = [renewed(place) for place in superseded]
                again, _ = await self._write_once(newer, deadline_s)
            finally:
                self._sightings.release(keys)
            endings.once_more(superseded, again)
        return endings

    async def _write_once(
        self, entries: Sequence[EntryMessage], deadline_s: float
    ) -> tuple[Endings, list[int]]:
        """One version of each; also the places of those that must be written in a newer one."""
        pauses, endings = self._gate.pauses, Endings(versions_of(entries))
        superseded: list[int] = []
        for part in self._rounds.join(entries):
            at = len(endings.acknowledged)
            try:
                outcome = await within(part.round.done, deadline_s, "storing the write")
            except KvError as error:
                endings.fail(range(at, at + len(part.places)), error)
                endings.acknowledged += [0] * len(part.places)
                continue
            endings.acknowledged += outcome.acknowledged[part.places.start : part.places.stop]
            for place in outcome.overtaken(part.places):
                mine = at + place - part.places.start
                if self._must_go_again(entries[mine], outcome, place):
                    superseded.append(mine)
                elif outcome.as_sent(place) < majority(self._membership.replica_count):
                    endings.fail([mine], OutcomeUnknown(_OVERTAKEN))
        assert len(endings.acknowledged) == len(entries)
        if not self._gate.was_away_since(pauses):
            return endings, superseded
        why = OutcomeUnknown("this node was stopped while it wrote; the write may survive")
        endings.fail([place for place in range(len(entries)) if place not in endings.failed], why)
        return endings, []

    def _must_go_again(self, entry: EntryMessage, outcome: Outcome, place: int) -> bool:
        """Whether an entry that met something newer is written once more, in a newer version."""
        key, replicas = entry.key, self._membership.replica_count
        promised = self._store.promises.ballot(key) is not None
        if place in outcome.decided or promised or self._store.table.is_decided(key):
            return False
        if not self._sightings.any_since(key, time_of(Version(entry.version))):
            return True
        return outcome.newer_at(place) > replicas - majority(replicas)
