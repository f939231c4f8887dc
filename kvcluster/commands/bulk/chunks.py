"""What an import reads: a file cut into chunks, each with the bookmark for when it is stored.

A chunk is what one request carries: about a thousand pairs or a mebibyte. Within it each key stands
once, with its last value, as if they had been stored one after the other.

A bad line ends the reading, after the chunk of all the good lines before it. Or, if it is to be
left out, it is told and passed over.

JSON Lines are read as they come, however long the file; the hash for the bookmark grows with them.
A JSON object is read as a whole, since nothing says where a pair of it begins; its bookmark counts
pairs, and its hash is of the whole file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from xxhash import xxh3_128, xxh3_128_hexdigest

from kvcluster.commands.bulk.bookmark import Bookmark
from kvcluster.commands.bulk.formats import BadFile, Format
from kvcluster.commands.bulk.pairs import (
    BadPair,
    Pair,
    check_pair,
    parse_line,
    parse_object,
    without_mark,
)
from kvcluster.commands.bulk.rows import BadRow, columns, parse_row, read_row
from kvcluster.config import MIB, VALUE_CEILING_BYTES

_CHUNK_PAIRS = 1_000
_CHUNK_BYTES = MIB
_LONGEST_ESCAPE = len(r"\u0000")
_LINE_LIMIT_BYTES = _LONGEST_ESCAPE * VALUE_CEILING_BYTES + MIB
"""A longer line is no line of ours: no node takes such a value, however it is written."""

OnBad = Callable[[BadPair], None]
"""What to do about a bad pair: raise it, or count it and go on."""


@dataclass
class Chunk:
    """Pairs to be stored together."""

    pairs: dict[str, Pair] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """The line, or the number, of each of them."""
    size_bytes: int = 0
    end: Bookmark | None = None
    """Where to go on once this and all before it is stored."""

    def add(self, pair: Pair, number: int, size_bytes: int) -> None:
        """Add a pair; a key that is there already gets the new value."""
        self.pairs[pair.key] = pair
        self.numbers[pair.key] = number
        self.size_bytes += size_bytes

    @property
    def full(self) -> bool:
        """Whether it is enough for one go."""
        return len(self.pairs) >= _CHUNK_PAIRS or self.size_bytes >= _CHUNK_BYTES


class ImportSource(Protocol):
    """Where pairs come from."""

    format: Format
    total: int | None
    """In the unit of `Bookmark.done`; None if nobody knows."""

    def go_on(self, mark: Bookmark) -> bool:
        """Continue behind the bookmark, if it is one of this file; otherwise at the beginning."""

    def chunks(self, on_bad: OnBad) -> Iterator[Chunk]:
        """The rest of the file. Raises what `on_bad` raises, after the last good chunk."""


class JsonLines:
    """JSON Lines."""

    format: Format = Format.JSONL

    def __init__(self, file: BinaryIO, total: int | None, about: Mapping[str, str]) -> None:
        self.total = total
        self._file = file
        self._about = about
        self._hash = xxh3_128()
        self._done = self._number = self._keys = 0

    def go_on(self, mark: Bookmark) -> bool:
        """Continue behind the bookmark if what stands before it is what was imported."""
        left = mark.done
        while left and (part := self._file.read(min(left, MIB))):
            self._hash.update(part)
            left -= len(part)
        if left == 0 and self._hash.hexdigest() == mark.digest:
            self._done, self._number, self._keys = mark.done, mark.number, mark.keys
            return True
        self._hash.reset()
        self._file.seek(0)
        return False

    def chunks(self, on_bad: OnBad) -> Iterator[Chunk]:
        """The rest of the file."""
        chunk = Chunk()
        while line := self._read():
            number = self._number + 1
            try:
                pair = self._parse(without_mark(line) if number == 1 else line, number)
            except BadPair as bad:
                # Once the line is mended, the next run continues behind what was stored before it.
                if chunk.pairs:
                    yield self._ended(chunk)
                    chunk = Chunk()
                on_bad(bad)
                pair = None
            self._pass(line)
            if pair:
                self._keys += 1
                chunk.add(pair, number, len(line))
                if chunk.full:
                    yield self._ended(chunk)
                    chunk = Chunk()
        yield self._ended(chunk)

    def _read(self) -> bytes:
        """The next line, or as much of it as a line may be long."""
        return self._file.readline(_LINE_LIMIT_BYTES)

    def _parse(self, line: bytes, number: int) -> Pair | None:
        if len(line) >= _LINE_LIMIT_BYTES and not line.endswith(b"\n"):
            raise BadPair(number, f"is longer than {_LINE_LIMIT_BYTES:,} bytes")
        return parse_line(line, number) if not line.isspace() else None

    def _pass(self, line: bytes) -> None:
        """Count a line as read, with its end if it was too long to be read at once."""
        self._number += max(1, line.count(b"\n"))
        while True:
            self._hash.update(line)
            self._done += len(line)
            if line.endswith(b"\n") or len(line) < _LINE_LIMIT_BYTES:
                return
            line = self._file.readline(_LINE_LIMIT_BYTES)

    def _ended(self, chunk: Chunk) -> Chunk:
        last_key = next(reversed(chunk.pairs), "")
        chunk.end = Bookmark(
            self._done, self._number, self._keys, self._hash.hexdigest(), last_key, self._about
        )
        return chunk


class Rows(JsonLines):
    """CSV: what is called a line here may go over several."""

    format = Format.CSV
    _places: tuple[int, int] | None = None
    """Of the key and the value in a row, once the header is known."""

    def go_on(self, mark: Bookmark) -> bool:
        """Continue behind the bookmark; the header stands before it."""
        header = self._read()
        self._file.seek(0)
        if not super().go_on(mark):
            return False
        self._places = columns(without_mark(header))
        return True

    def _read(self) -> bytes:
        return read_row(self._file.readline, _LINE_LIMIT_BYTES)

    def _parse(self, line: bytes, number: int) -> Pair | None:
        if line.isspace():
            return None
        try:
            if self._places is None:
                self._places = columns(line)
                return None
            return Pair(*parse_row(line, self._places))
        except BadRow as bad:
            if self._places is None:
                raise BadFile(f'has no header "key,value"; its first line {bad}') from None
            raise BadPair(number, str(bad)) from None


class Object:
    """One flat JSON object. Raises BadFile at once if it is none."""

    format = Format.JSON

    def __init__(self, data: bytes, about: Mapping[str, str]) -> None:
        self._pairs = parse_object(data)
        self._digest = xxh3_128_hexdigest(data)
        self._about = about
        self._done = self._keys = 0
        self.total: int | None = len(self._pairs)

    def go_on(self, mark: Bookmark) -> bool:
        """Continue behind the bookmark if it is the same file."""
        if self._digest != mark.digest or mark.done > len(self._pairs):
            return False
        self._done, self._keys = mark.done, mark.keys
        return True

    def chunks(self, on_bad: OnBad) -> Iterator[Chunk]:
        """The rest of the pairs."""
        chunk = Chunk()
        for number in range(self._done + 1, len(self._pairs) + 1):
            try:
                pair = check_pair(*self._pairs[number - 1], number)
            except BadPair as bad:
                if chunk.pairs:
                    yield self._ended(chunk)
                    chunk = Chunk()
                on_bad(bad)
                self._done = number
                continue
            self._done, self._keys = number, self._keys + 1
            chunk.add(pair, number, len(pair[0]) + len(pair[1]))
            if chunk.full:
                yield self._ended(chunk)
                chunk = Chunk()
        yield self._ended(chunk)

    def _ended(self, chunk: Chunk) -> Chunk:
        last_key = next(reversed(chunk.pairs), "")
        chunk.end = Bookmark(
            self._done, self._done, self._keys, self._digest, last_key, self._about
        )
        return chunk
