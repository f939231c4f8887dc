"""Bugs planted into the client library; found by histories whose clients use it (library.py)."""

from __future__ import annotations

import contextlib
from dataclasses import replace as changed
from typing import Any
from unittest.mock import patch

from kvcluster.client import judging
from kvcluster.client.departures import Departures
from kvcluster.client.failure import Refusal
from kvcluster.client.parcel import Parcel
from kvcluster.client.pending import Pending
from kvcluster.client.scan_course import Range, ScanCourse
from kvcluster.client.waiting_line import WaitingLine
from kvcluster.errors import Unavailable
from tests.sim.planting import planted, replace


@planted(found_by=14)
def send_a_write_again_that_may_have_been_delivered(stack: contextlib.ExitStack) -> None:
    """An unknown outcome is a failure like any other, and failures are tried again."""
    verdict = judging._verdict

    def again(operation: Any, reply: Any, node: str, *, superseded: bool) -> Any:
        operation.retry_unknown = True
        return verdict(operation, reply, node, superseded=superseded)

    stack.enter_context(patch.object(judging, "_verdict", again))


@planted(found_by=2)
def tell_what_may_have_happened_as_not_done(stack: contextlib.ExitStack) -> None:
    """A write that was not answered in time did not happen, one would think."""

    def too_late(self: Any, said: dict[str, str]) -> Any:
        return Unavailable("no node could do it in time; nothing was written")

    replace(stack, Pending, "too_late", too_late)


@planted(found_by=6)
def believe_that_a_broken_connection_delivered_nothing(stack: contextlib.ExitStack) -> None:
    """UNAVAILABLE is taken for "not available", whatever came before."""
    visit = judging.judge

    def judge(operations: Any, replies: Any, node: str) -> Any:
        return visit(operations, [_certain(reply) for reply in replies], node)

    stack.enter_context(patch("kvcluster.client.dispatcher.judge", judge))


def _certain(reply: Any) -> Any:
    return changed(reply, nothing_written=True) if isinstance(reply, Refusal) else reply


@planted(found_by=14)
def begin_the_next_page_behind_all_that_begins_like_the_last_key(
    stack: contextlib.ExitStack,
) -> None:
    """Whoever wants to exclude one key excludes its kin."""

    def after(self: Any, pairs: Any) -> Any:
        left = None if self.limit is None else self.limit - len(pairs)
        return changed(self, start_after=pairs[-1][0] + "~", limit=left) if pairs else self

    replace(stack, Range, "after", after)


@planted(found_by=2)
def forget_the_holes_of_earlier_pages(stack: contextlib.ExitStack) -> None:
    """The end of a scan tells what was missing in its last page."""
    remember = ScanCourse._remember

    def remember_this_one(self: Any, page: Any) -> None:
        self._missing_slots, self._missing_nodes = 0, set()
        remember(self, page)

    replace(stack, ScanCourse, "_remember", remember_this_one)


@planted(found_by=2)
def let_a_later_write_of_a_key_overtake(stack: contextlib.ExitStack) -> None:
    """Two parcels on their way at once, with writes to one key in both."""
    replace(stack, WaitingLine, "_hold", lambda self, operation: None)
    replace(stack, WaitingLine, "end", lambda self, operation: None)


@planted(found_by=6)
def let_a_write_wait_for_ever_behind_one_that_was_given_up(stack: contextlib.ExitStack) -> None:
    """Deadlines end operations that are on their way, and not those that wait."""
    expire = Departures._expire

    def expire_if_sent(self: Any, operation: Any) -> None:
        if operation.holds_key:
            expire(self, operation)

    replace(stack, Departures, "_expire", expire_if_sent)


@planted(found_by=14)
def hedge_writes_like_reads(stack: contextlib.ExitStack) -> None:
    """A node says nothing, so somebody else is asked for all that it was asked for."""

    def to_hedge(self: Any) -> Any:
        return [it for it in self.operations if not (it.over or it.hedged)]

    replace(stack, Parcel, "to_hedge", to_hedge)
