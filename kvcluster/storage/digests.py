"""The digests of all slots: each read from its entries once, then kept with every write.

A write to a slot whose digest is known takes the old entry out of it and puts the new one in: two
hashes, about a third of a microsecond each.

Rejected: to set a flag, and to read the slot again for who asks, which was here before. It is cheap
in a small store; but in one of a million keys random writes touch every slot within seconds, and
each comparison, of which a node has part in four in half a minute, read all of it: 0.6 s of a core,
and it was most of what a put cost more there than among a thousand. Besides, to read 256 slots
takes so long that a peer's answer was about other writes than the question.

A slot that nobody asked about since the start is not read, and writes to it cost nothing here.

A digest that is kept says nothing about damage done behind the table's back, and if a damaged entry
is overwritten, what it was stays in the digest. So `doubt` has slots read again: with each
comparison some, going round all of them, so that in time every bit of the store is read; and each
one that differs from a peer's, before anything is fetched for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from kvcluster.model.digest import digest_after, digest_of
from kvcluster.model.entry import Entry
from kvcluster.model.slots import SLOTS

_ENTRIES_AT_ONCE = 1_000
"""A bit over a millisecond."""


class Digests:
    """The digest of each slot of a table, whose entries are `slots`."""

    def __init__(self, slots: Sequence[Mapping[str, Entry]]) -> None:
        self._slots = slots
        self._digests = [0] * SLOTS
        self._known = bytearray(SLOTS)  # a 1 for each slot whose digest is that of its entries
        self._doubted = 0  # the slot at which the next round of doubt begins

    def replace(
        self, slot: int, hash_of_key: int, before: Entry | None, after: Entry | None
    ) -> None:
        """An entry of a slot takes the place of another; None: of none, or nothing does."""
        if self._known[slot]:
            self._digests[slot] = digest_after(self._digests[slot], hash_of_key, before, after)

    def flip(self, slot: int, hash_of_entry: int) -> None:
        """A live entry came into a slot, or left it."""
        self._digests[slot] ^= hash_of_entry  # of one that is not known nobody believes a bit

    def of(self, slot: int) -> int:
        """The digest of a slot; takes a third of a millisecond if 250 keys must be read."""
        if not self._known[slot]:
            self._digests[slot] = digest_of(self._slots[slot].items())
            self._known[slot] = 1
        return self._digests[slot]

    async def of_all(self, slots: Iterable[int]) -> list[int]:
        """The digests of many slots, all as they are when this returns.

        What must be read is read first, letting others in after each so many entries.
        """
        slots, read = list(slots), 0
        for slot in slots:
            if read >= _ENTRIES_AT_ONCE:
                read = 0
                await asyncio.sleep(0)
            if not self._known[slot]:
                read += len(self._slots[slot])
                self.of(slot)
        return [self._digests[slot] for slot in slots]  # read once is enough, if doubted meanwhile

    def doubt(self, slots: Iterable[int]) -> None:
        """Have slots read again before their digests are believed."""
        for slot in slots:
            self._known[slot] = 0

    def doubt_some(self, entries: int) -> None:
        """Doubt slots with about so many entries, going on where the last call ended."""
        for _ in range(SLOTS):
            self._known[self._doubted] = 0
            entries -= len(self._slots[self._doubted])
            self._doubted = (self._doubted + 1) % SLOTS
            if entries <= 0:
                return
