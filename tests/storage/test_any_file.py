"""Any bytes in any file: a start ends in data, or in a sentence, never in a traceback.

Drawn by Hypothesis, the same in every run. `FUZZ=20000` draws as many.

A byte that flips here and there is tests/storage/test_damage.py, at every place; here several
things happen at once: pieces are cut out, doubled, moved, overwritten and thrown in.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.entry import Entry
from kvcluster.storage.base import parse_handmade
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import FOLDER, PATH, Life
from tests.storage.virtual_loop import run

often = settings(max_examples=int(os.environ.get("FUZZ", "200")))
LIMITS = Settings(key_limit_bytes=8, value_limit_bytes=16)

JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=8,
)
FLAT = st.dictionaries(st.text(max_size=10), st.text(max_size=20))


def as_json(value: object) -> bytes:
    """A value as somebody's JSON."""
    return json.dumps(value).encode()


@often
@given(
    st.binary(max_size=80) | JSON_LIKE.map(str).map(str.encode) | (JSON_LIKE | FLAT).map(as_json)
)
def test_any_json_is_loaded_or_refused_in_a_sentence(data: bytes) -> None:
    """What comes out are strings within their limits, or an error that names the file."""
    try:
        pairs = parse_handmade(data, "data.json", LIMITS)
    except orjson.JSONDecodeError:
        return
    except CannotStart as error:
        pairs, said = {}, str(error)
    else:
        said = "data.json is fine"
    assert said.startswith("data.json")
    assert len(said) < 300
    for key, value in pairs.items():
        assert 1 <= len(key.encode()) <= 8
        assert len(value.encode()) <= 16


@often
@given(st.binary(max_size=200))
def test_any_bytes_as_the_json_start_or_say_why(data: bytes) -> None:
    """On a disk with nothing else: an empty node that says that data was lost, or a sentence."""
    disk = FakeDisk()
    disk.write(PATH, data)
    try:
        life = Life(disk)
    except CannotStart:
        return
    assert life.found.incomplete or life.data() == orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))


async def make() -> tuple[FakeDisk, dict[str, set[Entry]]]:
    """A disk with a journal of a dozen groups, and every entry that was ever in it."""
    disk, written = FakeDisk(), dict[str, set[Entry]]()
    async with Life(disk) as life:
        for number in range(12):
            key = f"k{number % 5}"
            await (life.delete(key) if number % 4 == 3 else life.put(key, f"v{number}"))
            entry = life.store.get(key)
            assert entry is not None
            written.setdefault(key, set()).add(entry)
        await life.put_many({"k1": "b1", "k7": "b7"})
        for key in ("k1", "k7"):
            entry = life.store.get(key)
            assert entry is not None
            written.setdefault(key, set()).add(entry)
        await life.end()
    return disk.kill(), written


DISK, WRITTEN = run(make())


def journal_of(disk: FakeDisk) -> Path:
    """The one segment that holds something."""
    return max(
        (path for path in disk.files() if path.name.startswith("journal-")),
        key=lambda path: len(disk.files()[path]),
    )


JOURNAL = journal_of(DISK)
WHOLE = DISK.files()[JOURNAL]


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """The journal after a few things have happened to it."""
    data = WHOLE
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        piece, to = data[start:end], draw(st.integers(0, len(data)))
        happens = draw(st.sampled_from(["cut", "double", "move", "noise", "NULs"]))
        if happens in ("cut", "move"):
            data = data[:start] + data[end:]
        if happens in ("double", "move"):
            data = data[:to] + piece + data[to:]
        if happens == "noise":
            data = data[:to] + draw(st.binary(max_size=40)) + data[to:]
        if happens == "NULs":
            data = data[:start] + bytes(len(piece)) + data[end:]
    return data


@often
@given(mangled())
def test_mangled_journal_starts_with_nothing_that_was_never_written(data: bytes) -> None:
    """It always starts; every entry is one that was written; a second start finds the same."""
    disk = DISK.kill()
    disk.write(JOURNAL, data)
    life = Life(disk, incarnation=2)
    found = dict(life.store.table.items())
    for key, entry in found.items():
        assert entry in WRITTEN[key]
    again = Life(disk.kill(), incarnation=3)
    assert dict(again.store.table.items()) == found
    assert bool(again.found.incomplete) == bool(life.found.incomplete)


@often
@given(st.binary(max_size=300), st.sampled_from(["journal-00000001", "versions-00000001"]))
def test_any_bytes_as_a_file_of_ours_are_survived(data: bytes, name: str) -> None:
    """A journal or versions file of noise: the node starts, and if it was not a crash, says so."""
    disk = FakeDisk()
    disk.make_folder(FOLDER)
    disk.write(FOLDER / name, data)
    life = Life(disk)
    assert not life.data()
