"""Bugs of scans: what was missing in some part of them is forgotten on the way to the user."""

from __future__ import annotations

import contextlib
from typing import Any

from kvcluster.client.scan_course import ScanCourse
from kvcluster.cluster.requests.scans import Holes
from tests.sim.planting import planted, replace


@planted(found_by=2)
def forget_what_all_but_the_last_call_missed(stack: contextlib.ExitStack) -> None:
    """A client believes of the whole scan what the end of it says."""
    take = ScanCourse.take

    def take_and_forget(self: Any, page: Any) -> None:
        self._missing_slots, self._missing_nodes = 0, set()
        take(self, page)

    replace(stack, ScanCourse, "take", take_and_forget)


@planted(found_by=16)
def tell_what_is_missing_at_the_end_only(stack: contextlib.ExitStack) -> None:
    """A client that ends its call before that hears of nothing."""
    tell = Holes.tell

    def tell_at_the_end(self: Any, message: Any) -> Any:
        return message if message.pairs else tell(self, message)

    replace(stack, Holes, "tell", tell_at_the_end)


@planted(found_by=2)
def tell_what_was_missing_at_the_beginning_only(stack: contextlib.ExitStack) -> None:
    """A node dies under a scan, and what it alone held is left out from there on."""
    add = Holes.add

    def add_first(self: Any, uncovered: Any) -> None:
        if not hasattr(self, "begun"):
            add(self, uncovered)
        self.begun = True

    replace(stack, Holes, "add", add_first)
