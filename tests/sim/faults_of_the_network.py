"""Faults that hit the network: ways are cut, one way or both, and messages get lost."""

from __future__ import annotations

from tests.sim.schedule import CUTS, LOSING, Fault, befalls, lasts, victim
from tests.sim.world import World

_HOLDS_BACK = 0.5
"""So many of the cuts lose nothing: what is sent arrives when the cut is mended, as with TCP."""


async def _cut(world: World, fault: Fault, ways: list[tuple[str, str]], what: str) -> bool:
    holds = fault.amount < _HOLDS_BACK
    world.network.cuts.cut(ways, holds=holds)
    how = "hold back" if holds else "cut"
    await lasts(world, fault, f"{what}: {how} " + ", ".join(f"{a} > {b}" for a, b in ways))
    world.network.cuts.mend(ways)
    world.log(f"-- mended: {what}")
    return True


@befalls("isolate", CUTS)
async def isolate(world: World, fault: Fault) -> bool:
    """One node is cut off from all others."""
    name = victim(world, fault)
    ways = [(name, other) for other in world.members if other != name]
    return await _cut(world, fault, ways + [(b, a) for a, b in ways], f"isolate {name}")


@befalls("one way", CUTS)
async def one_way(world: World, fault: Fault) -> bool:
    """One node does not reach another, which reaches it."""
    one, other = victim(world, fault), world.members[fault.other]
    return one != other and await _cut(world, fault, [(one, other)], "one way")


@befalls("halves", CUTS)
async def halves(world: World, fault: Fault) -> bool:
    """Some nodes are cut off from the others."""
    size = 1 + fault.victim % max(1, len(world.members) - 1)
    ways = [(a, b) for a in world.members[:size] for b in world.members[size:]]
    return await _cut(world, fault, ways + [(b, a) for a, b in ways], "halves")


@befalls("storm", LOSING)
async def storm(world: World, fault: Fault) -> bool:
    """Messages get lost, some or many."""
    weather = world.network.weather
    weather.lose += fault.amount / 2
    await lasts(world, fault, f"a storm loses {weather.lose:.0%} of the messages")
    weather.lose = max(0.0, weather.lose - fault.amount / 2)
    world.log("-- the storm is over")
    return True
