"""What a file and a folder are to the fake disk: what is seen, what is safe, and all between.

Files and names are kept apart, as on a real disk: the same contents may stand under two names
after a crash, or under none.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_SECTOR_BYTES = 512


@dataclass
class Contents:
    """The bytes of a file, and what was done to them since the last sync."""

    durable: bytes = b""
    current: bytearray = field(default_factory=bytearray)
    changes: list[bytes | int] = field(default_factory=list)  # appended bytes, or a cut to a size

    def twin(self) -> Contents:
        return Contents(self.durable, bytearray(self.current), list(self.changes))

    def change(self, change: bytes | int) -> None:
        self.changes.append(change)
        _apply(self.current, change)

    def sync(self) -> None:
        self.durable, self.changes = bytes(self.current), []

    def survivor(self, rng: random.Random, keep: float) -> bytes:
        data = bytearray(self.durable)
        for change in self.changes:
            if rng.random() >= keep:
                if isinstance(change, bytes) and keep > 0:
                    _tear(data, change, rng)
                break
            _apply(data, change)
        return bytes(data)


def _apply(data: bytearray, change: bytes | int) -> None:
    if isinstance(change, bytes):
        data += change
    else:
        del data[change:]


def _tear(data: bytearray, lost: bytes, rng: random.Random) -> None:
    """Let a part of a lost write survive, or only its length."""
    start, end = len(data), len(data) + len(lost)
    if rng.random() < 0.5:
        data += lost[: rng.randrange(len(lost) + 1)]
    else:
        sectors = range(start - start % _SECTOR_BYTES + _SECTOR_BYTES, end, _SECTOR_BYTES)
        written = rng.choice([start, *sectors]) - start
        data += lost[:written] + bytes(len(lost) - written)


@dataclass
class Folder:
    """Names, and what was done to them since the last sync."""

    durable: dict[str, Contents] = field(default_factory=dict)
    current: dict[str, Contents] = field(default_factory=dict)
    changes: list[dict[str, Contents | None]] = field(default_factory=list)
    named: bool = False  # its own name in its parent is durable

    def twin(self, twins: dict[int, Contents]) -> Folder:
        """The same names for copies of the contents, which are found in `twins` by identity."""

        def twin(contents: Contents) -> Contents:
            if id(contents) not in twins:
                twins[id(contents)] = contents.twin()
            return twins[id(contents)]

        return Folder(
            {name: twin(contents) for name, contents in self.durable.items()},
            {name: twin(contents) for name, contents in self.current.items()},
            [
                {name: c if c is None else twin(c) for name, c in change.items()}
                for change in self.changes
            ],
            self.named,
        )

    def change(self, names: dict[str, Contents | None]) -> None:
        self.changes.append(names)
        _rename(self.current, names)

    def sync(self) -> None:
        self.durable, self.changes = dict(self.current), []

    def survivor(self, rng: random.Random, keep: float) -> dict[str, Contents]:
        names = dict(self.durable)
        for change in self.changes:
            if rng.random() < keep:
                _rename(names, change)
        return names


def _rename(names: dict[str, Contents], change: dict[str, Contents | None]) -> None:
    for name, contents in change.items():
        if contents is None:
            names.pop(name, None)
        else:
            names[name] = contents
