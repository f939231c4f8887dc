"""Faults that hit disks: they are full, slow, or fail."""

from __future__ import annotations

import errno
from dataclasses import replace

from tests.sim.machine import FAST_S
from tests.sim.schedule import OTHERS, Fault, befalls, is_up, lasts, restart, victim
from tests.sim.world import World
from tests.storage.fake_disk import FakeDisk

_SLOW_S = (0.02, 1.5)
_SQUEEZES = 5
_LITTLE = 3000
"""Bytes: a long value, or not even that."""


def _disk(world: World, fault: Fault) -> FakeDisk:
    return world.machines[victim(world, fault)].disk


@befalls("fill disk", OTHERS)
async def fill_disk(world: World, fault: Fault) -> bool:
    """There is room for a little, and then for nothing."""
    disk = _disk(world, fault)
    disk.capacity = sum(map(len, disk.files().values())) + int(fault.amount * 2000)
    await lasts(world, fault, f"the disk of {victim(world, fault)} is full")
    world.machines[victim(world, fault)].disk.capacity = None
    return True


@befalls("squeeze disk", OTHERS)
async def squeeze_disk(world: World, fault: Fault) -> bool:
    """It is full, and again and again there is room for a little, which is soon taken."""
    name = victim(world, fault)
    for _ in range(_SQUEEZES):
        disk = world.machines[name].disk
        disk.capacity = sum(map(len, disk.files().values())) + int(world.rng.random() * _LITTLE)
        part = replace(fault, lasts_s=fault.lasts_s / _SQUEEZES)
        await lasts(world, part, f"there is little room on the disk of {name}")
    world.machines[name].disk.capacity = None
    return True


@befalls("fail fsync", OTHERS)
async def fail_fsync(world: World, fault: Fault) -> bool:
    """One of the next three; the node stops, and is started again."""
    name = victim(world, fault)
    if not is_up(world, fault):
        return False
    world.machines[name].may_fail = "an fsync fails"
    _disk(world, fault).fail("sync", errno.EIO, 1 + int(fault.amount * 3))
    return await restart(world, fault, f"an fsync of {name} fails", name)


@befalls("slow disk", OTHERS)
async def slow_disk(world: World, fault: Fault) -> bool:
    """Everything that it does there takes long."""
    machine = world.machines[victim(world, fault)]
    machine.work_s = _SLOW_S
    await lasts(world, fault, f"the disk of {victim(world, fault)} is slow")
    machine.work_s = FAST_S
    return True
