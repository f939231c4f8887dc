"""Recovery: from what lies on disk at start to a table that lost nothing and revived nothing.

The base is the JSON with its versions (base.py); on top of it goes every journal segment from the
base's number on. Older segments are never read: what they hold is in the base, or was deleted
since and must stay deleted.

Three things may be wrong, and they are told apart:

- a *crash* tore the end of the last segment: cut it, nobody was promised that frame;
- a person *edited* the JSON: keep a copy, and see base.py;
- *damage*: load all that checks out, keep a copy and never delete it, and do not claim to be
  complete. The node is then repaired by its peers before it answers a read.

Recovery may itself be cut short, any number of times, so it changes next to nothing: it cuts a
torn tail, for good, before a newer segment exists, adds copies, and removes temporary files.
Putting the disk back into its plain state is left to the checkpoint that `Recovered.rewrite` asks
for.

What it reads may be on its way to disk only: a process that was killed in the middle of an fsync
leaves a frame that we see, serve, and would lose at a power cut. So whatever was read is synced,
the segments and the JSON's name here, the names in the journal's folder when the first segment is
opened, before anybody is told of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kvcluster.config import Settings
from kvcluster.model.entry import Version, time_of, version_of
from kvcluster.storage import frames
from kvcluster.storage.base import Base
from kvcluster.storage.block import Block, is_sound
from kvcluster.storage.checkpoint_files import TEMPORARY_SUFFIX
from kvcluster.storage.disk import Disk, numbers_of
from kvcluster.storage.found import Aside, Recovered
from kvcluster.storage.promises import newest_of
from kvcluster.storage.segment import SEGMENT_PREFIX, segment_name
from kvcluster.storage.versions import VERSIONS_PREFIX

from demo_pb2 import JournalFrame


def recover(disk: Disk, json_path: Path, folder: Path, settings: Settings, stamp: str) -> Recovered:
    """Load what is on disk. `stamp` tells apart the names of copies that are kept.

    Raises CannotStart for a JSON that a person must mend first, OSError if a file cannot be read.
    """
    found = Recovered()
    aside = Aside(disk, stamp, found.remarks)
    names = disk.names(folder)
    held = numbers_of(names, VERSIONS_PREFIX)
    segments = numbers_of(names, SEGMENT_PREFIX)
    base = Base(disk, json_path, folder, settings, aside, found)
    first = base.load(held, frozenset(segments))
    _Replay(disk, folder, aside, found).run(segments, held, first)
    found.promises = {
        key: ballot for key, ballot in found.promises.items() if not _reached(found, key, ballot)
    }
    found.new = not (held or segments or found.table.live or found.remarks)
    found.repair |= not held and not found.behind
    found.votes = found.votes and not found.incomplete
    if found.incomplete:  # what carried the clock may be what is missing
        times = (time_of(version) for _, (_, version) in found.table.items())
        found.clock = max(found.clock, max(times, default=0))
    _remove_temporary(disk, json_path, folder)
    disk.sync_folder(json_path.parent)
    return found


@dataclass(frozen=True)
class _Segment:
    """A segment as it was read."""

    path: Path
    data: bytes
    scanned: frames.Scan
    groups: list[JournalFrame]
    """Those of the frames whose payload is one."""

    @property
    def damaged(self) -> bool:
        """Whether anything in it is not what this program wrote."""
        return bool(self.scanned.damaged) or len(self.groups) < len(self.scanned.payloads)


@dataclass(frozen=True)
class _Replay:
    """The journal part of one recovery."""

    disk: Disk
    folder: Path
    aside: Aside
    found: Recovered

    def run(self, segments: list[int], held: list[int], first: int) -> None:
        """Apply every good frame from segment `first` on."""
        last = max((*segments, *held, 0))
        numbers = [number for number in segments if number >= first]
        # A segment goes only once a newer checkpoint is whole, so without one there is the first.
        self._look_for_gaps(numbers, range(first if held else 1, last + 1))
        read = [self._read(number) for number in numbers]
        for segment in read:
            for group in segment.groups:
                self._apply(group)
        if not held and self.found.behind:
            self.found.damage("a versions file is missing")
        unused = last in numbers and last not in held and not read[-1].data
        self.found.next_segment = last if unused else last + 1
        while read and not read[-1].data:  # a start that wrote nothing, or a failed checkpoint
            # Perhaps it was cut to nothing on a full disk, and that was never synced.
            self.disk.truncate(read.pop().path, 0)
        for segment in read:
            self._mend(segment, last=segment is read[-1])

    def _look_for_gaps(self, numbers: list[int], expected: range) -> None:
        missing = sorted(set(expected).difference(numbers))
        if missing:
            self.found.damage(f"{segment_name(missing[0])} is missing")

    def _read(self, number: int) -> _Segment:
        path = self.folder / segment_name(number)
        data = self.disk.read(path)
        scanned = frames.scan(data)
        groups = frames.messages(scanned.payloads, JournalFrame)
        sound = [group for group in groups if all(map(is_sound, group.blocks))]
        return _Segment(path, data, scanned, sound)

    def _apply(self, frame: JournalFrame) -> None:
        found = self.found
        found.promises = newest_of(frame.promises, found.promises)
        found.table.decided |= bool(frame.promises)
        found.table.apply_all(frame.entries)
        for block in frame.blocks:
            found.table.apply_all(Block.of(block))
        for drop in frame.drops:
            found.table.drop(drop.key, Version(drop.version))
        for hint in frame.hints:
            if hint.since:
                found.hints[hint.peer] = Version(hint.since)
            else:
                found.hints.pop(hint.peer, None)
        found.votes |= frame.votes
        found.clock = max(found.clock, frame.clock)
        found.behind = True

    def _mend(self, segment: _Segment, *, last: bool) -> None:
        """Cut what a crash tore; keep a copy of what is damaged; make durable what was read."""
        path, scanned = segment.path, segment.scanned
        if segment.damaged or (scanned.torn and not last):
            self.aside.keep(path, segment.data, "damaged")
            self.found.damage(
                f"{path.name} is damaged ({len(segment.groups):,} of its groups could be read)"
            )
            return
        self.disk.truncate(path, scanned.good_bytes)  # which syncs it, too
        if scanned.torn:
            self.found.remarks.append(
                f"cut an unfinished group off the end of {path.name}: a crash; nothing"
                " acknowledged was in it"
            )


def _remove_temporary(disk: Disk, json_path: Path, folder: Path) -> None:
    for name in disk.names(folder):
        if name.endswith(TEMPORARY_SUFFIX):
            disk.remove(folder / name)
    disk.remove(json_path.with_name(json_path.name + TEMPORARY_SUFFIX))


def _reached(found: Recovered, key: str, ballot: Version) -> bool:
    """Whether a promise was kept: an entry at or above it is there."""
    held = found.table.get(key)
    return held is not None and version_of(held) >= ballot
