"""Bugs planted into who is noted to have missed what, and into how a debt is paid."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from kvcluster.cluster.repair import pages, pulls
from kvcluster.cluster.repair.pulls import Pulls
from kvcluster.cluster.writing.flights import Flights
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.cluster.writing.replication import Replication
from kvcluster.model.hints import Hints
from kvcluster.model.readiness import Readiness
from kvcluster.storage.checkpoint import Checkpointer
from kvcluster.storage.store import Store
from tests.sim.planting import planted, replace

from demo_pb2 import ReplicateResponse


@planted(found_by=3)
def keep_no_hints_in_a_checkpoint(stack: contextlib.ExitStack) -> None:
    """They go with the segments that hold them."""
    footer = Checkpointer._footer

    def footer_without(self: Any, pairs: int, segment: int) -> Any:
        written = footer(self, pairs, segment)
        del written.hints[:]
        return written

    replace(stack, Checkpointer, "_footer", footer_without)


@planted(found_by=1)
def clear_what_was_missed_during_a_pull(stack: contextlib.ExitStack) -> None:
    """A confirmation is taken for the whole hint."""

    def confirm(self: Any, peer: str, mark: int) -> bool:
        hint = self._hints.get(peer)
        if hint is None or hint.mark != mark:
            return False
        before, hint.since = hint.since, None
        hint.count, hint.mark, hint.later = 0, -1, None
        return before is not None

    replace(stack, Hints, "confirm", confirm)


@planted(
    pinned_by="cluster/test_lost_disks.py::test_a_debt_is_not_paid_by_a_life_that_has_lost_what_is_owed",
)
def open_the_mark_behind_the_first_page(stack: contextlib.ExitStack) -> None:
    """What is missed while the first page is made is cleared with it."""
    pull = Pulls.pull

    async def pull_and_mark(self: Any, request: Any) -> Any:
        sender, hints = self._envelope.check(request), self._hinting.hints
        hints.begin = lambda peer, asked: 0
        try:
            response = await pull(self, request)
        finally:
            vars(hints).pop("begin", None)  # unless another pull has ended meanwhile
        if not request.HasField("cursor"):
            response.mark = type(hints).begin(hints, sender, request.since)
        return response

    replace(stack, Pulls, "pull", pull_and_mark)


@planted(found_by=14)
def answer_a_pull_without_a_barrier(stack: contextlib.ExitStack) -> None:
    """What was on its way to disk when the pull began is in no page."""
    pull, barrier = Pulls.pull, Store.barrier
    pulling: ContextVar[bool] = ContextVar("pulling", default=False)

    async def pull_at_once(self: Any, request: Any) -> Any:
        token = pulling.set(True)
        try:
            return await pull(self, request)
        finally:
            pulling.reset(token)

    async def barrier_unless_pulling(self: Any) -> None:
        if not pulling.get():
            await barrier(self)

    replace(stack, Pulls, "pull", pull_at_once)
    replace(stack, Store, "barrier", barrier_unless_pulling)


@planted(found_by=3)
def forget_as_a_replica_who_else_missed_it(stack: contextlib.ExitStack) -> None:
    """What a coordinator says of others is for the coordinator to remember."""
    replace(stack, Hinting, "take_over", lambda self, missed: [])


@planted(found_by=4)
def let_no_other_holder_hear_who_failed(stack: contextlib.ExitStack) -> None:
    """Only the coordinator keeps a hint of who failed on the way."""

    async def nothing(self: Any, *_: Any) -> dict[str, Any]:
        return {}

    replace(stack, Replication, "_let_others_hint", nothing)


@planted(found_by=9)
def tell_nobody_what_it_missed(stack: contextlib.ExitStack) -> None:
    """It will hear with the next heartbeat."""

    async def nothing(self: Any, name: str) -> None:
        return None

    replace(stack, Hinting, "tell", nothing)


@planted(found_by=1)
def count_who_did_not_answer(stack: contextlib.ExitStack) -> None:
    """A copy that was sent is taken for a copy that is held."""
    see_through = Replication._see_through

    async def see_through_and_hope(self: Any, *parts: Any) -> ReplicateResponse:
        return await see_through(self, *parts) or ReplicateResponse()

    replace(stack, Replication, "_see_through", see_through_and_hope)


@planted(found_by=1)
def count_who_has_not_answered_yet(stack: contextlib.ExitStack) -> None:
    """A round is at its end when the first of its copies is back, and all are counted."""
    came_back = Flights._came_back

    def count_all(self: Any, flight: Any, copy: Any, back: Any) -> None:
        if copy is not None and copy.answer is not None:
            return
        if copy is not None and not back.cancelled() and not back.exception():
            for other in flight.copies:
                if other is not copy and other.answer is None:
                    other.answer = ReplicateResponse()
                    flight.awaited -= 1
        came_back(self, flight, copy, back)

    replace(stack, Flights, "_came_back", count_all)


@planted(found_by=3)
def take_a_copy_that_broke_for_one_that_is_there(stack: contextlib.ExitStack) -> None:
    """Whatever calls back is an answer."""
    came_back, take = Flights._came_back, Replication.take

    def take_any(self: Any, copy: Any) -> bool:
        if copy.back.exception() is None:
            return take(self, copy)
        copy.answer = ReplicateResponse()
        return True

    def come_back(self: Any, flight: Any, copy: Any, back: Any) -> None:
        if copy is not None and not back.cancelled() and back.exception():
            back = asyncio.get_running_loop().create_future()
            back.set_result(None)
        came_back(self, flight, copy, back)

    replace(stack, Flights, "_came_back", come_back)
    replace(stack, Replication, "take", take_any)


@planted(found_by=3)
def leave_the_oldest_out_of_a_pull(stack: contextlib.ExitStack) -> None:
    """From a version on is taken for after it."""

    def since(version: bytes, equal: Any) -> Callable[[int, str, Any], bool]:
        return lambda slot, key, entry: (
            entry[1] > version and (entry[0] is None or slot not in equal)
        )

    replace(stack, pulls, "since", since)


@planted(found_by=3)
def lose_the_last_entry_of_a_page(stack: contextlib.ExitStack) -> None:
    """The cursor is behind it, and it is not in the page."""
    cut_page = pages.cut_page

    def cut(*parts: Any) -> Any:
        page = cut_page(*parts)
        if page.next and len(page.entries) > 1:
            page.entries.pop()
        return page

    replace(stack, pulls, "cut_page", cut)


@planted(
    pinned_by="model/test_readiness.py::test_what_was_told_after_the_confirmation_and_overtook_its_answer_is_still_owed"
)
def believe_a_confirmation_that_was_overtaken(stack: contextlib.ExitStack) -> None:
    """What a peer told while its answer was on the way is forgotten with what was paid."""

    def pulled(self: Any, peer: str, missed_since: Any, *, at: int) -> None:
        self._owed.pop(peer, None)
        if missed_since is not None:
            self._owed[peer] = missed_since

    replace(stack, Readiness, "pulled", pulled)


@planted(found_by=35)
def take_an_empty_folder_for_a_whole_one(stack: contextlib.ExitStack) -> None:
    """Who has lost everything owes only what it is told of."""
    opened = Store.open

    def open_as_whole(self: Any, stamp: str) -> Any:
        found = opened(self, stamp)
        self.repair = bool(self.incomplete)
        return found

    replace(stack, Store, "open", open_as_whole)
