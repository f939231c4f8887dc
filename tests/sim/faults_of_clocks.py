"""Faults that hit wall clocks: they jump, and run too fast or too slowly."""

from __future__ import annotations

from tests.sim.schedule import CLOCKS, Fault, befalls, victim
from tests.sim.world import World

_HOUR_MS = 3_600_000


@befalls("clock jump", CLOCKS)
async def jump_clock(world: World, fault: Fault) -> bool:
    """By up to an hour, ahead or back."""
    machine = world.machines[victim(world, fault)]
    jump_ms = (2 * fault.amount - 1) * _HOUR_MS
    machine.clock_offset_ms += jump_ms
    world.log(f"-- the clock of {victim(world, fault)} jumps by {jump_ms / 1000:.0f} s")
    return True


@befalls("clock drift", CLOCKS)
async def drift_clock(world: World, fault: Fault) -> bool:
    """It runs up to a tenth too fast or too slowly from now on."""
    machine = world.machines[victim(world, fault)]
    rate = 0.9 + 0.2 * fault.amount
    now_ms = world.loop.time() * 1000
    machine.clock_offset_ms += now_ms * (machine.clock_rate - rate)  # it does not jump
    machine.clock_rate = rate
    world.log(f"-- the clock of {victim(world, fault)} runs at {machine.clock_rate:.3f}")
    return True
