"""Bugs planted into clocks and versions: which of two writes is the later one."""

from __future__ import annotations

import contextlib
from typing import Any

from kvcluster.cluster.peers.timekeeper import Timekeeper
from kvcluster.cluster.requests.forwarding import Forwarding
from kvcluster.cluster.requests.writes import Writes
from kvcluster.model.clock import HybridClock
from kvcluster.model.entry import Version, make_version
from kvcluster.storage.store import Store
from tests.sim.planting import planted, replace


@planted(found_by=0)
def give_one_version_to_all_writes_of_a_millisecond(stack: contextlib.ExitStack) -> None:
    """The counter does not count."""

    def tick(self: Any, wall_ms: int) -> Version:
        self._time = max(self._time, wall_ms << 16)
        return make_version(self._time, self.incarnation)

    replace(stack, HybridClock, "tick", tick)


@planted(found_by=25)
def start_with_the_clock_of_the_wall(stack: contextlib.ExitStack) -> None:
    """What the disk says of the time is not looked at."""
    opened = Store.open

    def open_without_clock(self: Any, stamp: str) -> Any:
        found = opened(self, stamp)
        found.clock = 0
        return found

    replace(stack, Store, "open", open_without_clock)


@planted(found_by=19)
def learn_no_time_from_others(stack: contextlib.ExitStack) -> None:
    """Each clock is on its own."""
    replace(stack, HybridClock, "observe", lambda self, time: None)


@planted(
    pinned_by="cluster/test_cluster.py::test_superseded_write_is_repeated_before_it_is_acknowledged"
)
def acknowledge_what_something_newer_has_replaced(stack: contextlib.ExitStack) -> None:
    """A write that met something newer takes no newer version."""
    once = Writes._write_once

    async def write_once(self: Any, *parts: Any) -> Any:
        endings, _ = await once(self, *parts)
        return endings, []

    replace(stack, Writes, "_write_once", write_once)


@planted(
    pinned_by="cluster/test_forwarding.py::"
    "test_a_forwarded_write_that_a_network_held_back_is_refused"
)
def carry_out_a_late_forward(stack: contextlib.ExitStack) -> None:
    """A forwarded write is carried out however long it was on its way."""
    replace(stack, Timekeeper, "refuse_late", lambda self, *_: None)


@planted(
    pinned_by="cluster/test_forwarding.py::test_a_write_of_which_nobody_knows_cannot_land_any_more"
)
def say_that_nobody_knows_while_a_write_may_land(stack: contextlib.ExitStack) -> None:
    """Who is told goes on, and what he gave up may be carried out a moment later."""

    async def at_once(*_: Any) -> None:
        """Wait for nothing."""

    replace(stack, Forwarding, "_until_too_old", at_once)
