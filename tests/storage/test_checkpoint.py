"""The checkpoint: a file for people, in time, and no trouble for anybody when it fails."""

from __future__ import annotations

import asyncio
import errno
import random
from pathlib import Path

import orjson
import pytest

from kvcluster.config import Settings
from kvcluster.storage import checkpoint, versions
from kvcluster.storage.pieces import pieces
from kvcluster.storage.table import Table
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import PATH, Life, files_of, until
from tests.storage.virtual_loop import run

ODD_PAIRS = {
    "": "an empty key cannot be written by a client, but costs nothing here",
    "Đà Nẵng": "xin chào",
    "emoji \U0001f600": "\U0001f680\u200d",
    'quote " and \\ backslash': 'a "value", {with} [json] in it: \\"',
    "line\nbreak\r\n": "\n\n\t\0\x1f\x7f\u2028",
    "nul\0key": "\0",
    "empty": "",
    "huge": "ü" * 700_000,
    "large": "x" * 1_000_000,
}


def written(pairs: dict[str, str], *, deleted: tuple[str, ...] = ()) -> FakeDisk:
    """A cleanly stopped store of these pairs."""

    async def scenario(disk: FakeDisk) -> None:
        async with Life(disk) as life:
            for key in deleted:
                await life.put(key, "x")
            await asyncio.gather(*[life.put(key, value) for key, value in pairs.items()])
            for key in deleted:
                await life.delete(key)

    disk = FakeDisk()
    run(scenario(disk))
    return disk.kill()


def test_the_json_is_flat_readable_and_one_key_a_line() -> None:
    """Any text comes back; what is not ASCII stands there as it is."""
    disk = written(ODD_PAIRS)
    text = disk.files()[PATH].decode()
    assert orjson.loads(text) == ODD_PAIRS
    lines = text.split("\n")
    assert (lines[0], lines[-2:]) == ("{", ["}", ""])
    assert len(lines) == len(ODD_PAIRS) + 3
    assert all(line.startswith('  "') for line in lines[1:-2])
    assert '"Đà Nẵng": "xin chào"' in text
    life = Life(disk)
    assert life.data() == ODD_PAIRS
    assert life.found.remarks == []


def test_equal_data_makes_equal_files_byte_for_byte() -> None:
    """In whatever order it was written, on whatever node, with other deletes in between."""
    pairs = {f"key {number}": str(number) for number in range(2_000)} | ODD_PAIRS
    shuffled = list(pairs.items())
    random.Random(1).shuffle(shuffled)
    one, other = written(pairs), written(dict(shuffled), deleted=("p", "q"))
    assert one.files()[PATH] == other.files()[PATH]


def test_each_key_stands_in_one_piece_and_pieces_are_small() -> None:
    """Also where one slot is larger than a piece."""
    table = Table()
    version = Life(FakeDisk()).clock.tick(0)
    keys = [f"k{number}" for number in range(20_000)]
    for key in keys:
        table.apply(key, (None if key.endswith("7") else key * 20, version))
    cut = list(pieces(table))
    assert max(len(piece.keys) + len(piece.tombstones) for piece in cut) <= 512
    live = [key for piece in cut for key in piece.keys]
    dead = [key for piece in cut for key in [it.key for it in piece.tombstones]]
    assert sorted(live + dead) == sorted(keys)
    assert dead
    assert all(key.endswith("7") for key in dead)


def test_a_write_is_in_the_json_about_a_second_later() -> None:
    """While the store is small; and nothing is written when nothing changed."""

    async def scenario() -> None:
        disk, loop = FakeDisk(), asyncio.get_running_loop()
        async with Life(disk) as life:
            started_s = loop.time()
            await life.put("k", "v")
            await life.checkpointed()
            assert loop.time() - started_s <= 1.1
            await asyncio.sleep(1)
            calls = len(disk.calls)
            await asyncio.sleep(100)
            assert len(disk.calls) == calls
        assert len(disk.calls) == calls, "a clean stop with nothing new writes nothing"

    run(scenario())


def test_a_checkpoint_rests_nineteen_times_as_long_as_it_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five percent, spread out: no pause is longer than a piece, and stopping is at full speed."""
    piece_s = 0.001
    encode = versions.encode_piece

    def slowly(*arguments: object) -> bytes:
        loop = asyncio.get_running_loop()
        loop._now_s += piece_s  # type: ignore[attr-defined]
        return encode(*arguments)  # type: ignore[arg-type]

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        disk = FakeDisk()
        async with Life(disk) as life:
            await asyncio.gather(*[life.put(f"k{number}", "v") for number in range(25_600)])
            monkeypatch.setattr(checkpoint, "encode_piece", slowly)
            started_s, made = loop.time(), disk.count("replace", PATH.name)
            await until(lambda: disk.count("replace", PATH.name) > made)
            took_s = loop.time() - started_s
            assert 50 * piece_s * 20 <= took_s <= 1.1 + 52 * piece_s * 20
            await life.put("k", "last")
            started_s = loop.time()
        assert loop.time() - started_s < 60 * piece_s

    run(scenario())


def test_the_age_of_the_json_is_known() -> None:
    """For `status`: when it was last complete; it does not age while nothing changes."""

    async def scenario() -> None:
        disk, loop = FakeDisk(), asyncio.get_running_loop()
        await asyncio.sleep(100)
        async with Life(disk) as life:
            assert life.store.checkpointer.finished_s == 100, (
                "an empty one is written before the start"
            )
            await asyncio.sleep(500.5)  # between two looks: no two timers at one moment
            assert loop.time() - life.store.checkpointer.finished_s <= 1.1
            await life.put("a", "1")
            written_s = loop.time()
            assert life.store.checkpointer.finished_s < written_s
            await life.checkpointed()
            await asyncio.sleep(1.1)
            assert life.store.checkpointer.finished_s >= written_s

        async with Life(disk.kill(), incarnation=2) as life:
            assert life.store.checkpointer.finished_s is None, "complete, but nobody looked yet"
            calls = len(disk.calls)
            await asyncio.sleep(1.1)
            assert life.store.checkpointer.finished_s is not None
            assert len(disk.calls) == calls

    run(scenario())


def test_the_json_grows_old_while_it_cannot_be_written() -> None:
    """A full disk must not look like a fresh file."""

    async def scenario() -> None:
        disk, loop = FakeDisk(), asyncio.get_running_loop()
        async with Life(disk) as life:
            await life.put("a", "1")
            await life.checkpointed()
            await life.put("b", "2")
            disk.capacity = 0
            await until(lambda: bool(life.store.checkpointer.last_error))
            before_s = life.store.checkpointer.finished_s
            await asyncio.sleep(60)
            assert life.store.checkpointer.finished_s == before_s
            disk.capacity = None
            await life.checkpointed()
            await asyncio.sleep(1.1)
            assert life.store.checkpointer.finished_s is not None
            assert loop.time() - life.store.checkpointer.finished_s <= 1.1

    run(scenario())


def test_the_json_is_as_old_as_the_beginning_of_its_checkpoint() -> None:
    """What was written while it was copied may not be in it."""

    async def scenario() -> None:
        disk, loop = FakeDisk(), asyncio.get_running_loop()
        began_s: list[float] = []

        def slow(method: str, path: Path) -> None:
            if path.name == "data_node_50051.json.tmp" and method == "append":
                loop._now_s += 1  # type: ignore[attr-defined]
            if path.name == "data_node_50051.json.tmp" and method == "create":
                began_s.append(loop.time())

        async with Life(disk) as life:
            await life.put("a", "1")
            before_s = life.store.checkpointer.finished_s
            disk.after = slow
            await until(lambda: life.store.checkpointer.finished_s != before_s)
            assert loop.time() - began_s[0] >= 1
            assert life.store.checkpointer.finished_s is not None
            assert life.store.checkpointer.finished_s <= began_s[0]
            disk.after = None

    run(scenario())


@pytest.mark.parametrize("room", [0, 1, 100, 400, 1_000, 1_500])
def test_a_disk_that_fills_up_keeps_the_old_files_and_tries_again(room: int) -> None:
    """No temporary file stays, the old pair is whole, and with room the JSON catches up."""

    async def scenario() -> None:
        disk = FakeDisk()
        async with Life(disk) as life:
            for number in range(20):
                await life.put(f"k{number}", "x" * 50)
            await life.checkpointed()
            old = disk.files()[PATH]
            await life.put("new", "y")
            disk.capacity = sum(map(len, disk.files().values())) + room
            await until(lambda: bool(life.store.checkpointer.last_error))
            assert "No space" in life.store.checkpointer.last_error
            assert disk.files()[PATH] == old
            assert files_of(disk, ".tmp") == []
            names = files_of(disk)
            await asyncio.sleep(60)
            assert files_of(disk) == names, "failed tries pile up nothing"
            crashed = Life(disk.crash(random.Random(1)), incarnation=2)
            assert crashed.data() == life.data()
            assert not crashed.found.incomplete

            disk.capacity = None
            await life.checkpointed()
            assert not life.store.checkpointer.last_error
            assert len(files_of(disk, "versions-")) == 1
            assert len(files_of(disk, "journal-")) == 1

    run(scenario())


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("create", "journal-"),
        ("create", "json.tmp"),
        ("create", "versions-"),
        ("append", "json.tmp"),
        ("append", "versions-"),
        ("sync", "json.tmp"),
        ("sync", "versions-"),
        ("replace", "versions-"),
        ("replace", "json"),
    ],
)
def test_no_room_at_any_step_leaves_the_old_pair(method: str, name: str) -> None:
    """Whatever step fails for want of room: a crash then loses nothing, and it is tried again."""

    async def scenario() -> None:
        disk = FakeDisk()
        async with Life(disk) as life:
            await life.put("a", "1")
            await life.checkpointed()
            disk.fail(method, errno.ENOSPC, name=name)
            await life.put("b", "2")
            await until(lambda: bool(life.store.checkpointer.last_error))
            assert files_of(disk, ".tmp") == []
            assert len(files_of(disk, "versions-")) == 1
            for keep in (0.0, 0.5, 1.0):
                crashed = Life(disk.crash(random.Random(1), keep), incarnation=2)
                assert crashed.data() == {"a": "1", "b": "2"}
                assert not crashed.found.incomplete
            await life.checkpointed()

    run(scenario())


@pytest.mark.parametrize(
    ("method", "name"),
    [("sync", "json.tmp"), ("sync", "versions-"), ("sync_folder", "wal"), ("sync_folder", "data")],
)
def test_a_failed_sync_of_a_checkpoint_is_final(method: str, name: str) -> None:
    """No second sync of the same thing, no rename of what may not be on disk."""

    async def scenario() -> None:
        disk = FakeDisk()
        life = await Life(disk).__aenter__()
        await life.put("a", "1")
        await life.checkpointed()
        nth = 2 if name == "wal" else 1  # the first is that of the new segment
        disk.fail(method, errno.EIO, name=name, nth=nth)
        await life.put("b", "2")
        task = life.tasks["checkpoint"]
        await until(task.done)
        error = task.exception()
        assert error is not None
        assert "fsync" in str(error)
        assert "Input/output" in str(error)
        for keep in (0.0, 0.5, 1.0):
            crashed = Life(disk.crash(random.Random(1), keep), incarnation=2)
            assert crashed.data() == {"a": "1", "b": "2"}
        await life.store.close()

    run(scenario())


def test_a_stop_after_the_journal_has_broken_does_not_hang() -> None:
    """There is nobody left to rotate a segment for the last checkpoint."""

    async def scenario() -> None:
        disk = FakeDisk()
        life = await Life(disk).__aenter__()
        disk.fail("sync", errno.EIO, name="journal-")
        ack = life.put("a", "1")
        await until(ack.done)
        assert ack.exception() is not None
        await life.store.close()

    run(scenario())


def test_a_disk_that_was_full_from_the_first_moment_recovers() -> None:
    """Journal and checkpoint together: reads go on, and everything works again with room."""

    async def scenario() -> None:
        disk = FakeDisk()
        async with Life(disk, settings=Settings(checkpoint_retry_s=0.5)) as life:
            await life.put("a", "1")
            disk.capacity = 0
            failed = life.put("b", "2")
            await until(failed.done)
            assert failed.exception() is not None
            await asyncio.sleep(10)
            assert life.data() == {"a": "1"}
            disk.capacity = None
            await life.put("c", "3")
            await life.checkpointed()
            assert life.json() == {"a": "1", "c": "3"}

    run(scenario())
