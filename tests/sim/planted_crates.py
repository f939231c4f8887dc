"""Bugs planted into crates, in which the library carries many pairs as one (library_many.py)."""

from __future__ import annotations

import contextlib
from typing import Any

from kvcluster.client.crate import Crate
from kvcluster.client.departures import Departures
from kvcluster.client.waiting_line import WaitingLine
from tests.sim.planting import planted, replace

from demo_pb2 import BatchResponse, PutManyResponse


@planted(found_by=2)
def let_a_crate_leave_whose_keys_are_held(stack: contextlib.ExitStack) -> None:
    """It is full of keys, and one of them will hardly be on its way with somebody else."""
    board, end = WaitingLine.board, WaitingLine.end

    def board_at_once(self: Any, crate: Any) -> bool:
        holders, self._holders = self._holders, {}
        try:
            return board(self, crate)
        finally:
            self._holders = holders

    def end_if_held(self: Any, operation: Any) -> None:
        operation.holds_key = operation.holds_key and operation.key in self._holders
        end(self, operation)

    replace(stack, WaitingLine, "board", board_at_once)
    replace(stack, WaitingLine, "end", end_if_held)
    replace(stack, WaitingLine, "land", lambda self, crate: None)


@planted(found_by=2)
def take_a_crate_for_done_whatever_failed_in_it(stack: contextlib.ExitStack) -> None:
    """The call went well, and has a result for each."""

    def answers_in(self: Any, answer: Any) -> Any:
        if isinstance(answer, PutManyResponse):
            return [answer]
        if not isinstance(answer, BatchResponse):
            return None
        return [getattr(result, self.kind.value) for result in answer.results]

    replace(stack, Crate, "answers_in", answers_in)


@planted(found_by=6)
def forget_that_a_crate_was_sent(stack: contextlib.ExitStack) -> None:
    """What is unpacked on its way is told as not done at its deadline."""
    unpack = Departures._unpack

    def unpack_unsent(self: Any, crate: Any, parcel: Any) -> None:
        crate.asked = ""
        unpack(self, crate, parcel)

    replace(stack, Departures, "_unpack", unpack_unsent)


@planted(
    pinned_by="client/test_waiting_line.py::test_a_crate_is_closed_once_somebody_stands_behind_it"
)
def fill_a_crate_behind_which_somebody_stands(stack: contextlib.ExitStack) -> None:
    """There is room in it, and it has not left."""
    join = WaitingLine.join

    def join_and_leave_open(self: Any, traveller: Any) -> None:
        self._filling = None
        join(self, traveller)

    replace(stack, WaitingLine, "join", join_and_leave_open)
