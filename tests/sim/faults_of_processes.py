"""Faults that hit processes: they are killed, stopped, frozen, and come back."""

from __future__ import annotations

import asyncio

from tests.sim.loop import Stop
from tests.sim.schedule import OTHERS, Fault, befalls, is_up, lasts, restart, victim
from tests.sim.world import World

_OPERATIONS_OF_A_START = 25
_TO_THE_DOOR_S = 0.05
NOTICED_WITHIN_S = 1.0
"""A process that goes on has found out by then what its clocks tell."""


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
    return await _hold(world, fault, Stop.FROZEN)


@befalls("suspend", OTHERS)
async def suspend(world: World, fault: Fault) -> bool:
    """A laptop is closed: timers stand still, and so do deadlines."""
    return await _hold(world, fault, Stop.SUSPENDED)


@befalls("pause machine", OTHERS)
async def pause_machine(world: World, fault: Fault) -> bool:
    """A virtual machine is paused: only its wall clock tells, which is right at once.

    One that was set back just then would hide it, and nobody could know.
    """
    set_back_s = world.machines[victim(world, fault)].set_back_s
    if world.loop.now_s - set_back_s < NOTICED_WITHIN_S:
        return False
    return await _hold(world, fault, Stop.PAUSED)


async def _hold(world: World, fault: Fault, stop: Stop) -> bool:
    name = victim(world, fault)
    if not is_up(world, fault) or world.process(name).life.frozen:
        return False
    process = world.process(name)
    world.freeze(process, stop)
    world.knock(name)
    await lasts(world, fault, f"{name} is {stop.value}")
    world.knock(name)
    await asyncio.sleep(_TO_THE_DOOR_S)
    world.thaw(process)
    world.log(f"-- {name} goes on")
    return True
