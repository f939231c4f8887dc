"""Faults that hit processes: they are killed, stopped, frozen, and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tests.sim.schedule import OTHERS, Fault, befalls, is_up, lasts, restart, victim
from tests.sim.world import World

_SOON_S = 4.0


@befalls("kill", OTHERS)
async def kill(world: World, fault: Fault) -> bool:
    """kill -9, and a new start."""
    name = victim(world, fault)
    if not is_up(world, fault):
        return False
    await world.kill(name)
    return await restart(world, fault, f"kill {name}", name)


@befalls("power cut", OTHERS)
async def cut_power(world: World, fault: Fault) -> bool:
    """What was not synced may be gone."""
    name = victim(world, fault)
    if not is_up(world, fault):
        return False
    await world.cut_power(name)
    return await restart(world, fault, f"power cut of {name}", name)


@befalls("power cut in a write", OTHERS)
async def cut_power_in_a_write(world: World, fault: Fault) -> bool:
    """Right behind one of the next operations on its disk."""
    name = victim(world, fault)
    if not is_up(world, fault):
        return False
    await world.cut_power_within(name, 1 + int(fault.amount * 30))
    return await restart(world, fault, f"power cut of {name}, while it wrote", name)


@befalls("power cut of all", OTHERS)
async def cut_power_of_all(world: World, fault: Fault) -> bool:
    """Of every node at once."""
    for name in world.up:
        await world.cut_power(name)
    return await restart(world, fault, "power cut of all", *world.members)


@befalls("stop", OTHERS)
async def stop(world: World, fault: Fault) -> bool:
    """Ctrl+C, and a new start."""
    name = victim(world, fault)
    if not is_up(world, fault) or world.process(name).life.frozen:
        return False
    await world.stop(name)
    return await restart(world, fault, f"stop {name}", name)


@befalls("freeze", OTHERS)
async def freeze(world: World, fault: Fault) -> bool:
    """SIGSTOP and SIGCONT."""
    name = victim(world, fault)
    if not is_up(world, fault) or world.process(name).life.frozen:
        return False
    process = world.process(name)
    world.freeze(process)
    await lasts(world, fault, f"freeze {name}")
    world.thaw(process)
    world.log(f"-- thaw {name}")
    return True


@befalls("lose folder", OTHERS)
async def lose_folder(world: World, fault: Fault) -> bool:
    """Only while all nodes are whole, or soon: else data would be lost, and rightly so."""
    name = victim(world, fault)
    if world.replicas == 1 or not await _soon(world, lambda: _all_is_well(world)):
        return False
    await world.lose_folder(name)
    return await restart(world, replace(fault, lasts_s=0.1), f"{name} loses its folder", name)


def _all_is_well(world: World) -> bool:
    frozen = any(world.process(each).life.frozen for each in world.up)
    return world.is_whole() and not frozen


async def _soon(world: World, holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within a few seconds."""
    end_s = world.loop.time() + _SOON_S
    while not holds() and world.loop.time() < end_s:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.1)
    return holds()
