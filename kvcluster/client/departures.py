"""Departures: who waits, who leaves next, and whose time is over before all is done.

It stands between those who want something done and the parcels on their way. Operations and crates
come in and get their deadline; parcels go out. What is on its way is none of its business, with one
exception: a crate that is unpacked while it is on its way becomes operations there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from kvcluster.client.crate import Crate
from kvcluster.client.parcel import Parcel
from kvcluster.client.pending import NOTHING, Pending
from kvcluster.client.waiting_line import WaitingLine


class Departures:
    """Make it inside the event loop. `reasons`: what nodes said last, for sentences."""

    def __init__(self, reasons: Callable[[], Mapping[str, str]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._reasons = reasons
        self.line = WaitingLine()

    def start(self, operation: Pending) -> None:
        """Let an operation wait for its way; from now on its time runs."""
        operation.deadline_s = self._loop.time() + operation.timeout_s
        self._set_timer(operation)
        self.line.join(operation)

    def give_up(self, operation: Pending) -> None:
        """Nobody waits for it any more."""
        if not operation.over:
            operation.abandon()
            self.line.leave(operation)

    def load(self, crate: Crate) -> None:
        """Let a crate wait for its way; the first is in it already."""
        crate.timer = self._loop.call_at(crate.deadlines_s[0], self._unpack, crate, None)
        self.line.join(crate)

    def takes(self, crate: Crate, size_bytes: int) -> bool:
        """Whether one more of this size may be added to a crate."""
        return (
            not crate.closed
            and len(crate.keys) < self.line.limit_of(crate)
            and crate.size_bytes + size_bytes <= self.line.limit_bytes
        )

    def drop(self, crate: Crate) -> None:
        """Nobody waits for what is in it any more; if it has left, it holds its keys on."""
        crate.over = True
        self._stop_timer(crate)
        self.line.leave(crate)

    def next(self) -> Parcel | None:
        """What leaves next; it holds its keys."""
        while True:
            if crate := self.line.first_crate:
                if self.line.board(crate):
                    return self._boarded(crate)
                self._unpack(crate, None)
            elif operations := self.line.take():
                return Parcel(operations)
            elif self.line.first_crate is None:
                return None

    def opened(self, parcel: Parcel) -> list[Pending]:
        """The operations in a parcel that has left; a crate is unpacked for it.

        A crate that nobody waits for ends. So while it may still happen, let it be.
        """
        if parcel.crate is not None:
            self._unpack(parcel.crate, parcel)
        return parcel.operations

    def end(
        self, operations: Sequence[Pending], why: str, said: Mapping[str, str] = NOTHING
    ) -> None:
        """These are not tried any more."""
        for operation in operations:
            operation.conclude(operation.refused(why, said))
            self.line.end(operation)

    def end_crate(self, crate: Crate) -> None:
        """All that is in a crate that has left is done."""
        self.line.land(crate)
        self.drop(crate)

    def wanted_of(self, operations: Sequence[Pending]) -> list[Pending]:
        """Those that somebody waits for. The others end here."""
        for operation in operations:
            if operation.over:
                self.line.end(operation)
        return [operation for operation in operations if not operation.over]

    def _boarded(self, crate: Crate) -> Parcel:
        parcel = Parcel([], crate=crate)
        self._stop_timer(crate)
        crate.timer = self._loop.call_at(crate.deadlines_s[0], self._unpack, crate, parcel)
        return parcel

    def _unpack(self, crate: Crate, parcel: Parcel | None) -> None:
        """From now on its operations are on their own, where it is: in the line, or on its way."""
        self._stop_timer(crate)
        operations = crate.unpack(crate) if not crate.over else []
        for operation, deadline_s in zip(operations, crate.deadlines_s, strict=not crate.over):
            operation.deadline_s = deadline_s
            self._set_timer(operation)
            operation.asked = crate.asked
            operation.holds_key = parcel is not None
        if parcel is None:
            self.line.unpack(crate, operations)
            return
        parcel.operations, parcel.crate = operations, None
        if crate.over:
            self.line.land(crate)

    def _set_timer(self, operation: Pending) -> None:
        operation.timer = self._loop.call_at(operation.deadline_s, self._expire, operation)

    @staticmethod
    def _stop_timer(crate: Crate) -> None:
        if crate.timer is not None:
            crate.timer.cancel()

    def _expire(self, operation: Pending) -> None:
        self.line.leave(operation)
        operation.conclude(operation.too_late(self._reasons()))
