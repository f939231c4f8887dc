"""Bugs planted into what clients are told of what they asked for."""

from __future__ import annotations

import contextlib
from typing import Any
from unittest.mock import patch

from kvcluster.cluster.requests import forwarding
from kvcluster.cluster.requests.coordinator import Coordinator, Written
from kvcluster.cluster.requests.router import Router
from kvcluster.errors import ConnectionLost, KvError, NoReplica, NotReady, TimedOut
from tests.sim.planting import planted, replace


@planted(found_by=34)
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
    write_all = Coordinator._write_all

    async def write_all_or_so(self: Any, entries: Any, *rest: Any) -> Any:
        done = await write_all(self, entries, *rest)
        good = [what for what in done.values() if isinstance(what, Written)]
        for key, what in done.items():
            if good and isinstance(what, KvError):
                done[key] = good[0]._replace(version=entries[key][1])
        return done

    replace(stack, Coordinator, "_write_all", write_all_or_so)


@planted(found_by=6)
def take_a_batch_without_an_answer_for_not_done(stack: contextlib.ExitStack) -> None:
    """A part that timed out is said to be certainly not done, or is sent elsewhere."""
    failed = Router._failed

    def failed_for_certain(self: Any, batch: Any, groups: Any, error: KvError) -> Any:
        unknown = isinstance(error, TimedOut | ConnectionLost)
        return failed(self, batch, groups, NotReady(str(error)) if unknown else error)

    replace(stack, Router, "_failed", failed_for_certain)
