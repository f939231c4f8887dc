"""Faults that hit connections: they break, or do not come about, while both ends live.

A node is to know what it missed from whoever it can reach. So most of these faults leave the two
time to hear each other before either would be called silent: they last for a moment, come once in a
while, and spare ways that are slow anyway. The others count as cuts.
"""

from __future__ import annotations

import asyncio

from kvcluster.model.readiness import Status
from tests.sim.connections import Way
from tests.sim.schedule import BREAKS, LONG_BREAKS, Fault, befalls, is_up, victim
from tests.sim.world import World

_MOMENT_S = 0.3
_REST_S = 1.0
_STORM_S = 0.3
_SOON_S = 4.0
_LOOK_S = 0.005
"""It may take a node no longer than a hundredth of a second to catch up."""


def _ways(world: World, fault: Fault) -> list[Way]:
    """Those of one node to all others, or from them, or to and from one of them."""
    name = victim(world, fault)
    others = [other for other in world.members if other != name]
    if fault.amount < 1 / 3:
        return [(name, other) for other in others]
    if fault.amount < 2 / 3:
        return [(other, name) for other in others]
    other = world.members[fault.other]
    return [(name, other), (other, name)]


def _bears_it(world: World, ways: list[Way]) -> bool:
    """Whether nobody on these ways is called silent because of a moment without a connection."""
    rested = world.network.connections.have_rested(ways, world.loop.now_s, _REST_S)
    return rested and not world.network.weather.is_slow


async def _keep_apart(world: World, ways: list[Way], lasts_s: float, what: str) -> bool:
    """Connections break, and none comes about for a while."""
    connections, loop = world.network.connections, world.loop
    world.log(f"-- {what}: " + ", ".join(f"{a} > {b}" for a, b in ways))
    connections.forbid(ways)
    if any(world.is_up(a) and world.node(a).gate.owed(b) for a, b in ways):
        world.saw("a debt met a reset")
    connections.break_off(ways, loop.now_s)
    await asyncio.sleep(lasts_s)
    connections.allow(ways, loop.now_s)
    return True


@befalls("reset", BREAKS)
async def reset(world: World, fault: Fault) -> bool:
    """Connections break, and new ones come about at once."""
    ways = _ways(world, fault)
    return _bears_it(world, ways) and await _keep_apart(world, ways, 0.0, "reset")


@befalls("handshakes break", BREAKS)
async def break_handshakes(world: World, fault: Fault) -> bool:
    """For a moment no connection comes about."""
    ways = _ways(world, fault)
    if not _bears_it(world, ways):
        return False
    return await _keep_apart(world, ways, fault.amount * _MOMENT_S, "handshakes break")


@befalls("reset who catches up", BREAKS)
async def reset_who_catches_up(world: World, fault: Fault) -> bool:
    """The connections of a node that knows that it missed something, or has not heard everybody."""
    name = victim(world, fault)
    ways = [(name, other) for other in world.members if other != name]

    def catches_up() -> bool:
        status = world.node(name).gate.status if is_up(world, fault) else None
        return status in (Status.STARTING, Status.SYNCING)

    end_s = world.loop.now_s + _SOON_S
    while not catches_up() and world.loop.now_s < end_s:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(_LOOK_S)
    if not catches_up() or not _bears_it(world, ways):
        return False
    return await _keep_apart(world, ways, _MOMENT_S, f"reset {name}, which catches up")


@befalls("resets", LONG_BREAKS)
async def go_on_breaking(world: World, fault: Fault) -> bool:
    """Again and again, for long: whoever gets no answer in between takes it for silence."""
    ways, end_s = _ways(world, fault), world.loop.now_s + fault.lasts_s
    world.network.cuts.keep_apart(ways)
    while world.loop.now_s < end_s:
        await _keep_apart(world, ways, fault.amount * _STORM_S, "resets")
        await asyncio.sleep((1 - fault.amount) * _STORM_S)
    world.network.cuts.bring_together(ways)
    return True


@befalls("no connection", LONG_BREAKS)
async def no_connection(world: World, fault: Fault) -> bool:
    """None comes about for long, in spite of everybody."""
    ways = _ways(world, fault)
    world.network.cuts.keep_apart(ways)
    await _keep_apart(world, ways, fault.lasts_s, "no connection")
    world.network.cuts.bring_together(ways)
    return True
