"""A course: one stream of calls, from its beginning to its end. For what it is, see call_stream.py.

Who waits for an answer is called back at once, in the callback that read it: a copy of a write is
counted without a task and a turn of the event loop in between.

Invariant: each call that was begun is answered, or failed, or left by its caller, once; from then
on it is not on its way, and its timer is stopped (on_the_way.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import grpc

from kvcluster.config import KIB, MIB
from kvcluster.wire.bounds import CALLS_AT_ONCE
from kvcluster.wire.on_the_way import OnTheWay
from kvcluster.wire.stream_words import call_error, error_in, error_of_end

from demo_pb2 import Call, CallAnswer, CallsRequest, CallsResponse

_LARGE_BYTES = 64 * KIB
"""Of a request. It takes the time of ten calls to copy it."""
_FRAME_BYTES = MIB
_REST_S = 1.0
"""After a break, or when a node has no room for it."""
_LONG_REST_S = 60.0
"""When a node does not know streams."""
_CLOSING_S = 0.2
"""How long a node may take to end a stream to which nothing comes any more."""
_LONGEST_MS = 2**32 - 1
_UNREADABLE = "what came on the stream of calls is no answer"

Metadata: TypeAlias = tuple[tuple[str, str], ...]


class NotTaken(Exception):
    """A stream did not take a call, and nobody has seen it."""


class Waiter(Protocol):
    """Who waits for the answer to a call. One of the two is called, once."""

    def answered(self, response: bytes) -> None:
        """Here it is."""

    def failed(self, error: Exception) -> None:
        """There is none: AioRpcError, or NotTaken."""


@dataclass(frozen=True)
class Opening:
    """What goes along with a call or a stream and says who makes it, and what must come back."""

    metadata: Metadata = ()
    is_answered: Callable[[grpc.aio.Metadata], bool] | None = None
    """Whether by what came back somebody answers who may; None: whoever does may."""

    async def is_answered_by(self, call: Any) -> bool:
        """The same of a call to which something came back."""
        return self.is_answered is None or self.is_answered(await call.initial_metadata())


NOTHING = Opening()


@dataclass(slots=True)
class _Asked:
    """A call on its way."""

    waiter: Waiter
    timer: asyncio.TimerHandle


class Owner(Protocol):
    """Who has courses, one after the other."""

    echoes: bool
    """Whether one was cancelled, of which gRPC may have still something to report."""

    def left(self, course: Course, rest_s: float) -> None:
        """A course takes no more calls; so long there shall be no other."""

    def ended(self, course: Course) -> None:
        """A course is over."""


class Course:
    """One stream, from its beginning to its end."""

    def __init__(self, owner: Owner, call: Any, opening: Opening = NOTHING) -> None:
        self._loop = asyncio.get_running_loop()
        self._opening = opening
        self._owner = owner
        self._call = call
        self._calls: OnTheWay[_Asked] = OnTheWay()
        self._queue: deque[Call] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._given_up = ""
        self._is_leaving = False
        self._ahead_ms = 0
        """The clock of the node, less ours, as of the last message: that took its time, so calls
        seem a little older than they are."""
        self.is_greeted = False
        """Whether the node knows streams, has room for this one, and is who it should be."""
        self.listening = self._loop.create_task(self._listen())

    @property
    def busy(self) -> bool:
        """Whether a call is on its way."""
        return len(self._calls) > 0

    def takes(self, size_bytes: int) -> bool:
        """Whether it takes a call with a request of this size now."""
        return self.is_greeted and size_bytes <= _LARGE_BYTES and len(self._calls) < CALLS_AT_ONCE

    def begin(
        self, method: str, request: bytes, timeout_s: float, waiter: Waiter
    ) -> Callable[[], None]:
        """See CallStream."""
        number = self._calls.next_number
        timer = self._loop.call_later(timeout_s, self._expire, number, waiter)
        self._calls.begin(_Asked(waiter, timer))
        left_ms = min(max(1, int(timeout_s * 1000)), _LONGEST_MS)
        now_ms = self._ahead_ms + int(self._loop.time() * 1000)
        self._send(
            Call(id=number, method=method, request=request, timeout_ms=left_ms, now_ms=now_ms)
        )
        return partial(self._leave, number)

    def give_up(self, details: str) -> None:
        """See CallStream."""
        self._given_up = details
        self._cancel()
        self._end(grpc.StatusCode.UNAVAILABLE, details)

    async def close(self) -> None:
        """See CallStream."""
        self._owner.left(self, 0.0)
        if self._writing:
            await asyncio.wait({self._writing}, timeout=_CLOSING_S)
        closing = self._loop.create_task(self._call.done_writing())
        await asyncio.wait({self.listening}, timeout=_CLOSING_S)
        closing.cancel()
        if not self.listening.done():
            self.give_up("the connection was closed")
            await asyncio.wait({self.listening})

    def _cancel(self) -> None:
        self._owner.echoes |= self._call.cancel()

    def _send(self, call: Call) -> None:
        self._queue.append(call)
        if self._writing is None:
            self._writing = self._loop.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._queue and not self._call.done():
                if calls := self._next_calls():
                    await self._call.write(CallsRequest(calls=calls))
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # it is over; `_listen` hears why
        finally:
            self._writing = None

    def _next_calls(self) -> list[Call]:
        """What travels in one message; from here on it may be carried out."""
        calls: list[Call] = []
        size_bytes = 0
        while self._queue and len(calls) < CALLS_AT_ONCE and size_bytes < _FRAME_BYTES:
            call = self._queue.popleft()
            if call.cancel or self._calls.hand_over(call.id):
                calls.append(call)
                size_bytes += len(call.request)
        return calls

    async def _listen(self) -> None:
        code, details = grpc.StatusCode.UNAVAILABLE, "the stream of calls ended"
        rest_s = _REST_S
        try:
            while (frame := await self._call.read()) is not grpc.aio.EOF:
                if frame is None or not (
                    self.is_greeted or await self._opening.is_answered_by(self._call)
                ):
                    details = _UNREADABLE
                    self._cancel()
                    break
                self._take(frame)
            else:
                rest_s = 0.0  # in good order
        except grpc.aio.AioRpcError as error:
            code, details = error.code(), error.details() or ""
            if code is grpc.StatusCode.UNIMPLEMENTED:
                rest_s = _LONG_REST_S
        except asyncio.CancelledError:
            details = self._given_up or details
            rest_s = 0.0
        self._owner.left(self, rest_s)
        self._end(code, details)

    def _take(self, frame: CallsResponse) -> None:
        self.is_greeted = True
        self._ahead_ms = frame.now_ms - int(self._loop.time() * 1000)
        for each in frame.answers:
            if asked := self._calls.answered(each.id):
                asked.timer.cancel()
                _settle(asked.waiter, each)
        if frame.HasField("goodbye"):
            self._owner.left(self, 0.0)
            _fail(self._calls.goodbye(frame.goodbye.last), NotTaken())
            self._is_leaving = True
        self._cancel_if_left()

    def _end(self, code: grpc.StatusCode, details: str) -> None:
        self._owner.ended(self)
        self._queue.clear()
        if self._writing:
            self._writing.cancel()
        certain, unknown = self._calls.end()
        _fail(certain, NotTaken())
        for asked in unknown:
            _fail([asked], error_of_end(code, details))

    def _expire(self, number: int, waiter: Waiter) -> None:
        self._leave(number)
        waiter.failed(call_error(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"))

    def _leave(self, number: int) -> None:
        """Nobody waits for a call any more, if it is still on its way."""
        asked = self._calls.get(number)
        if asked is None:
            return
        asked.timer.cancel()
        if self._calls.leave(number):
            self._send(Call(id=number, cancel=True))
        self._cancel_if_left()

    def _cancel_if_left(self) -> None:
        if self._is_leaving and not self.busy:
            self._cancel()


def _settle(waiter: Waiter, told: CallAnswer) -> None:
    """Hand over what a node said of a call."""
    if told.WhichOneof("outcome") == "failure":
        waiter.failed(error_in(told.failure))
    else:
        waiter.answered(told.response)


def _fail(calls: list[_Asked], error: Exception) -> None:
    for asked in calls:
        asked.timer.cancel()
        asked.waiter.failed(error)
