"""Promises: what this node has said that it will not take, by key.

A promise names a ballot (model/ballots.py): no entry of the key in a version below it is taken any
more. It is journaled and synced before it is given, so it survives whatever an entry survives.

**Where it is kept.** Before an entry enters the journal, and nowhere else: what stands in the
journal was taken, and a replay takes all of it again without asking. So a promise counts from the
moment in which it is asked for, and is given (`Store.promise`) only when every entry that had
entered before is applied. Checked later, when entries are applied, a replay would take what had
been refused.

**How it ends.** An entry at or above it is stored. Never by age: whoever asked for it may come yet.
A key of which something was refused, or of which a promise was found on disk at the start, lacks
perhaps what others have acknowledged: it is *behind* until then, and not read here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kvcluster.model.entry import Verdict, Version
from kvcluster.storage.block import Block

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import Promise


class Promises:
    """The promises of one node."""

    def __init__(self, found: Mapping[str, Version] | None = None) -> None:
        """`found`: those that were on disk."""
        self._ballots = dict(found or {})
        self.behind: dict[str, None] = dict.fromkeys(self._ballots)
        """Keys of which others may hold what this node refused."""
        self.refused = 0
        """Entries that were refused since the start."""

    def __len__(self) -> int:
        return len(self._ballots)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._ballots))

    def ballot(self, key: str) -> Version | None:
        """Below which nothing of a key is taken; None: there is no promise."""
        return self._ballots.get(key)

    def give(self, key: str, ballot: Version) -> bool:
        """Promise it, unless more is promised already; whether it counts now."""
        if self._ballots.get(key, ballot) > ballot:
            return False
        self._ballots[key] = ballot
        return True

    def refuse(self, entries: Sequence[EntryMessage]) -> list[int]:
        """The places of entries that must not be taken. Their keys are behind from now on."""
        if not self._ballots:
            return []
        refused = []
        for place, (key, version) in enumerate(_keys_and_versions(entries)):
            if version < self._ballots.get(key, version):
                refused.append(place)
                self.behind[key] = None
        self.refused += len(refused)
        return refused

    def stored(self, entries: Sequence[EntryMessage]) -> None:
        """These were stored, or something newer is: promises that they reach have been kept."""
        if not self._ballots:  # as nearly always
            return
        for key, version in _keys_and_versions(entries):
            if self._ballots.get(key, version) <= version:
                self._ballots.pop(key, None)
                self.behind.pop(key, None)
        assert self.behind.keys() <= self._ballots.keys(), "a key would be behind for ever"

    def messages(self) -> list[Promise]:
        """All of them, as they stand on disk."""
        return [Promise(key=key, ballot=ballot) for key, ballot in self._ballots.items()]


def newest_of(messages: Iterable[Promise], held: Mapping[str, Version]) -> dict[str, Version]:
    """What these promises leave together with those that were there."""
    merged = dict(held)
    for message in messages:
        ballot = Version(message.ballot)
        merged[message.key] = max(ballot, merged.get(message.key, ballot))
    return merged


def without(entries: Sequence[EntryMessage], refused: Sequence[int]) -> list[EntryMessage]:
    """The others."""
    left_out = frozenset(refused)
    return [entry for place, entry in enumerate(entries) if place not in left_out]


def merged(
    written: asyncio.Future[list[Verdict]], refused: Sequence[int]
) -> asyncio.Future[list[Verdict]]:
    """What became of all, once it is known what became of the others."""
    done: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()

    def settle(written: asyncio.Future[list[Verdict]]) -> None:
        if done.done() or written.cancelled():
            return
        if error := written.exception():
            done.set_exception(error)
            done.exception()  # seen: a waiter that has left is no reason for a warning
            return
        verdicts = list(written.result())
        for place in refused:  # ascending, so each finds its place
            verdicts.insert(place, Verdict.REFUSED)
        done.set_result(verdicts)

    written.add_done_callback(settle)
    return done


def _keys_and_versions(entries: Sequence[EntryMessage]) -> Iterator[tuple[str, Version]]:
    if isinstance(entries, Block):
        return zip(entries.keys, entries.versions, strict=True)
    return ((entry.key, Version(entry.version)) for entry in entries)
