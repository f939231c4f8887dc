"""Promises: what was promised is not taken, whatever happens to the process; all else is."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kvcluster.config import Settings
from kvcluster.model.entry import Verdict, Version, make_version
from kvcluster.storage.block import Block
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import Life, message, until
from tests.storage.virtual_loop import run

from demo_pb2 import Promise

SETTINGS = Settings(checkpoint_sync_bytes=256)
V1, V2, V3, V4 = (make_version(number, 1) for number in (10, 20, 30, 40))
BALLOT = make_version(20, 0xCA5D0000)


def promise(key: str, ballot: Version = BALLOT) -> Promise:
    """What is asked for."""
    return Promise(key=key, ballot=ballot)


def after(deeds: Callable[[Life], Awaitable[None]]) -> list[Life]:
    """Next lives: after a kill, after a power cut, after a clean stop, and after a checkpoint."""

    async def scenario() -> list[FakeDisk]:
        killed, stopped, checkpointed = FakeDisk(), FakeDisk(), FakeDisk()
        life = await Life(killed).__aenter__()
        await deeds(life)
        lost = killed.crash(random.Random(1), keep=0.0)
        await life.end()
        async with Life(stopped) as life:
            await deeds(life)
        life = await Life(checkpointed).__aenter__()
        await deeds(life)
        life.store.checkpointer.require()
        written = life.store.checkpointer.written
        await until(lambda: life.store.checkpointer.written > written)
        await life.end()
        return [killed.kill(), lost, stopped.kill(), checkpointed.kill()]

    return [Life(disk, incarnation=2) for disk in run(scenario())]


def test_what_is_below_a_promise_is_refused_and_told_by_its_place() -> None:
    """The others of the same write are taken, in a block as well."""

    async def scenario() -> None:
        async with Life(FakeDisk()) as life:
            store = life.store
            await store.promise([promise("k")])
            entries = [message("a", "1", V1), message("k", "2", V1), message("b", "3", V1)]
            told = await store.write(entries)
            assert told == [Verdict.NEWER, Verdict.REFUSED, Verdict.NEWER]
            told = await store.write(Block(["c", "k"], ["4", "5"], V1))
            assert told == [Verdict.NEWER, Verdict.REFUSED]
            assert life.data() == {"a": "1", "b": "3", "c": "4"}
            assert list(store.promises.behind) == ["k"]
            assert store.promises.refused == 2
            assert await store.write([message("k", "6", BALLOT)]) == [Verdict.NEWER]
            assert not store.promises
            assert not store.promises.behind

    run(scenario())


@pytest.mark.parametrize("version", [V2, BALLOT, V3], ids=["a moment below", "at", "above"])
def test_a_promise_is_kept_by_what_reaches_it(version: Version) -> None:
    """In this life and in the next; what is below leaves it in force."""

    async def deeds(life: Life) -> None:
        await life.store.promise([promise("k")])
        await life.store.write([message("k", "v", version)])

    for life in after(deeds):
        kept = version >= BALLOT
        assert life.data() == ({"k": "v"} if kept else {})
        assert life.store.promises.ballot("k") == (None if kept else BALLOT)
        assert life.store.table.decided


def test_a_promise_survives_and_a_lower_one_does_not_replace_it() -> None:
    """Whoever relies on it may come after a restart; until then the key counts as behind."""

    async def deeds(life: Life) -> None:
        await life.store.write([message("k", "old", V1)])
        await life.store.promise([promise("k"), promise("l", V3)])
        await life.store.promise([promise("k", V2), promise("l", V4)])

    for life in after(deeds):
        promises = life.store.promises
        assert (promises.ballot("k"), promises.ballot("l")) == (BALLOT, V4)
        assert set(promises.behind) == {"k", "l"}
        assert life.data() == {"k": "old"}


def test_it_is_told_only_when_what_came_before_is_applied() -> None:
    """Else whoever asks would not see an entry that this node takes all the same."""

    async def scenario() -> None:
        async with Life(FakeDisk()) as life:
            written = life.store.write([message("k", "before", V1)])
            promised = life.store.promise([promise("k")])
            refused = life.store.write([message("k", "after", V1)])
            await promised
            assert written.done()
            assert life.data() == {"k": "before"}
            assert await refused == [Verdict.REFUSED]

    run(scenario())


def test_who_is_made_whole_takes_entries_whatever_was_promised() -> None:
    """What a node that lost its data has promised counts no more; what it lost must come back."""

    async def scenario() -> None:
        async with Life(FakeDisk()) as life:
            await life.store.promise([promise("k")])
            entries = [message("k", "v", V1)]
            assert await life.store.write(entries, whatever_was_promised=True) == [Verdict.NEWER]
            assert life.store.promises.ballot("k") == BALLOT

    run(scenario())


def test_that_a_node_counts_is_on_disk_before_it_does_and_damage_takes_it_back() -> None:
    """A folder that says so and lacks something is not that of a node which remembers."""

    async def deeds(life: Life) -> None:
        await life.store.write_vote()
        await life.store.write([message("k", "v", V1)])

    for life in after(deeds):
        assert life.found.votes

    async def scenario() -> FakeDisk:
        disk = FakeDisk()
        life = await Life(disk).__aenter__()
        await deeds(life)
        await life.end()
        return disk.kill()

    disk = run(scenario())
    for path in [path for path in disk.files() if "journal-" in path.name]:
        disk.remove(path)
        disk.sync_folder(path.parent)
    life = Life(disk, incarnation=3)
    assert not life.found.votes


def test_a_crash_after_any_operation_keeps_each_promise_that_was_given() -> None:
    """On disks that keep nothing, all, or a part of what was not synced."""
    pictures: list[tuple[str, FakeDisk, dict[str, Version]]] = []
    given: dict[str, Version] = {}
    disk, rng = FakeDisk(), random.Random(3)

    def take(method: str, path: Path) -> None:
        for keep in (0.0, 1.0, 0.5):
            title = f"{len(pictures)}: {method} {path.name}, keep {keep}"
            pictures.append((title, disk.crash(rng, keep), dict(given)))

    async def scenario() -> None:
        async with Life(disk, settings=SETTINGS) as life:
            disk.after = take
            for number in range(1, 12):
                key, ballot = f"k{number % 4}", make_version(number * 10, 0xCA5D0000)
                await life.store.promise([promise(key, ballot)])
                given[key] = ballot
                if number % 3 == 0:
                    await life.store.write([message(key, "v", ballot)])
                if number % 5 == 0:
                    life.store.checkpointer.require()
                    await life.checkpointed()
            disk.after = None

    run(scenario())
    assert len(pictures) > 50
    for title, left, promised in pictures:
        life = Life(left, settings=SETTINGS, incarnation=9)
        for key, ballot in promised.items():
            held = life.store.get(key)
            there = life.store.promises.ballot(key) or (held[1] if held else None)
            assert there is not None, title
            assert there >= ballot, title
