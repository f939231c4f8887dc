"""Stories: faults that belong together, because it takes them all, in an order.

Faults that are drawn one by one seldom meet. That a node is away, the disk of another is full for a
moment as it writes that down, and then its power goes before the first is back: no number of seeds
makes that likely, and each of the three alone is harmless. So such things are written down, as
short lists of faults with the parts that nodes play in them. Who plays which part is drawn, and by
how much the times are stretched; other faults come in between, as they do.

To add one, call `story`. It is drawn in histories in which all of its kinds of faults may happen,
with enough nodes for its parts.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass

from tests.sim.schedule import Fault

_STRETCH = (0.6, 1.6)
"""Of a whole story."""
_JITTER = (0.85, 1.15)
"""Of each of its steps."""


@dataclass(frozen=True)
class Step:
    """One fault of a story. Times are seconds after it began."""

    at_s: float
    kind: str
    who: str
    """Which part the node plays that it hits: "a", "b" or "c"."""
    lasts_s: float = 0.1
    amount: float | None = None
    """Drawn if it is none."""
    other: str = ""


STORIES: dict[str, tuple[Step, ...]] = {}


def story(name: str, *steps: Step) -> None:
    """Put one on the list."""
    assert name not in STORIES
    STORIES[name] = steps


def tell(rng: random.Random, kinds: Collection[str], members: int, within_s: float) -> list[Fault]:
    """The faults of a story in which no others occur than of some kinds; none if there is none."""
    fitting = [
        steps
        for steps in STORIES.values()
        if {step.kind for step in steps} <= set(kinds) and len(_parts(steps)) <= members
    ]
    if not fitting:
        return []
    steps = rng.choice(fitting)
    places = rng.sample(range(members), members)
    part = dict(zip(_parts(steps), places, strict=False))
    begins_s, stretch = rng.uniform(1.0, 0.7 * within_s), rng.uniform(*_STRETCH)
    return [
        Fault(
            at_s=begins_s + step.at_s * stretch * rng.uniform(*_JITTER),
            kind=step.kind,
            victim=part[step.who],
            other=part.get(step.other, places[-1]),
            lasts_s=step.lasts_s * stretch * rng.uniform(*_JITTER),
            amount=rng.random() if step.amount is None else step.amount,
        )
        for step in steps
    ]


def _parts(steps: tuple[Step, ...]) -> list[str]:
    return sorted({part for step in steps for part in (step.who, step.other) if part})


story(
    "the disk that is to note who is away is full, and then its power goes",
    Step(0.0, "kill", "b", lasts_s=6.0),
    Step(0.5, "fill disk", "a", lasts_s=1.0, amount=0.0),
    Step(3.0, "power cut", "a", lasts_s=0.3),
)
story(
    "whoever catches up has a slow disk, and loses its power",
    Step(0.0, "kill", "b", lasts_s=2.0),
    Step(1.8, "slow disk", "b", lasts_s=4.0),
    Step(3.0, "power cut in a write", "b", lasts_s=0.5),
)
story(
    "whoever catches up, and whom it asks, have slow disks, and more is missed meanwhile",
    Step(0.0, "kill", "b", lasts_s=1.5),
    Step(1.2, "slow disk", "a", lasts_s=5.0),
    Step(1.3, "slow disk", "b", lasts_s=5.0),
)
story(
    "whoever confirms a tombstone has a slow disk, and loses its power",
    Step(0.0, "slow disk", "b", lasts_s=5.0),
    Step(1.0, "power cut in a write", "b", lasts_s=6.0),
)
story(
    "again and again somebody is away for a while, so some drop what others have",
    Step(0.0, "kill", "c", lasts_s=3.0),
    Step(5.0, "kill", "c", lasts_s=3.0),
    Step(10.0, "kill", "c", lasts_s=3.0),
)
story(
    "somebody stands still for moments, too short to be called silent, again and again",
    *[Step(1.7 * at, "freeze", "c", lasts_s=0.9) for at in range(6)],
)
story(
    "somebody stands still for so long that all who waited have given up, again and again",
    *[Step(6.0 * at, "freeze", "c", lasts_s=4.0) for at in range(3)],
)
story(
    "somebody is away for moments, again and again",
    *[Step(1.7 * at, "kill", "c", lasts_s=0.3) for at in range(6)],
)
story(
    "somebody is away for no longer than a message takes, again and again",
    *[Step(1.3 * at, "kill", "c", lasts_s=0.02) for at in range(6)],
)
story(
    "whoever stops has a slow disk, and so takes long",
    Step(0.0, "slow disk", "a", lasts_s=8.0),
    Step(1.0, "stop", "a", lasts_s=0.5),
    Step(5.0, "stop", "a", lasts_s=0.5),
)
story(
    "somebody is away for long",
    Step(0.0, "kill", "c", lasts_s=12.0),
)
story(
    "each is away in turn, and the next leaves as it comes back",
    Step(0.0, "kill", "a", lasts_s=2.0),
    Step(1.9, "kill", "b", lasts_s=2.0),
    Step(3.8, "kill", "c", lasts_s=2.0),
)
story(
    "whoever starts cannot hear the one that is frozen",
    Step(0.0, "freeze", "a", lasts_s=5.0),
    Step(0.5, "kill", "c", lasts_s=1.0),
)
story(
    "the power of all goes while one is away",
    Step(0.0, "power cut", "c", lasts_s=4.0),
    Step(2.0, "power cut of all", "a", lasts_s=0.5),
)
story(
    "a node dies as it starts, twice",
    Step(0.0, "die while starting", "a", lasts_s=0.2),
    Step(1.5, "die while starting", "a", lasts_s=0.2),
)
story(
    "one disk is full after the other",
    Step(0.0, "fill disk", "a", lasts_s=2.0, amount=0.1),
    Step(1.5, "squeeze disk", "b", lasts_s=3.0),
    Step(2.5, "kill", "c", lasts_s=2.0),
)
story(
    "a clock is ahead for a moment, over two restarts",
    Step(0.0, "clock jump", "a", amount=1.0),
    Step(1.0, "kill", "a", lasts_s=0.5),
    Step(2.0, "clock jump", "a", amount=0.0),
    Step(2.5, "power cut", "a", lasts_s=0.5),
)
story(
    "after a cut, one dies before both sides have met",
    Step(0.0, "isolate", "a", lasts_s=4.0, amount=0.9),
    Step(4.1, "kill", "b", lasts_s=4.0),
)
story(
    "whoever was cut off dies with what only it has",
    Step(0.0, "isolate", "a", lasts_s=3.0, amount=0.9),
    Step(2.5, "power cut", "a", lasts_s=4.0),
    Step(3.5, "kill", "c", lasts_s=2.0),
)
story(
    "two lose their folders, one after the other, while a third is away",
    Step(0.0, "kill", "c", lasts_s=9.0),
    Step(2.0, "lose folder", "b"),
    Step(5.5, "lose folder", "a"),
)
story(
    "a folder is lost while somebody still fetches from it what it missed",
    Step(0.0, "kill", "b", lasts_s=1.0),
    Step(0.1, "kill", "c", lasts_s=3.0),
    Step(3.15, "lose folder", "a"),
)
story(
    "whoever confirmed deletes is damaged, and meets one that missed them",
    Step(0.0, "kill", "c", lasts_s=5.0),
    Step(2.5, "flip bits", "b", lasts_s=0.3),
    Step(4.5, "kill", "a", lasts_s=4.0),
)
story(
    "two have each other's folders, and a third missed what they know",
    Step(0.0, "kill", "c", lasts_s=3.5),
    Step(1.5, "swap folders", "a", lasts_s=0.3, other="b"),
)
story(
    "somebody has a new life while its folder and then another's is lost",
    Step(0.0, "kill", "c", lasts_s=7.0),
    Step(1.0, "lose folder", "b"),
    Step(3.0, "kill", "b", lasts_s=2.0),
    Step(6.0, "lose folder", "b"),
    Step(8.0, "kill", "a", lasts_s=2.0),
)
story(
    "laptops are closed and opened, one after the other",
    Step(0.0, "suspend", "a", lasts_s=3.0),
    Step(5.0, "suspend", "b", lasts_s=4.0),
    Step(10.0, "suspend", "a", lasts_s=2.0),
)
story(
    "virtual machines are moved, one after the other",
    Step(0.0, "pause machine", "a", lasts_s=3.0),
    Step(5.0, "pause machine", "b", lasts_s=4.0),
    Step(10.0, "pause machine", "a", lasts_s=2.0),
)
story(
    "the time is lost in a power cut, and a node dies before it is found",
    Step(0.0, "time lost", "a", lasts_s=3.0),
    Step(4.0, "kill", "b", lasts_s=1.0),
    Step(8.0, "time found", "c", lasts_s=2.0),
)
