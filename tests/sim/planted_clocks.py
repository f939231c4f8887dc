"""Bugs planted into what nodes make of their clocks, and of those of others."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from unittest.mock import patch

from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.surroundings import Surroundings
from kvcluster.model.clock import HybridClock
from kvcluster.model.pauses import Times
from kvcluster.model.readiness import Readiness
from tests.sim.planting import planted, replace


@planted(pinned_by="sim/test_away.py::test_node_that_was_away_answers_nothing_old")
def look_at_the_clock_of_the_timers_only(stack: contextlib.ExitStack) -> None:
    """A machine that slept does not know."""

    def times(self: Any) -> Times:
        return Times(*[asyncio.get_running_loop().time()] * 3)

    replace(stack, Surroundings, "times", times)


@planted(pinned_by="sim/test_away.py::test_node_that_was_away_answers_nothing_old")
def look_at_no_wall_clock(stack: contextlib.ExitStack) -> None:
    """A virtual machine that was paused does not know."""
    times = Surroundings.times

    def steady_times(self: Any) -> Times:
        now = times(self)
        return now._replace(wall_s=now.steady_s)

    replace(stack, Surroundings, "times", steady_times)


@planted(pinned_by="sim/test_away.py::test_write_that_slept_in_a_node_is_not_carried_out")
def carry_out_what_slept_with_its_machine(stack: contextlib.ExitStack) -> None:
    """Its deadline has not passed: it slept as well."""
    never = property(lambda self: 0, lambda self, sleeps: None)
    stack.enter_context(patch.object(Gate, "sleeps", never, create=True))


@planted(
    found_by=107,
    pinned_by="cluster/test_clocks.py::test_clocks_behind_what_is_on_disk_keep_no_node_from_serving",
)
def take_what_our_own_disk_held_for_a_step(stack: contextlib.ExitStack) -> None:
    """After a power cut of machines without a clock each takes the others' for absurd."""
    replace(stack, HybridClock, "behind_ms", lambda self, wall_ms: 0)


@planted(
    pinned_by="sim/test_away.py::test_clocks_that_are_set_days_ahead_one_by_one_leave_no_two_clusters",
)
def serve_alone_among_those_whom_it_refuses(stack: contextlib.ExitStack) -> None:
    """Whoever has begun goes on, however many refuse it, and whose clock ever jumped."""
    look_around = Readiness.look_around

    def outvoted(self: Any) -> bool:
        return bool(self._disagreeing) and not self._settled

    def look(self: Any, *, anew: bool = False) -> None:
        look_around(self)

    replace(stack, Readiness, "outvoted", property(outvoted))
    replace(stack, Readiness, "look_around", look)
