"""Faults that hit processes: they are killed, stopped, frozen, and come back."""

from __future__ import annotations

from tests.sim.schedule import OTHERS, Fault, befalls, is_up, lasts, restart, victim
from tests.sim.world import World

_OPERATIONS_OF_A_START = 25


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


@befalls("die while starting", OTHERS)
async def die_while_starting(world: World, fault: Fault) -> bool:
    """kill -9, and a new start, in the middle of which the power goes; and a new start."""
    name = victim(world, fault)
    if not is_up(world, fault):
        return False
    await world.kill(name)
    await lasts(world, fault, f"kill {name}, which will not start well")
    await world.start(name, dies_after=1 + int(fault.amount * _OPERATIONS_OF_A_START))
    return await restart(world, fault, f"{name} starts anew", name)


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
