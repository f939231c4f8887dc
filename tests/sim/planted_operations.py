"""Bugs planted into what clients are told of what they asked for."""

from __future__ import annotations

import contextlib
from typing import Any
from unittest.mock import patch

from kvcluster.cluster.requests import forwarding
from kvcluster.cluster.requests.plain_batches import PlainBatches
from kvcluster.cluster.requests.router import Router
from kvcluster.cluster.requests.writes import Writes
from kvcluster.cluster.writing.rounds import Rounds, Seats
from kvcluster.errors import ConnectionLost, KvError, NoReplica, NotReady, TimedOut
from tests.sim.planting import planted, replace


@planted(found_by=35)
def send_a_write_on_though_it_may_be_done(stack: contextlib.ExitStack) -> None:
    """A replica that went away before it answered is taken for one that never heard."""
    meaning = forwarding._meaning

    def nobody_is_there(name: str, error: Any, *, reads: bool) -> KvError:
        meant = meaning(name, error, reads=reads)
        return NoReplica(str(meant)) if isinstance(meant, ConnectionLost) else meant

    stack.enter_context(patch.object(forwarding, "_meaning", nobody_is_there))


@planted(
    pinned_by="cluster/test_batches.py::"
    "test_a_key_of_a_batch_whose_round_failed_is_not_acknowledged_with_the_others"
)
def acknowledge_a_key_of_a_batch_that_failed(stack: contextlib.ExitStack) -> None:
    """One key is done, so the batch is."""
    write = Writes.write

    async def write_all_or_so(self: Any, *parts: Any) -> Any:
        endings = await write(self, *parts)
        if any(endings.acknowledged):
            endings.acknowledged = [max(endings.acknowledged)] * len(endings.acknowledged)
            endings.failed.clear()
        return endings

    replace(stack, Writes, "write", write_all_or_so)


@planted(
    pinned_by="cluster/test_plain_batches.py::"
    "test_a_plain_batch_is_told_of_its_own_places_in_a_round"
)
def tell_a_batch_of_the_places_of_another(stack: contextlib.ExitStack) -> None:
    """Two batches share a round, and each reads what came of its first places."""
    join = Rounds.join

    def join_at_the_beginning(self: Any, entries: Any) -> Any:
        return [Seats(it.round, range(len(it.places))) for it in join(self, entries)]

    replace(stack, Rounds, "join", join_at_the_beginning)


@planted(
    pinned_by="cluster/test_plain_batches.py::test_a_plain_batch_is_not_read_where_it_may_be_old"
)
def read_a_plain_batch_from_a_node_that_is_behind(stack: contextlib.ExitStack) -> None:
    """The short way does not ask whether this node may answer reads."""
    carry_out = PlainBatches.carry_out

    async def carry_out_always(self: Any, request: Any, deadline_s: float) -> Any:
        keys = [each.get.key for each in request.operations if each.HasField("get")]
        answer = self._got(keys) if len(keys) == len(request.operations) else None
        return answer or await carry_out(self, request, deadline_s)

    replace(stack, PlainBatches, "carry_out", carry_out_always)


@planted(found_by=10)
def take_a_batch_without_an_answer_for_not_done(stack: contextlib.ExitStack) -> None:
    """A part that timed out is said to be certainly not done, or is sent elsewhere."""
    failed = Router._failed

    def failed_for_certain(self: Any, batch: Any, groups: Any, error: KvError) -> Any:
        unknown = isinstance(error, TimedOut | ConnectionLost)
        return failed(self, batch, groups, NotReady(str(error)) if unknown else error)

    replace(stack, Router, "_failed", failed_for_certain)
