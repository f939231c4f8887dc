"""Bugs planted into what nodes say of what they hold: they speak before it is on their disks."""

from __future__ import annotations

import contextlib
from typing import Any

from kvcluster.cluster.repair.merging import Merger
from kvcluster.cluster.writing.replica import Receiver
from kvcluster.errors import OutcomeUnknown
from kvcluster.model.entry import Verdict
from kvcluster.storage.table import to_entry
from tests.sim.planting import planted, replace

from demo_pb2 import HoldResponse, ReplicateResponse


@planted(found_by=1)
def confirm_a_pull_before_it_is_durable(stack: contextlib.ExitStack) -> None:
    """What a peer sent is handed to the journal, and whoever waits for it goes on at once."""

    async def merge(self: Any, clock: int, entries: Any, tally: Any) -> None:
        self._time.accept_entries(entries, clock)
        judge = self._store.table.judge
        newer = [
            entry for entry in entries if judge(entry.key, to_entry(entry), entry.expires_ms).stores
        ]
        tally.add(entries=len(entries), new=len(newer))
        if newer:
            self._store.refuse_if_full()
            self._store.write(newer)

    replace(stack, Merger, "merge", merge)


@planted(found_by=1)
def answer_a_hold_before_it_is_durable(stack: contextlib.ExitStack) -> None:
    """A tombstone is confirmed as soon as it is in the journal's queue."""

    async def hold(self: Any, request: Any, deadline_s: float) -> HoldResponse:
        self._envelope.check(request)
        self._time.accept_entries(request.entries, request.clock)
        self._store.refuse_if_full()
        judge = self._store.table.judge
        verdicts = [judge(entry.key, to_entry(entry)) for entry in request.entries]
        self._store.write(list(request.entries))
        return HoldResponse(
            clock=self._time.now(),
            superseded=[at for at, verdict in enumerate(verdicts) if verdict is Verdict.OLDER],
            incarnation=self._time.incarnation,
        )

    replace(stack, Receiver, "hold", hold)


@planted(found_by=14)
def take_what_a_full_disk_refused_for_stored(stack: contextlib.ExitStack) -> None:
    """A replica that could not write says that it has written."""
    replicate = Receiver.replicate

    async def replicate_or_not(self: Any, request: Any, deadline_s: float) -> ReplicateResponse:
        try:
            return await replicate(self, request, deadline_s)
        except OutcomeUnknown:
            return ReplicateResponse(clock=self._time.now())

    replace(stack, Receiver, "replicate", replicate_or_not)
