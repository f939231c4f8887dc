"""Faults that hit wall clocks: they jump, run too fast or too slowly, or are all wrong together."""

from __future__ import annotations

import asyncio

from tests.sim.faults_of_processes import NOTICED_WITHIN_S
from tests.sim.files import Files
from tests.sim.loop import Stop
from tests.sim.schedule import CLOCKS, Fault, befalls, is_up, lasts, restart, soon, victim
from tests.sim.world import World

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@befalls("clock jump", CLOCKS)
async def jump_clock(world: World, fault: Fault) -> bool:
    """By up to an hour, ahead or back."""
    name, jump_ms = victim(world, fault), (2 * fault.amount - 1) * _HOUR_MS
    machine = world.machines[name]
    if jump_ms < 0:
        if _may_hide_a_pause(world, fault):
            return False
        machine.set_back_s = world.loop.now_s
    machine.clock_offset_ms += jump_ms
    world.log(f"-- the clock of {name} jumps by {jump_ms / 1000:.0f} s")
    return True


def _may_hide_a_pause(world: World, fault: Fault) -> bool:
    """Whether a machine is paused, or was a moment ago, and only its wall clock tells."""
    name = victim(world, fault)
    life = world.process(name).life if is_up(world, fault) else None
    paused = life is not None and life.frozen and life.stop is Stop.PAUSED
    return paused or world.loop.now_s - world.went_on_s[name] < NOTICED_WITHIN_S


@befalls("clock drift", CLOCKS)
async def drift_clock(world: World, fault: Fault) -> bool:
    """It runs up to a tenth too fast or too slowly from now on."""
    machine = world.machines[victim(world, fault)]
    rate = 0.9 + 0.2 * fault.amount
    now_ms = world.loop.now_s * 1000
    machine.clock_offset_ms += now_ms * (machine.clock_rate - rate)  # it does not jump
    machine.clock_rate = rate
    world.log(f"-- the clock of {victim(world, fault)} runs at {machine.clock_rate:.3f}")
    return True


@befalls("time lost", CLOCKS)
async def lose_the_time(world: World, fault: Fault) -> bool:
    """A power cut of all, and no machine has a clock of its own: all start days behind, an hour or
    so apart. In half of the cases nobody ever sets them; else each is set right at another moment.
    """
    if not await soon(world, lambda: _may_lose_the_time(world)):
        return False
    for name in world.up:
        await world.cut_power(name)
    behind_ms = (1.5 + 3 * fault.amount) * _DAY_MS
    for place, name in enumerate(world.members):
        world.machines[name].lose_time(behind_ms + place * _HOUR_MS / 2)
    what = f"power cut of all, which are {behind_ms / _DAY_MS:.1f} days behind now"
    await restart(world, fault, what, *world.members)
    world.saw("all clocks were days behind what is on disk")
    if fault.amount % 0.5 < 0.25:
        return True
    for place in range(len(world.members)):
        name = world.members[(fault.victim + place) % len(world.members)]
        await asyncio.sleep(fault.lasts_s * fault.amount)
        world.machines[name].set_right()
        world.log(f"-- the clock of {name} is set right")
    return True


def _may_lose_the_time(world: World) -> bool:
    """Whether the disk of each node would tell it the time after a power cut."""
    if world.days_apart or not world.is_whole():
        return False
    if any(world.process(name).life.frozen for name in world.up):
        return False
    files = Files(world)
    return all(files.now(name, worst=True).clock for name in world.members)


@befalls("time found", CLOCKS)
async def find_the_time(world: World, fault: Fault) -> bool:
    """All clocks stood for days while the power was off, and are set ahead now, one by one.

    Until all are, some nodes refuse each other.
    """
    if any(machine.behind_ms for machine in world.machines.values()):
        return False
    world.days_apart += 1
    days_ms = (1.5 + 3 * fault.amount) * _DAY_MS
    await lasts(world, fault, f"all clocks are set {days_ms / _DAY_MS:.1f} days ahead")
    for place in range(len(world.members)):
        name = world.members[(fault.victim + place) % len(world.members)]
        world.machines[name].clock_offset_ms += days_ms
        world.log(f"-- the clock of {name} is set days ahead")
        await asyncio.sleep(fault.lasts_s * fault.amount)
    world.days_apart -= 1
    world.agreed_s = world.loop.now_s
    return True
