"""Recovery: from what lies on disk at start to a table that lost nothing and revived nothing.

The base is the versions file whose hash matches the JSON; on top of it goes every journal segment
from its number on. Older segments are never read: what they hold is in the base, or was deleted
since and must stay deleted.

Three things may be wrong, and they are told apart (see frames.scan and versions.py):

- a *crash* tore the end of the last segment: cut it, nobody was promised that frame;
- a person *edited* the JSON: keep a copy, give known pairs their versions back, take the rest as
  hand-made (version zero: any peer's copy wins);
- *damage*: load all that checks out, set the file aside and never delete it, and do not claim to
  be complete. The node then heals from its peers before it answers a read.

Whatever was wrong, `Recovered.rewrite` asks for a checkpoint before the node serves, which puts
the disk back into the plain state; only after it are files renamed out of the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.entry import ZERO, Version
from kvcluster.storage import frames, versions
from kvcluster.storage.checkpoint import TEMPORARY_SUFFIX
from kvcluster.storage.disk import Disk, numbers_of
from kvcluster.storage.journal import SEGMENT_PREFIX, segment_name
from kvcluster.storage.table import Table
from kvcluster.storage.versions import VERSIONS_PREFIX, Versions

from demo_pb2 import JournalFrame, MissedWrites


@dataclass
class Recovered:
    """What was found at start."""

    table: Table = field(default_factory=Table)
    clock: int = 0
    """The largest hybrid time on disk."""
    notes: dict[str, Version] = field(default_factory=dict)
    next_segment: int = 1
    incomplete: str = ""
    """Not empty: something acknowledged may be missing here, and why."""
    rewrite: bool = False
    """The disk is not in its plain state: write a checkpoint before serving."""
    remarks: list[str] = field(default_factory=list)
    """What a person should know, a sentence each."""

    def damage(self, what: str) -> None:
        """Record that something is missing or does not check out."""
        self.incomplete = self.incomplete or what
        self.rewrite = True
        self.remarks.append(what)


def recover(disk: Disk, json_path: Path, folder: Path, settings: Settings, stamp: str) -> Recovered:
    """Load what is on disk. `stamp` tells apart the names of files that are set aside.

    Raises CannotStart for a hand-made JSON that is not a flat object of strings, OSError if a
    file cannot be read.
    """
    return _Recovery(disk, json_path, folder, settings, stamp).run()


class _Recovery:
    """The steps of one recovery, over what they have found so far."""

    def __init__(
        self, disk: Disk, json_path: Path, folder: Path, settings: Settings, stamp: str
    ) -> None:
        self._disk = disk
        self._json_path = json_path
        self._folder = folder
        self._settings = settings
        self._stamp = stamp
        self._found = Recovered()

    def run(self) -> Recovered:
        self._remove_temporary()
        held = self._read_versions()
        first = self._load_base(held)
        self._replay(first, known=bool(held))
        return self._found

    def _remove_temporary(self) -> None:
        for name in self._disk.names(self._folder):
            if name.endswith(TEMPORARY_SUFFIX):
                self._disk.remove(self._folder / name)
        self._disk.remove(self._json_path.with_name(self._json_path.name + TEMPORARY_SUFFIX))

    # ------------------------------------------------------------ the base

    def _read_versions(self) -> dict[int, Versions]:
        numbers = self._numbers(VERSIONS_PREFIX)
        return {
            number: versions.decode(self._disk.read(self._folder / versions.versions_name(number)))
            for number in numbers
        }

    def _load_base(self, held: Mapping[int, Versions]) -> int:
        """Load the JSON and its versions; return the first segment to replay."""
        try:
            data = self._disk.read(self._json_path)
        except FileNotFoundError:
            return self._base_without_json(held)
        digest = versions.json_hasher()
        digest.update(data)
        for number, candidate in held.items():
            if candidate.whole and candidate.footer.json_hash == digest.digest():
                self._load_matching(data, candidate)
                return number
        return self._base_from_unknown_json(data, held)

    def _load_matching(self, data: bytes, base: Versions) -> None:
        pairs: dict[str, str] = orjson.loads(data)
        self._found.table.load(pairs, base.by_place())
        self._take(base)

    def _base_without_json(self, held: Mapping[int, Versions]) -> int:
        self._found.rewrite = True
        for candidate in held.values():
            if candidate.footer.pairs or not candidate.whole:
                self._found.damage(f"{self._json_path.name} is missing")
            self._take(candidate)
        return min(held, default=0)

    def _base_from_unknown_json(self, data: bytes, held: Mapping[int, Versions]) -> int:
        """A JSON made or edited by hand, or damaged."""
        self._found.rewrite = True
        try:
            pairs = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            self._keep_copy(self._json_path, "corrupt")
            self._found.damage(f"{self._json_path.name} is not JSON ({error})")
            pairs = {}
        self._check(pairs)
        if pairs and held:
            self._keep_copy(self._json_path, "edited")
        known: dict[bytes, Version] = {}
        for number, candidate in held.items():
            known.update(candidate.by_hash())
            self._take(candidate)
            if not candidate.whole:
                self._keep_copy(self._folder / versions.versions_name(number), "damaged")
                self._found.damage(f"{versions.versions_name(number)} is damaged")
        self._load_by_hash(pairs, known)
        return min(held, default=0)

    def _load_by_hash(self, pairs: dict[str, str], known: Mapping[bytes, Version]) -> None:
        held = [known.get(versions.hash_bytes(key, value), ZERO) for key, value in pairs.items()]
        self._found.table.load(pairs, held)
        new = held.count(ZERO)
        if new:
            self._found.remarks.append(
                f"{self._json_path.name}: {new} of {len(pairs)} pairs were written by hand"
                " (or by another program); a peer's copy of such a key wins"
            )

    def _check(self, pairs: object) -> None:
        """Raise CannotStart unless this is a flat object that the node can serve."""
        name = self._json_path.name
        if not isinstance(pairs, dict):
            raise CannotStart(f'{name} must be one flat JSON object, like {{"key": "value"}}')
        for key, value in pairs.items():
            if not isinstance(value, str):
                raise CannotStart(
                    f"{name}: the value of key {key!r} is {orjson.dumps(value)[:40].decode()},"
                    " not a string; nothing was changed"
                )
            size_bytes, limit_bytes = len(key.encode()), self._settings.key_limit_bytes
            if not 1 <= size_bytes <= limit_bytes:
                raise CannotStart(
                    f"{name}: key {key[:40]!r} is {size_bytes} bytes long,"
                    f" allowed are 1 to {limit_bytes}; nothing was changed"
                )

    def _take(self, base: Versions) -> None:
        """Take over everything of a versions file but the pairs."""
        found, footer = self._found, base.footer
        for message in base.tombstones:
            found.table.apply_message(message)
        found.clock = max(found.clock, footer.clock)
        found.notes.update({note.peer: Version(note.since) for note in footer.notes})
        if footer.incomplete and not found.incomplete:
            found.damage(footer.incomplete)

    # ------------------------------------------------------------ the journal

    def _replay(self, first: int, *, known: bool) -> None:
        """Apply every good frame from segment `first` on."""
        there = self._numbers(SEGMENT_PREFIX)
        numbers = [number for number in there if number >= first]
        self._found.next_segment = max([*there, first]) + 1
        expected = range(first if known else min(numbers, default=0), self._found.next_segment)
        missing = sorted(set(expected) - set(numbers))
        if missing and (known or numbers):
            self._found.damage(f"{segment_name(missing[0])} is missing")
        for number in numbers:
            self._replay_segment(number, last=number == numbers[-1])

    def _replay_segment(self, number: int, *, last: bool) -> None:
        path = self._folder / segment_name(number)
        scanned = frames.scan(self._disk.read(path))
        for payload in scanned.payloads:
            self._apply(JournalFrame.FromString(payload))
        if scanned.damaged or (scanned.torn and not last):
            self._keep_copy(path, "damaged")
            self._found.damage(
                f"{path.name} is damaged ({len(scanned.payloads)} of its groups could be read)"
            )
        elif scanned.torn:
            self._disk.truncate(path, scanned.good_bytes)
            self._found.remarks.append(
                f"cut an unfinished group off the end of {path.name}: a crash; nothing"
                " acknowledged was in it"
            )

    def _apply(self, frame: JournalFrame) -> None:
        found = self._found
        for message in frame.entries:
            found.table.apply_message(message)
        apply_notes(found.notes, frame.notes)
        found.clock = max(found.clock, frame.clock)

    # ------------------------------------------------------------ files

    def _numbers(self, prefix: str) -> list[int]:
        return numbers_of(self._disk.names(self._folder), prefix)

    def _keep_copy(self, path: Path, why: str) -> None:
        copy_path = path.with_name(f"{path.name}.{why}-{self._stamp}")
        copy = self._disk.create(copy_path)
        try:
            copy.append(self._disk.read(path))
            copy.sync()
        finally:
            copy.close()
        self._disk.sync_folder(copy_path.parent)
        self._found.remarks.append(f"kept a copy of {path.name} as {copy_path.name}")


def apply_notes(notes: dict[str, Version], changes: Iterable[MissedWrites]) -> None:
    """Bring notes up to date with what a journal frame says of them."""
    for change in changes:
        if change.since:
            notes[change.peer] = Version(change.since)
        else:
            notes.pop(change.peer, None)
