"""The schedule of a history's faults: what, when, whom, for how long. Drawn before it begins.

Drawn beforehand, from the seed, so that a failing history can be played again with some of its
faults left out (shrink.py). Whom a fault hits is part of it; a fault that makes no sense when its
time has come (a node is to be killed that is down) does nothing.

How likely each kind is, is drawn too: some histories are calm, some are mad, some have one kind of
trouble again and again.

Each kind of fault is a function, put on the list by `befalls`; they stand in faults_of_*.py, by
what they hit.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.sim.world import World

_SOON_S = 4.0


@dataclass(frozen=True)
class Fault:
    """One fault. `victim` and `other` are places in the member list."""

    at_s: float
    kind: str
    victim: int
    other: int
    lasts_s: float
    amount: float

    def __str__(self) -> str:
        return f"{self.kind} (node {self.victim}, {self.lasts_s:.2f} s, {self.amount:.2f})"


Act = Callable[[World, Fault], Awaitable[bool]]
"""Does a fault and undoes it; whether it made sense."""

ACTS: dict[str, Act] = {}
CUTS: list[str] = []
"""Kinds by which nodes cannot reach each other for a while, and it is known which."""
LOSING: list[str] = []
"""Kinds by which messages vanish, and nobody can tell who could have heard what."""
CLOCKS: list[str] = []
OTHERS: list[str] = []
BREAKS: list[str] = []
"""Kinds by which connections break for a moment, and nobody is called silent for it."""
LONG_BREAKS: list[str] = []
"""Kinds by which they go on breaking, which is as good as a cut."""


def befalls(kind: str, group: list[str]) -> Callable[[Act], Act]:
    """Put a function on the list, as a kind of fault of a group."""

    def register(act: Act) -> Act:
        assert kind not in ACTS
        ACTS[kind] = act
        group.append(kind)
        return act

    return register


def draw(
    rng: random.Random, kinds: list[str], members: int, count: int, within_s: float
) -> list[Fault]:
    """A schedule of faults."""
    weights = [rng.random() ** 3 for _ in kinds]
    faults = []
    for _ in range(count):
        victim, other = rng.sample(range(max(members, 2)), 2)
        faults.append(
            Fault(
                at_s=rng.uniform(0.5, within_s),
                kind=rng.choices(kinds, weights)[0],
                victim=victim % members,
                other=other % members,
                lasts_s=rng.choice([0.05, 0.5, 2.0, 5.0]) * rng.uniform(0.5, 1.5),
                amount=rng.random(),
            )
        )
    return sorted(faults, key=lambda fault: fault.at_s)


def victim(world: World, fault: Fault) -> str:
    """The name of the node that a fault hits."""
    return world.members[fault.victim]


def is_up(world: World, fault: Fault) -> bool:
    """Whether that node can be reached."""
    return victim(world, fault) in world.up


async def lasts(world: World, fault: Fault, what: str) -> None:
    """Say what befalls, and let it last."""
    world.log(f"-- {what}")
    await asyncio.sleep(fault.lasts_s)


async def restart(world: World, fault: Fault, what: str, *names: str) -> bool:
    """Nodes are down; start them again when the fault has had its time."""
    await lasts(world, fault, what)
    for name in names:
        await world.start(name)
    return True


async def soon(world: World, holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within a few seconds."""
    end_s = world.loop.now_s + _SOON_S
    while not holds() and world.loop.now_s < end_s:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.1)
    return holds()
