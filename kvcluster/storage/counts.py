"""Counts: what one life of a store wrote to disk, and how long the disk took.

Whoever does the work counts it, here, in one object that the journal and the checkpoint share; who
is on call reads it (kvcluster/server/metrics/). Nothing in a store decides by these numbers, so a
wrong one misleads a person and harms no data.

They are written by the event loop, but for `syncs` and `written_bytes`, which belong to the
journal's thread: a sync is measured where it happens, without the way to the thread and back. Each
has one writer, so none needs a lock; a reader may see one of them a frame earlier than another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kvcluster.model.timings import Timings


@dataclass
class Counts:
    """Since the start. All but the last two only grow."""

    entries: int = 0
    """Entries that became durable, tombstones included, hints and drops not."""
    commits: Timings = field(default_factory=Timings)
    """One for each frame: from taking a group to knowing that it is durable."""
    syncs: Timings = field(default_factory=Timings)
    """One for each sync of the journal."""
    written_bytes: int = 0
    """In whole frames of the journal."""
    covered_bytes: int = 0
    """Of these, how much a checkpoint has made useless: its segments are gone."""
    checkpoints: int = 0
    failed_checkpoints: int = 0
    checkpoint_s: float = 0.0
    """How long the last checkpoint took, its rests included."""
    checkpoint_bytes: int = 0
    """Size of both of its files."""

    @property
    def journal_bytes(self) -> int:
        """In the journal's files now, those of former lives not counted."""
        return self.written_bytes - self.covered_bytes
