"""The exchange with one peer: what was sent to it and is not answered yet, and how it answers.

Two questions of whoever is on call are answered from it. *Is the way to the peer slow?* The round
trips of heartbeats and of Replicate, apart: where only the second are slow, the disk is. *How far
is it behind?* The oldest write that it may not have is on its way there, or it was missed and a
hint tells of it (hints.py). So the lag is an age: it grows from the first write that a peer missed
until it has fetched all, however few there are.

Rejected: a lag in writes only. A peer that is one write behind for an hour is worse off than one
that is a thousand behind for a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kvcluster.model.entry import Version
from kvcluster.model.fanout import Missed
from kvcluster.model.timings import Timings


@dataclass
class Exchange:
    """What passes between this node and one peer."""

    heartbeats: Timings = field(default_factory=Timings)
    """Round trips of those that it answered."""
    copies: Timings = field(default_factory=Timings)
    """Of the calls that had it store copies of writes."""
    failures: int = 0
    """Of these calls, how many had no answer, or a no."""
    _on_their_way: list[Missed] = field(default_factory=list)

    def sent(self, writes: Missed) -> None:
        """Writes are on their way to it, until it is known what became of them."""
        self._on_their_way.append(writes)

    def settled(self, writes: Missed) -> None:
        """It has them, or is known to miss them."""
        self._on_their_way.remove(writes)

    @property
    def in_flight(self) -> int:
        """How many writes were sent to it and not answered yet."""
        return sum(writes.count for writes in self._on_their_way)

    def oldest(self, hinted: Version | None) -> Version | None:
        """The oldest write that it may not have; `hinted`: the oldest that it missed, if any."""
        versions = [writes.since for writes in self._on_their_way]
        return min(versions if hinted is None else [hinted, *versions], default=None)
