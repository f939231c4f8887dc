"""The base of a recovery: the JSON file, and what the versions files say about it.

There may be several versions files: a kill between two renames of a checkpoint leaves one too
many, and so may a power cut that takes a removal back. The JSON's hash says which is its own; of
two that match, the newer, because the older one's journal may be gone.

A JSON that no versions file knows was made by hand or edited, if it is JSON. So what it says is
taken (with a copy kept of what was edited), pairs that are known get their versions back, and the
rest counts as hand-made (version zero). A person may write one flat object of strings. Anything
else is answered by a sentence that names the key, and the node does not start, with nothing
changed: half of a file served is worse than none. Text that is no JSON at all looks like damage,
and is treated as such.

**What an edit is worth.** Each pair that a versions file knows was acknowledged once. If all of
them are still there, somebody only added to the file, and the node serves. If some have vanished or
changed, most likely a person meant it; but a disk that loses a block or flips a bit looks the same:
JSON accepts half of all flipped bits. So it is called an edit, and a peer's copy wins. An edit that
won over the peers would carry a flipped bit to all of them. It could not even be carried out: of a
pair that is gone only a hash is known, and not its key, so there is nothing to write a tombstone
for. Whoever wants to change what is stored has `put`, `delete` and `import`, and is told so.

Without a live peer we must choose who has to act: the person who meant the edit, by a flag
(`--salvage`) after reading a sentence, or the person whose disk lost data and whom nobody would
tell. The first is the smaller evil, so this counts as incomplete.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.entry import ZERO, Version
from kvcluster.storage import versions
from kvcluster.storage.disk import Disk
from kvcluster.storage.found import Aside, Recovered
from kvcluster.storage.promises import newest_of
from kvcluster.storage.versions import Versions, versions_name

_KINDS = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Base:
    """Loads the base into `found`."""

    disk: Disk
    json_path: Path
    folder: Path
    settings: Settings
    aside: Aside
    found: Recovered

    def load(self, numbers: Iterable[int], segments: frozenset[int]) -> int:
        """Load JSON and versions; return the first journal segment to replay.

        `numbers` are those of the versions files, `segments` those of the journal that are there.
        """
        data = {n: self.disk.read(self.folder / versions_name(n)) for n in numbers}
        held = {number: versions.decode(data[number]) for number in sorted(data)}
        json = self._read_json()
        if json is not None:
            own = _own(json, held)
            if own is not None:
                self._load_own(json, held[own])
                return own
        self.found.rewrite = True
        held = _candidates(held, segments)
        pairs = {} if json is None else self._parse(json, bool(held))
        for number, candidate in held.items():
            self._take(candidate)
            if not candidate.whole:
                name = versions_name(number)
                self.aside.keep(self.folder / name, data[number], "damaged")
                self.found.damage(f"{name} is damaged")
        if json is None and any(candidate.footer.pairs for candidate in held.values()):
            self.found.damage(f"{self.json_path.name} is missing")
        else:
            self._load_by_hash(pairs, held)
        return min(held, default=0)

    def _read_json(self) -> bytes | None:
        try:
            return self.disk.read(self.json_path)
        except FileNotFoundError:
            return None

    def _load_own(self, json: bytes, own: Versions) -> None:
        pairs: dict[str, str] = orjson.loads(json)
        self.found.table.load(pairs, own.by_place(), own.expiries)
        self._take(own)

    def _parse(self, json: bytes, has_versions: bool) -> dict[str, str]:
        """The pairs of a JSON that no versions file knows, with a copy kept if need be."""
        name = self.json_path.name
        try:
            pairs = parse_handmade(json, name, self.settings)
        except orjson.JSONDecodeError as error:
            self.aside.keep(self.json_path, json, "corrupt")
            self.found.damage(f"{name} is not JSON ({error})")
            return {}
        if has_versions:
            self.aside.keep(self.json_path, json, "edited")
        return pairs

    def _load_by_hash(self, pairs: dict[str, str], held: Mapping[int, Versions]) -> None:
        name, remarks = self.json_path.name, self.found.remarks
        known = {hash_: it for one in held.values() for hash_, it in one.by_hash().items()}
        hashes = [versions.hash_bytes(key, value) for key, value in pairs.items()]
        lives = [known.get(hash_, (ZERO, 0)) for hash_ in hashes]
        found = [version for version, _ in lives]
        expiries = {place: ms for place, (_, ms) in enumerate(lives) if ms}
        self.found.table.load(pairs, found, expiries)
        there = frozenset(hashes)
        gone = min((len(one.by_hash().keys() - there) for one in held.values()), default=0)
        new = found.count(ZERO)
        self.found.repair |= bool(new)
        if (new or gone) and held and not self.found.incomplete:
            self._tell_of_edit(new, gone)
        elif new:
            remarks.append(
                f"{name}: {new:,} of {len(pairs):,} pairs count as written by hand;"
                " a peer's copy of such a key wins"
            )

    def _tell_of_edit(self, new: int, gone: int) -> None:
        sentence = f"{self.json_path.name} was edited: {_told(new, gone)}"
        if gone:
            self.found.lack(sentence)
        self.found.remarks.append(
            f"{sentence}; a peer's copy of such a key wins. To change what all nodes hold use put,"
            " delete or import. If nobody edited the file, look at the disk"
        )

    def _take(self, base: Versions) -> None:
        """Take over everything of a versions file but the pairs."""
        found, footer = self.found, base.footer
        for message in base.tombstones:
            found.table.apply_message(message)
        found.clock = max(found.clock, footer.clock)
        found.hints.update({hint.peer: Version(hint.since) for hint in footer.hints})
        found.promises = newest_of(footer.promises, found.promises)
        found.table.decided |= footer.decided
        found.votes |= footer.votes
        found.forgot |= footer.forgot
        found.repair |= footer.repair
        found.node, found.configuration = footer.node, footer.configuration
        if footer.incomplete and not found.incomplete:
            found.damage(footer.incomplete)


def parse_handmade(data: bytes, name: str, settings: Settings) -> dict[str, str]:
    """Read a JSON file called `name` that a person may have written.

    Raises orjson.JSONDecodeError if it is not JSON, CannotStart if the node cannot serve it.
    """
    pairs = orjson.loads(data.removeprefix(codecs.BOM_UTF8))  # some editors put one there
    if not isinstance(pairs, dict):
        raise CannotStart(f'{name} must be one flat JSON object, like {{"key": "value"}}')
    for key, value in pairs.items():
        shown = repr(key if len(key) <= _SHOWN_CHARACTERS else key[:_SHOWN_CHARACTERS] + "…")
        if not isinstance(value, str):
            kind = _KINDS.get(type(value), "a number")
            raise CannotStart(
                f"{name}: the value of key {shown} is {kind}, not a string; nothing was changed"
            )
        _check_size(f"{name}: key {shown}", key, 1, settings.key_limit_bytes)
        _check_size(f"{name}: the value of key {shown}", value, 0, settings.value_limit_bytes)
    return pairs


def _check_size(what: str, text: str, least_bytes: int, most_bytes: int) -> None:
    size_bytes = len(text.encode())
    if not least_bytes <= size_bytes <= most_bytes:
        raise CannotStart(
            f"{what} is {size_bytes:,} bytes long, allowed are {least_bytes} to {most_bytes:,};"
            " nothing was changed"
        )


def _told(new: int, gone: int) -> str:
    """What an edit did, as far as it can be known: hashes do not say which pair became which."""
    if not gone:
        return f"{_pairs(new)} added"
    if not new:
        return f"{_pairs(gone)} that this node had stored gone"
    return f"{_pairs(new)} new or changed, {gone:,} that this node had stored changed or gone"


def _pairs(count: int) -> str:
    return f"{count:,} pair{'' if count == 1 else 's'}"


def _own(json: bytes, held: Mapping[int, Versions]) -> int | None:
    """The number of the newest versions file that belongs to this JSON."""
    hasher = versions.json_hasher()
    hasher.update(json)
    digest = hasher.digest()
    own = [n for n, one in held.items() if one.whole and one.footer.json_hash == digest]
    return max(own, default=None)


def _candidates(held: Mapping[int, Versions], segments: frozenset[int]) -> dict[int, Versions]:
    """The versions files that an unknown JSON may belong to.

    A segment goes only after the JSON that needs it was replaced, for good. So a versions file
    whose journal has a gap is a leftover, as long as there is one whose journal has none.
    """
    last = max((*held, *segments), default=0)
    usable = {n: one for n, one in held.items() if segments.issuperset(range(n, last + 1))}
    return usable or dict(held)
