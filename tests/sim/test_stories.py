"""Stories are drawn as they are written down."""

from __future__ import annotations

import random

from tests.sim.faults import KINDS
from tests.sim.schedule import ACTS
from tests.sim.stories import STORIES, tell


def test_every_story_is_drawn_with_a_node_for_each_part() -> None:
    """Its faults come in its order, and whoever plays two parts in one is nobody."""
    assert KINDS
    drawn = set()
    for seed in range(20 * len(STORIES)):
        faults = tell(random.Random(seed), ACTS, members=3, within_s=15.0)
        kinds = tuple(fault.kind for fault in faults)
        drawn.add(kinds)
        assert all(0 <= fault.victim < 3 for fault in faults)
    assert drawn == {tuple(step.kind for step in steps) for steps in STORIES.values()}


def test_no_story_is_drawn_that_the_history_does_not_allow() -> None:
    """Kinds that it has not, or more parts than nodes."""
    few = {"kill", "fill disk", "power cut"}
    for seed in range(50):
        rng = random.Random(seed)
        assert {fault.kind for fault in tell(rng, few, members=3, within_s=15.0)} <= few
    assert tell(random.Random(0), few - {"kill"}, members=3, within_s=15.0) == []
    assert len({fault.victim for fault in tell(random.Random(1), few, 2, 15.0)}) <= 2
