"""Faults that hit what a node holds: its folder is lost, swapped with another's, or damaged.

Never so that data must be lost: each happens only if everything that the node holds stands at
another that serves, too. It may happen to one node after the other, and while others are away;
that is how a delete came back that was known to nobody but those who lost it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.sim.schedule import OTHERS, Fault, befalls, is_up, lasts, soon, victim
from tests.sim.world import World
from tests.storage.fake_disk import FakeDisk


@befalls("lose folder", OTHERS)
async def lose_folder(world: World, fault: Fault) -> bool:
    """The node comes back at once, with nothing."""
    return await _befall(world, fault, "loses its folder", [victim(world, fault)], _empty)


@befalls("flip bits", OTHERS)
async def flip_bits(world: World, fault: Fault) -> bool:
    """The node comes back a while later, and some of its files are not what it wrote."""

    def damage(world: World, names: list[str]) -> None:
        disk = world.machines[names[0]].disk
        _flip_bits(disk, world.rng, 1 + int(fault.amount * 3))
        world.replace_disk(names[0], disk, damaged=True)

    return await _befall(world, fault, "is damaged", [victim(world, fault)], damage)


@befalls("swap folders", OTHERS)
async def swap_folders(world: World, fault: Fault) -> bool:
    """Two nodes come back with each other's files.

    Where each node holds every key. Else what does not belong to a node is handed home, and is as
    any old copy that is put back: it may bring back what was deleted (docs/operate.md).
    """
    names = [world.members[fault.victim], world.members[fault.other]]
    if names[0] == names[1] or world.replicas < len(world.members):
        return False
    return await _befall(world, fault, "swap folders", names, _swap)


async def _befall(
    world: World,
    fault: Fault,
    what: str,
    names: list[str],
    deed: Callable[[World, list[str]], None],
) -> bool:
    """Kill nodes, do something to their files, and start them again."""
    if world.replicas == 1 or not is_up(world, fault):
        return False
    if not await soon(world, lambda: _may_lose(world, names)):
        return False
    for name in names:
        await world.kill(name)
    deed(world, names)
    await lasts(world, fault, f"{' and '.join(names)}: {what}")
    for name in names:
        await world.start(name)
    return True


def _may_lose(world: World, names: list[str]) -> bool:
    """Whether these nodes are up, and all that they hold stands elsewhere in a node that serves."""
    if not all(world.is_up(name) and not world.process(name).life.frozen for name in names):
        return False
    others = [
        each
        for each in world.up
        if each not in names and world.serves(each) and not world.process(each).life.frozen
    ]
    return all(
        any(
            other in world.replicas_of(key) and _holds(world, other, key, entry[1])
            for other in others
        )
        for name in names
        for key, entry in world.node(name).store.table.items()
    )


def _holds(world: World, name: str, key: str, version: bytes) -> bool:
    held = world.node(name).store.get(key)
    return held is not None and held[1] >= version


def _empty(world: World, names: list[str]) -> None:
    for name in names:
        world.replace_disk(name, FakeDisk())


def _swap(world: World, names: list[str]) -> None:
    """Each gets the files of the other, under its own name."""
    disks = [world.machines[name].disk for name in names]
    for name, disk in zip(names, reversed(disks), strict=True):
        world.replace_disk(name, _renamed(disk, world.node_path(name)), damaged=True)


def _renamed(disk: FakeDisk, json_path: Path) -> FakeDisk:
    """The files of one node, as if they were those of another."""
    left, inner = FakeDisk(), json_path.with_suffix(".wal")
    left.make_folder(inner)
    for path, data in disk.files().items():
        folder = left.root if path.parent == left.root else inner
        left.write(folder / (json_path.name if path.suffix == ".json" else path.name), data)
    return left


def _flip_bits(disk: FakeDisk, rng: random.Random, count: int) -> None:
    """In the journal and the versions. (A JSON is also edited by people, and a flipped bit there
    looks like that: tests/storage has it.)
    """
    files = [path for path, data in disk.files().items() if data and path.suffix != ".json"]
    for _ in range(count if files else 0):
        path = rng.choice(files)
        data = bytearray(disk.read(path))
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        disk.write(path, bytes(data))
