"""Remembering the time: a node to which nobody writes writes down how late it is all the same.

After a power cut a machine without a clock of its own knows the time from its disk only
(model/clock.py). Each frame of the journal carries it. But a node to which nobody wrote for days
would take the clocks of its busy neighbours for absurd, and they would wait for somebody to set
its clock. So it writes a frame now and then that says nothing else, and at once when its clock was
set far ahead: it looks around then, and serves anew.

Only while it serves: before, its own clock may be the one that is wrong.
"""

from __future__ import annotations

import asyncio

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.config import Settings
from kvcluster.errors import OutcomeUnknown
from kvcluster.model.clock import COUNTER_BITS
from kvcluster.model.readiness import Status
from kvcluster.storage.store import Store


async def remember_time(store: Store, gate: Gate, time: Timekeeper, settings: Settings) -> None:
    """Write the time down for ever, unless what the disk held at the start is recent enough."""
    written = store.clock_found
    while True:
        while gate.status is not Status.SERVING:
            await asyncio.wait([gate.changed])
        if time.kept() - written > int(settings.clock_keep_s * 1000) << COUNTER_BITS:
            now = time.kept()
            try:
                await store.write_time()
            except OutcomeUnknown:  # a full disk
                await asyncio.sleep(settings.checkpoint_retry_s)
                continue
            written = now
        await asyncio.wait([gate.changed], timeout=settings.clock_keep_s / 2)
