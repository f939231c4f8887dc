"""A stream of calls, on the side of the caller: many calls over one lasting call of gRPC.

A call of its own costs half a millisecond in Python, whatever is in it: gRPC makes an object, two
tasks and a deadline of it at each end. Over a stream that is there already it costs 190 to 260 µs.
Everything else stays: a call has its deadline, may be cancelled, and fails as it would alone, by
the same AioRpcError with the same trailer. So nobody above this file knows on which way it went.

`NotTaken` says that the stream would not have it, and that nobody has seen it: whoever asked makes
a call of its own of it. So calls go to a node until it has greeted on a stream, which an older one
never does (it is asked again after a minute, for it may be a newer one by then), nor one that has
too many; when a stream broke a moment ago; and when they are large, and others would wait behind
them. A program that asks once opens none.

**What an end means** for calls on their way is decided in `on_the_way.py`. Where nobody knows, the
error is that of the stream, in gRPC's own words, as if it had been the call's. But what a node says
of the end is about the stream, and words that would be certain of a call alone ("message larger
than max", a bad argument) are not of its calls: none is handed on.

It opens at the second call, and again at the next one after it ended. Calls that are made at the
same time travel in one message, and so do those that come while one is being sent.

**Why a greeting.** Where a write fails, grpc.aio says "Internal error from Core", and what the node
said is lost. So nothing is written to a node that may refuse the stream; and after a goodbye it is
the caller who ends it.

Rejected: to send a call again after a break. A read could be; but who asks has a list of nodes, and
knows better where.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

import grpc

from kvcluster.config import KIB, MIB
from kvcluster.wire.bounds import CALLS_AT_ONCE
from kvcluster.wire.on_the_way import OnTheWay
from kvcluster.wire.stream_words import PATH, call_error, error_in, error_of_end, frame_in

from demo_pb2 import Call, CallAnswer, CallsRequest, CallsResponse

_LARGE_BYTES = 64 * KIB
"""Of a request. It takes the time of ten calls to copy it."""
_FRAME_BYTES = MIB
_REST_S = 1.0
"""After a break, or when a node has no room for it."""
_LONG_REST_S = 60.0
"""When a node does not know streams."""
_CLOSING_S = 0.02
"""How long a node may take to end a stream to which nothing comes any more."""
_LONGEST_MS = 2**32 - 1
_UNREADABLE = "what came on the stream of calls is no answer"

Waiter: TypeAlias = "asyncio.Future[bytes]"
Metadata: TypeAlias = tuple[tuple[str, str], ...]


def no_metadata() -> Metadata:
    """Nothing goes along."""
    return ()


class NotTaken(Exception):
    """A stream did not take a call, and nobody has seen it."""


class CallStream:
    """The calls to one node by streams, one at a time. Make it inside the event loop."""

    def __init__(
        self, channel: grpc.aio.Channel, opening: Callable[[], Metadata] = no_metadata
    ) -> None:
        """`opening`: what a stream brings along that says who opens it."""
        self._opening = opening
        self._loop = asyncio.get_running_loop()
        self._open: Any = channel.stream_stream(
            PATH,
            request_serializer=CallsRequest.SerializeToString,
            response_deserializer=frame_in,
        )
        self._course: _Course | None = None
        self._courses: set[_Course] = set()
        self._rests_until_s = 0.0
        self._was_asked = False
        self.echoes = False
        """Whether one was cancelled, of which gRPC may have still something to report."""

    @property
    def ready(self) -> bool:
        """Whether it takes calls."""
        return self._course is not None and self._course.is_greeted

    @property
    def busy(self) -> bool:
        """Whether a call is on its way."""
        return any(course.busy for course in self._courses)

    async def ask(self, method: str, request: bytes, timeout_s: float) -> bytes:
        """The answer to a call, as bytes. Raises AioRpcError, or NotTaken."""
        course = self._course
        if course is None:
            self._open_if_worthwhile()
        if course is None or not course.takes(len(request)):
            raise NotTaken
        return await course.ask(method, request, timeout_s)

    def give_up(self, details: str) -> None:
        """Let all calls on their way fail as unknown, with UNAVAILABLE and these details."""
        for course in list(self._courses):
            course.give_up(details)

    async def close(self) -> None:
        """End it. Nothing may be on its way any more."""
        for course in list(self._courses):
            await course.close()

    def left(self, course: _Course, rest_s: float) -> None:
        """A course takes no more calls; so long there shall be no other."""
        if self._course is course:
            self._course = None
        self._rests_until_s = max(self._rests_until_s, self._loop.time() + rest_s)

    def ended(self, course: _Course) -> None:
        """A course is over."""
        self.left(course, 0.0)
        self._courses.discard(course)

    def _open_if_worthwhile(self) -> None:
        if self._was_asked and self._loop.time() >= self._rests_until_s:
            self._course = _Course(self, self._open(metadata=self._opening()))
            self._courses.add(self._course)
        self._was_asked = True


class _Course:
    """One stream, from its beginning to its end."""

    def __init__(self, owner: CallStream, call: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self._call = call
        self._calls: OnTheWay[Waiter] = OnTheWay()
        self._queue: deque[Call] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._given_up = ""
        self._is_leaving = False
        self._ahead_ms = 0
        """The clock of the node, less ours, as of the last message: that took its time, so calls
        seem a little older than they are."""
        self.is_greeted = False
        """Whether the node knows streams, and has room for this one."""
        self.listening = self._loop.create_task(self._listen())

    @property
    def busy(self) -> bool:
        """Whether a call is on its way."""
        return len(self._calls) > 0

    def takes(self, size_bytes: int) -> bool:
        """Whether it takes a call with a request of this size now."""
        return self.is_greeted and size_bytes <= _LARGE_BYTES and len(self._calls) < CALLS_AT_ONCE

    async def ask(self, method: str, request: bytes, timeout_s: float) -> bytes:
        """See CallStream."""
        answer: Waiter = self._loop.create_future()
        number = self._calls.begin(answer)
        left_ms = min(max(1, int(timeout_s * 1000)), _LONGEST_MS)
        now_ms = self._ahead_ms + int(self._loop.time() * 1000)
        self._send(
            Call(id=number, method=method, request=request, timeout_ms=left_ms, now_ms=now_ms)
        )
        timer = self._loop.call_later(timeout_s, self._expire, answer)
        try:
            return await answer
        finally:
            timer.cancel()
            if self._calls.leave(number):  # it was cancelled, or its time is over
                self._send(Call(id=number, cancel=True))
            if self._is_leaving and not self.busy:
                self._cancel()

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
                if frame is None:
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
            if (answer := self._calls.answered(each.id)) and not answer.done():
                _settle(answer, each)
        if frame.HasField("goodbye"):
            self._owner.left(self, 0.0)
            _fail(self._calls.goodbye(frame.goodbye.last), NotTaken())
            self._is_leaving = True
            if not self.busy:
                self._cancel()

    def _end(self, code: grpc.StatusCode, details: str) -> None:
        self._owner.ended(self)
        self._queue.clear()
        if self._writing:
            self._writing.cancel()
        certain, unknown = self._calls.end()
        _fail(certain, NotTaken())
        for answer in unknown:
            _fail([answer], error_of_end(code, details))

    def _expire(self, answer: Waiter) -> None:
        if not answer.done():
            answer.set_exception(call_error(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"))


def _settle(answer: Waiter, told: CallAnswer) -> None:
    """Hand over what a node said of a call."""
    if told.WhichOneof("outcome") == "failure":
        answer.set_exception(error_in(told.failure))
    else:
        answer.set_result(told.response)


def _fail(answers: list[Waiter], error: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
