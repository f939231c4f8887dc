"""The digests of all slots, each computed when it is asked for and its slot has changed.

A write only sets a flag (Table.changed). Keeping digests up to date with each write would cost
every write two hashes, for a comparison that happens twice a minute.

A digest that is kept says nothing about damage done behind the table's back, so `doubt` has some
slots computed anew whether they changed or not, going round all of them: with each comparison a
part of the store is really read, and in time every bit of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kvcluster.model.digest import digest_of
from kvcluster.model.slots import SLOTS
from kvcluster.storage.table import Table

_ENTRIES_AT_ONCE = 1_000
"""A bit over a millisecond."""


class Digests:
    """The digest of each slot of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._digests = [0] * SLOTS
        self._doubted = 0  # the slot at which the next round of doubt begins

    def of(self, slot: int) -> int:
        """The digest of a slot; takes a third of a millisecond if 250 keys must be read."""
        if self._table.changed[slot]:
            self._table.changed[slot] = 0
            self._digests[slot] = digest_of(self._table.slot(slot).items())
        return self._digests[slot]

    async def of_all(self, slots: Iterable[int]) -> list[int]:
        """The digests of many slots, letting others in after each so many entries read."""
        digests, read = [], 0
        for slot in slots:
            if read >= _ENTRIES_AT_ONCE:
                read = 0
                await asyncio.sleep(0)
            if self._table.changed[slot]:
                read += len(self._table.slot(slot))
                self.of(slot)
            digests.append(self._digests[slot])
        return digests

    def doubt(self, entries: int) -> None:
        """Have about so many entries read again, going on where the last call ended."""
        for _ in range(SLOTS):
            self._table.changed[self._doubted] = 1
            entries -= len(self._table.slot(self._doubted))
            self._doubted = (self._doubted + 1) % SLOTS
            if entries <= 0:
                return
