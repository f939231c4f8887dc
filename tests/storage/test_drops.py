"""Dropped entries: once it was answered that they are forgotten, nothing on disk knows them again.

A tombstone that came back would be harmless by itself; but the primary has counted it as gone. And
what was *not* meant must stay: a drop names a version, and touches no other.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kvcluster.config import Settings
from kvcluster.errors import OutcomeUnknown
from kvcluster.model.entry import Entry, Version, make_version
from kvcluster.storage import versions
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import Ack, Life, message, only, until
from tests.storage.virtual_loop import run

SETTINGS = Settings(checkpoint_sync_bytes=256)
V1, V2, V3 = make_version(1, 1), make_version(2, 1), make_version(3, 1)
OTHERS = {"x": "1", "y": "2"}
"""What stays, whatever is dropped."""


def tombstones_on(disk: FakeDisk) -> list[str]:
    """Keys of the tombstones in the one versions file."""
    held = versions.decode(disk.files()[only(disk, "versions-")])
    return sorted(each.key for each in held.tombstones)


def after(deeds: Callable[[Life], Awaitable[None]]) -> dict[str, Entry]:
    """What a next life holds; the same after a kill, after a power cut and after a clean stop."""

    async def scenario() -> list[FakeDisk]:
        killed, stopped = FakeDisk(), FakeDisk()
        life = await Life(killed).__aenter__()
        await deeds(life)
        lost = killed.crash(random.Random(1), keep=0.0)
        await life.end()
        async with Life(stopped) as life:
            await deeds(life)
        return [killed.kill(), lost, stopped.kill()]

    lives = [Life(disk, incarnation=2) for disk in run(scenario())]
    held = [dict(life.store.table.items()) for life in lives]
    assert held[0] == held[1] == held[2]
    assert not any(life.found.incomplete for life in lives)
    return held[0]


def write(
    life: Life,
    entries: dict[str, Entry] | None = None,
    drops: dict[str, Version] | None = None,
) -> Ack:
    """One write: entries, and versions to drop."""
    return life.store.write(
        [message(key, *entry) for key, entry in (entries or {}).items()],
        [],
        [message(key, None, version) for key, version in (drops or {}).items()],
    )


def test_an_entry_and_its_drop_in_one_frame_leave_nothing() -> None:
    """A frame drops after it applied, in a replay as in life."""

    async def deeds(life: Life) -> None:
        await write(life, {"k": (None, V1)}, {"k": V1})
        assert life.store.get("k") is None

    assert after(deeds) == {}


@pytest.mark.parametrize("checkpoints", [(), (0,), (1,), (0, 1), (0, 1, 2)])
def test_a_value_its_delete_and_the_drop_leave_nothing(checkpoints: tuple[int, ...]) -> None:
    """Each in a frame of its own, with a checkpoint behind any of them; the value stays gone."""

    async def deeds(life: Life) -> None:
        steps = [("v", V1), (None, V2)]
        for number, (value, version) in enumerate(steps):
            await write(life, {"k": (value, version)})
            await checkpoint(life, number in checkpoints)
        await write(life, drops={"k": V2})
        await checkpoint(life, 2 in checkpoints)
        assert life.store.get("k") is None

    assert after(deeds) == {}


async def checkpoint(life: Life, wanted: bool) -> None:
    """Have a checkpoint written, if one is wanted."""
    if wanted:
        disk = life.store._disk
        assert isinstance(disk, FakeDisk)
        made = disk.count("replace", "versions-")
        await until(lambda: disk.count("replace", "versions-") > made)
        await asyncio.sleep(0.1)


def test_what_comes_after_a_drop_is_not_touched_by_its_replay() -> None:
    """The key was written again; or its tombstone was handed back by one that missed the drop."""

    async def deeds(life: Life) -> None:
        await write(life, {"again": (None, V1), "back": (None, V1)})
        await write(life, drops={"again": V1, "back": V1})
        await write(life, {"again": ("new", V2)})
        await write(life, {"back": (None, V1)})

    assert after(deeds) == {"again": ("new", V2), "back": (None, V1)}


def test_a_drop_of_an_older_version_does_nothing() -> None:
    """In one frame with the entry or behind it, on a value or on a tombstone."""

    async def deeds(life: Life) -> None:
        one = {"live": ("v", V2), "dead": (None, V2)}
        drops = dict.fromkeys(one, V1)
        await write(life, one, drops)
        await write(life, drops=drops)
        await write(life, drops={"never seen": V1})
        assert dict(life.store.table.items()) == one

    assert after(deeds) == {"live": ("v", V2), "dead": (None, V2)}


def test_a_write_that_overtakes_a_drop_stays() -> None:
    """Both are in one group commit, and the drop came first."""

    async def deeds(life: Life) -> None:
        await write(life, {"k": (None, V1)})
        await asyncio.gather(write(life, drops={"k": V1}), write(life, {"k": ("new", V2)}))
        assert life.store.get("k") == ("new", V2)

    assert after(deeds) == {"k": ("new", V2)}


def test_a_value_that_was_dropped_leaves_the_json_too() -> None:
    """An entry of a slot that this node does not hold: handed home, and no line of its file."""

    async def scenario() -> None:
        disk = FakeDisk()
        async with Life(disk) as life:
            await life.put("stray", "v")
            await life.put("x", "1")
            await life.checkpointed()
            await life.drop("stray")
            assert life.data() == {"x": "1"}
            await life.checkpointed()
            assert life.json() == {"x": "1"}

    run(scenario())


def test_a_checkpoint_forgets_what_was_dropped() -> None:
    """A drop alone is reason enough for one: else versions files would only ever grow."""

    async def scenario() -> None:
        disk = FakeDisk()
        async with Life(disk) as life:
            for key in ("one", "two"):
                await life.put(key, "v")
                await life.delete(key)
            await checkpoint(life, True)
            assert tombstones_on(disk) == ["one", "two"]
            await life.drop("one")
            await checkpoint(life, True)
            assert tombstones_on(disk) == ["two"]

    run(scenario())


def test_nothing_is_forgotten_on_a_disk_that_is_full() -> None:
    """The drop is not on disk, so it did not happen; it is asked for again when there is room."""

    async def scenario() -> None:
        disk = FakeDisk()
        async with Life(disk) as life:
            await life.delete("k")
            disk.capacity = 0
            with pytest.raises(OutcomeUnknown):
                await life.drop("k")
            assert life.store.table.tombstones == 1
            disk.capacity = None
            await life.drop("k")
            assert life.store.table.tombstones == 0

    run(scenario())


# ---------------------------------------------------------------- crashes


@dataclass
class Known:
    """What was answered by some moment, about keys that are written, deleted and dropped once."""

    deleted: set[str] = field(default_factory=set)
    dropping: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)

    def snapshot(self) -> Known:
        return Known(set(self.deleted), set(self.dropping), set(self.dropped))

    def check(self, life: Life) -> None:
        for key in self.dropped:
            assert life.store.get(key) is None, f"{key} was forgotten, and is known again"
        for key in self.deleted:
            entry = life.store.get(key)
            assert entry is None or entry[0] is None, f"{key} was deleted, and has a value"
            assert entry is not None or key in self.dropping, f"{key} was forgotten by itself"
        assert life.data().items() >= OTHERS.items()


async def bury(life: Life, known: Known, key: str, *, rest_s: float = 0.0) -> None:
    """Write a key, delete it, drop it, resting in between; each is known when it is answered."""
    await life.put(key, "x" * 20)
    await asyncio.sleep(rest_s)
    await life.delete(key)
    known.deleted.add(key)
    await asyncio.sleep(rest_s)
    known.dropping.add(key)
    await life.drop(key)
    known.dropped.add(key)


def test_a_drop_survives_a_kill_or_a_power_cut_at_every_operation() -> None:
    """Between, in the middle of and behind checkpoints, which may have copied the tombstone."""
    pictures: list[tuple[str, FakeDisk, Known]] = []

    async def scenario() -> None:
        disk, known, rng = FakeDisk(), Known(), random.Random(1)
        late: list[asyncio.Task[None]] = []

        def picture(method: str, path: Path) -> None:
            title = f"{len(pictures)}: {method} {path.name}"
            pictures.append((f"{title}, killed", disk.kill(), known.snapshot()))
            for keep in (0.0, 0.5, 1.0):
                left = disk.crash(rng, keep)
                pictures.append((f"{title}, keep {keep}", left, known.snapshot()))
            if "versions-" in path.name and len(late) < 30:  # in the middle of a checkpoint
                late.append(asyncio.ensure_future(bury(life, known, f"late {len(late)}")))

        async with Life(disk, settings=SETTINGS) as life:
            for key, value in OTHERS.items():
                await life.put(key, value)
            disk.after = picture
            await asyncio.gather(*[bury(life, known, f"k{n}", rest_s=n * 0.05) for n in range(40)])
            await asyncio.sleep(3)
            await asyncio.gather(*late)
            disk.after = None
        assert len(late) == 30
        assert len(known.dropped) == 70

    run(scenario())
    assert len(pictures) > 400
    for title, left, known in pictures:
        life = Life(left, settings=SETTINGS, incarnation=9)
        assert not life.found.incomplete, (title, life.found.remarks)
        try:
            known.check(life)
        except AssertionError as error:
            raise AssertionError(title) from error


def test_a_drop_survives_any_number_of_lives() -> None:
    """Each ends by a kill or a power cut, before or after it has written a checkpoint."""
    disk, known, rng = FakeDisk(), Known(), random.Random(2)

    async def one_life(number: int) -> FakeDisk:
        life = await Life(disk, settings=SETTINGS, incarnation=number).__aenter__()
        known.check(life)
        for key, value in OTHERS.items():
            await life.put(key, value)
        await bury(life, known, f"k{number}", rest_s=rng.choice([0.0, 0.7, 1.5]))
        await asyncio.sleep(rng.choice([0.0, 0.99, 1.0, 1.01, 5.0]))
        left = disk.kill() if rng.random() < 0.5 else disk.crash(rng)
        await life.end()
        return left

    async def first_life() -> None:
        async with Life(disk) as life:
            for key, value in OTHERS.items():
                await life.put(key, value)

    run(first_life())
    disk = disk.kill()
    for number in range(2, 40):
        disk = run(one_life(number))
    known.check(Life(disk, incarnation=99))
    assert len(known.dropped) == 38
