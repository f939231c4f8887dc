"""Expiring: letting go of the values of keys that have expired, a few at a time.

Nobody waits for it: reads, scans and counts know by themselves that a key has expired. What it
brings is memory, sizes, the order of keys, and the JSON file, which is written anew though nobody
wrote. From then on the key is a tombstone like any other, and goes as these do (holding.py).

A hundred thousand keys may expire in one second. They are let go of in slices of a millisecond or
so, with a rest after each that is three times as long, so that others have their turn.

Only while this node answers reads: one that has just come, or was away, does not know the time of
the town yet, and would let go of what it should show.
"""

from __future__ import annotations

import asyncio

from kvcluster.cluster.peers.ground import Ground, OnGround

_AT_ONCE = 100


class Expiring(OnGround):
    """Sweeps the table."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._wake = asyncio.Event()
        self._store.table.lives.begins = self._wake.set

    async def run(self) -> None:
        """Sweep for ever, as long as any key has an expiry."""
        now_s, settings = asyncio.get_running_loop().time, self._settings
        while True:
            if not self._store.table.lives.expiries:
                self._wake.clear()
                await self._wake.wait()
            started_s = now_s()
            all_done = self._sweep() < _AT_ONCE
            worked_s = now_s() - started_s
            rest_s = settings.expiry_interval_s if all_done else worked_s * settings.expiry_rest
            await asyncio.sleep(rest_s)

    def _sweep(self) -> int:
        """A slice of it; how many values went."""
        swept = self._store.table.sweep(_AT_ONCE) if self._gate.readable else 0
        if swept:
            self._store.checkpointer.require()
        return swept
