"""Crashes at every moment: nothing acknowledged lost, nothing deleted back, no false alarm."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import orjson
import pytest

from kvcluster.config import Settings
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import PATH, Ack, Life, until
from tests.storage.virtual_loop import run
from tests.storage.witness import KEYS, Witness

# Syncs and pieces are small here, so that a checkpoint of a few keys takes many steps.
SETTINGS = Settings(checkpoint_sync_bytes=256)
MANY_LIVES = [pytest.param(seed, id=f"seed{seed}") for seed in range(60)]


@dataclass
class Photographer:
    """Takes crashes of a disk behind each operation, with what was acknowledged by then."""

    disk: FakeDisk
    witness: Witness
    rng: random.Random
    pictures: list[tuple[str, FakeDisk, Witness]] = field(default_factory=list)

    def take(self, method: str, path: Path) -> None:
        """Crash as badly as possible, as mildly as possible, and in two ways between."""
        title = f"{len(self.pictures)}: {method} {path.name}"
        for keep in (0.0, 1.0, 0.5, 0.8):
            left = self.disk.crash(self.rng, keep)
            self.pictures.append((f"{title}, keep {keep}", left, self.witness.snapshot()))


def look_at(pictures: list[tuple[str, FakeDisk, Witness]]) -> None:
    """Start from each of them."""
    for title, left, witness in pictures:
        life = Life(left, settings=SETTINGS, incarnation=9)
        assert not life.found.incomplete, (title, life.found.remarks)
        try:
            witness.check(life.data())
        except AssertionError as error:
            raise AssertionError(title) from error


def _installed(disk: FakeDisk, times: int) -> bool:
    return disk.count("replace", PATH.name) == times


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_crash_after_any_operation_of_a_first_start_and_checkpoints_under_writes(
    by_hand: bool,
) -> None:
    """From the very first start on, with and without a hand-made JSON, through two checkpoints."""

    async def scenario() -> Photographer:
        rng = random.Random(3)
        disk, witness = FakeDisk(), Witness()
        if by_hand:
            witness.written.update(a=["by hand"], b=["by hand"])
            disk.write(PATH, b'{"a": "by hand", "b": "by hand"}')
        photographer = Photographer(disk, witness, rng)
        acks: list[Ack] = []

        def after(method: str, path: Path) -> None:
            photographer.take(method, path)
            if path.parent != PATH.parent or path.name.startswith("versions"):
                return
            if len(acks) < 40 and method != "read":
                acks.append(witness.write(life, rng))  # in the middle of a checkpoint

        disk.after = photographer.take
        life = Life(disk, settings=SETTINGS)
        async with life:
            for _ in range(2):
                disk.after = photographer.take
                for _ in range(6):
                    await witness.write(life, rng)
                disk.after = after
                made = disk.count("replace", PATH.name)
                await until(partial(_installed, disk, made + 1))
            await asyncio.gather(*acks)
            disk.after = photographer.take
        return photographer

    photographer = run(scenario())
    assert photographer.disk.count("replace", PATH.name) >= 3
    assert photographer.witness.count > 20
    assert len(photographer.pictures) > 400
    look_at(photographer.pictures)


async def live(disk: FakeDisk, witness: Witness, seed: int) -> FakeDisk:
    """One life with random writes and checkpoints; end it somewhere, return the disk it leaves."""
    rng = random.Random(seed)
    fatal = rng.choice([rng.randrange(1, 40), rng.randrange(1, 400), 10_000])
    start = len(disk.calls)
    left: list[tuple[FakeDisk, Witness]] = []

    def after(_: str, __: Path) -> None:
        if len(disk.calls) - start >= fatal and not left:
            if rng.random() < 0.3:
                left.append((disk.kill(), witness.snapshot()))
            else:
                left.append((disk.crash(rng, rng.choice([0.0, 0.5, 1.0])), witness.snapshot()))

    disk.after = after
    life = Life(disk, settings=SETTINGS, incarnation=seed)
    assert not life.found.incomplete, life.found.remarks
    witness.settle(life.data())
    async with life:
        for _ in range(rng.randrange(60)):
            ack = witness.write(life, rng)
            if rng.random() < 0.7:
                await ack
            if rng.random() < 0.15:
                await asyncio.sleep(rng.choice([0.001, 1.5]))
            if left:
                break
        await asyncio.sleep(rng.choice([0, 2]))
        if left:
            await life.end()
    if not left:  # a clean end: the JSON alone says it all
        witness.check(orjson.loads(disk.files()[PATH]))
        left.append((disk.crash(rng, 0.5), witness.snapshot()))
    disk_left, known = left[0]
    vars(witness).update(vars(known))
    return disk_left


@pytest.mark.parametrize("seed", MANY_LIVES)
def test_many_short_lives(seed: int) -> None:
    """Random writes, checkpoints, kills, power cuts and clean stops, a dozen lives in a row."""
    disk, witness = FakeDisk(), Witness()
    for number in range(12):
        disk = run(live(disk, witness, seed * 1_000 + number + 1))
    witness.check(Life(disk, incarnation=999).data())


def test_a_power_cut_after_a_kill_takes_back_nothing_that_was_seen() -> None:
    """A kill in the middle of a sync leaves bytes and names that are seen, but not yet safe.

    So the next life makes them safe before it serves them, wherever the kill was.
    """

    async def first_life(by_hand: bool) -> list[tuple[str, FakeDisk]]:
        disk, rng, witness = FakeDisk(), random.Random(1), Witness()
        if by_hand:
            disk.write(PATH, b'{"a": "by hand"}')
        killed: list[tuple[str, FakeDisk]] = []
        disk.after = lambda method, path: killed.append((f"{method} {path.name}", disk.kill()))
        life = Life(disk, settings=SETTINGS)
        async with life:
            for _ in range(5):
                await witness.write(life, rng)
            await asyncio.sleep(1.5)
            await witness.write(life, rng)
        return killed

    async def second_life(disk: FakeDisk) -> tuple[dict[str, str], list[FakeDisk]]:
        life = await Life(disk, settings=SETTINGS, incarnation=2).__aenter__()
        await life.put("seen by", "second life")
        left = [disk.crash(random.Random(1), keep=0.0)]

        def after(method: str, _: Path) -> None:
            if method in ("replace", "sync_folder"):
                left.append(disk.crash(random.Random(1), keep=0.0))

        disk.after = after
        await life.checkpointed()
        await life.end()
        return life.data(), left

    for by_hand in (False, True):
        killed = run(first_life(by_hand))
        assert len(killed) > 50
        for title, disk in killed:
            seen, crashes = run(second_life(disk))
            for left in crashes:
                third = Life(left, incarnation=3)
                assert third.data() == seen, title
                assert not third.found.incomplete, (title, third.found.remarks)


def test_starts_that_crash_at_once_do_not_fill_the_disk() -> None:
    """A hundred starts in a row that never come to a checkpoint leave few files behind."""

    async def one_life(disk: FakeDisk, number: int, *, write: bool) -> None:
        life = Life(disk, incarnation=number)
        await life.__aenter__()
        if write:
            await life.put("a", str(number))
        await life.end()

    disk = FakeDisk()
    for number in range(1, 100):
        run(one_life(disk, number, write=number == 1))
        disk = disk.kill()
    assert len(disk.files()) <= 6, sorted(disk.files())
    assert Life(disk).data() == {"a": "1"}


def test_a_kill_without_fsync_loses_nothing_acknowledged() -> None:
    """`--fsync never` trusts the system to live on, not the process."""

    async def scenario() -> None:
        rng, disk, witness = random.Random(5), FakeDisk(), Witness()
        pictures: list[tuple[str, FakeDisk, Witness]] = []
        life = Life(disk, fsync=False, settings=SETTINGS)
        async with life:
            await asyncio.sleep(1.5)
            before = disk.count("sync", "journal")
            disk.after = lambda method, path: pictures.append(
                (f"{method} {path.name}", disk.kill(), witness.snapshot())
            )
            for _ in range(20):
                await witness.write(life, rng)
            assert disk.count("sync", "journal") == before
            await asyncio.sleep(2)
            await witness.write(life, rng)
        look_at(pictures)
        assert len(pictures) > 40
        witness.check(orjson.loads(disk.files()[PATH]))
        look_at([("after a clean stop", disk.crash(rng, 0.0), witness)])

    run(scenario())


def test_a_power_cut_without_fsync_is_no_damage() -> None:
    """It may lose the last writes, as was asked for; it must not look like a broken disk."""

    async def scenario(seed: int) -> None:
        rng, disk, witness = random.Random(seed), FakeDisk(), Witness()
        crashes: list[FakeDisk] = []
        life = Life(disk, fsync=False, settings=SETTINGS)
        async with life:
            disk.after = lambda _, __: crashes.append(disk.crash(rng))
            for _ in range(30):
                await witness.write(life, rng)
                await asyncio.sleep(0.1)
            disk.after = None
        for left in crashes:
            later = Life(left, incarnation=2)
            assert not later.found.incomplete, later.found.remarks
            values = later.data()
            assert all(values.get(key) in witness.written[key] for key in KEYS)

    for seed in range(3):
        run(scenario(seed))
