"""Progress: how far this node is with catching up, for its log, its health and its status.

Nobody knows beforehand how many entries will come. But they come by slot, and keys spread evenly
over slots, so what came so far and how many slots it took say about how many there will be.

Beside it stands what came since the start, by why it was fetched. It grows while a fetch is under
way, and so says how fast it goes.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from kvcluster.cluster.repair.merging import Brought
from kvcluster.model.slots import SLOTS

from demo_pb2 import Progress

log = logging.getLogger("kvcluster")


@dataclass
class Totals:
    """Since the start."""

    missed: Brought = field(default_factory=Brought)
    """Fetched because a peer had noted that it was missed here."""
    repair: Brought = field(default_factory=Brought)
    """Fetched by a node that had lost its data."""
    anti_entropy: Brought = field(default_factory=Brought)
    """Fetched because a comparison found a difference."""
    catch_ups: int = 0
    failed_catch_ups: int = 0
    repairs: int = 0
    comparisons: int = 0
    """Of everything that this node shares with a peer."""
    failed_visits: int = 0
    """Comparisons and what follows them that ended early."""
    differing_slots: int = 0
    """Slots that differed twice, and so not because somebody was writing."""


class SyncProgress:
    """What is being fetched now, if anything is. `announce_s`: how often the log hears of it."""

    def __init__(self, announce_s: float) -> None:
        self._announce_s = announce_s
        self._said_s = 0.0
        self.current: Progress | None = None
        """None: nothing is being fetched that the node needs before it serves."""
        self.totals = Totals()

    def begin(self, source: str) -> None:
        """Something is to be fetched from a peer."""
        assert self.current is None, "one debt is paid after the other"
        self.current = Progress(source=source)
        self._said_s = asyncio.get_running_loop().time()

    def step(self, tally: Brought, slot: int) -> None:
        """Everything up to about this slot is here."""
        if self.current is None:
            return
        self.current.entries = tally.entries
        self.current.about = round(tally.entries * SLOTS / (slot + 1))
        now_s = asyncio.get_running_loop().time()
        if now_s - self._said_s >= self._announce_s:
            self._said_s = now_s
            log.info(
                "SYNC  %s of about %s entries from %s",
                f"{self.current.entries:,}",
                f"{self.current.about:,}",
                self.current.source,
            )

    def end(self) -> None:
        """It is here, or it failed."""
        self.current = None
