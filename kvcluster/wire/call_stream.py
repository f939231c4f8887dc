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
from collections.abc import Callable
from typing import Any

import grpc

from kvcluster.wire.call_course import NOTHING, Course, NotTaken, Opening, Waiter
from kvcluster.wire.stream_words import PATH, frame_in

from demo_pb2 import CallsRequest


def no_opening() -> Opening:
    """Nothing goes along."""
    return NOTHING


class _Awaiting:
    """A coroutine that waits."""

    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self.answer = answer

    def answered(self, response: bytes) -> None:
        """See Waiter."""
        if not self.answer.done():
            self.answer.set_result(response)

    def failed(self, error: Exception) -> None:
        """See Waiter."""
        if not self.answer.done():
            self.answer.set_exception(error)


class CallStream:
    """The calls to one node by streams, one at a time. Make it inside the event loop."""

    def __init__(
        self, channel: grpc.aio.Channel, opening: Callable[[], Opening] = no_opening
    ) -> None:
        """`opening`: what goes along with a stream, and must come back."""
        self._opening = opening
        self._loop = asyncio.get_running_loop()
        self._open: Any = channel.stream_stream(
            PATH,
            request_serializer=CallsRequest.SerializeToString,
            response_deserializer=frame_in,
        )
        self._course: Course | None = None
        self._courses: set[Course] = set()
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
        waiter = _Awaiting(self._loop.create_future())
        call = self.begin(method, request, timeout_s, waiter)
        if call is None:
            raise NotTaken
        try:
            return await waiter.answer
        finally:
            call()

    def begin(
        self, method: str, request: bytes, timeout_s: float, waiter: Waiter
    ) -> Callable[[], None] | None:
        """The same for who is called back. What is returned cancels the call, unless it is over;
        None: it was not taken.
        """
        course = self._course
        if course is None:
            self._open_if_worthwhile()
        if course is None or not course.takes(len(request)):
            return None
        return course.begin(method, request, timeout_s, waiter)

    def give_up(self, details: str) -> None:
        """Let all calls on their way fail as unknown, with UNAVAILABLE and these details."""
        for course in list(self._courses):
            course.give_up(details)

    async def close(self) -> None:
        """End it. Nothing may be on its way any more."""
        for course in list(self._courses):
            await course.close()

    def left(self, course: Course, rest_s: float) -> None:
        """A course takes no more calls; so long there shall be no other."""
        if self._course is course:
            self._course = None
        self._rests_until_s = max(self._rests_until_s, self._loop.time() + rest_s)

    def ended(self, course: Course) -> None:
        """A course is over."""
        self.left(course, 0.0)
        self._courses.discard(course)

    def _open_if_worthwhile(self) -> None:
        if self._was_asked and self._loop.time() >= self._rests_until_s:
            opening = self._opening()
            call = self._open(metadata=opening.metadata)
            self._course = Course(self, call, opening)
            self._courses.add(self._course)
        self._was_asked = True
