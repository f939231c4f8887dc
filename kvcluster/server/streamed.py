"""Streams of calls, on the side of the node: many calls over one lasting call of gRPC.

The caller's side is wire/call_stream.py. Here each call on a stream is what it would be alone: its
request is measured by its own method's bounds and then parsed, it takes a place in its budget and
has a deadline, it is counted and logged under its own name, and fails with its own error. For it
passes through the same function of rpc.py; only its error becomes a `Failure` instead of a status.

**Age.** A call alone that its caller gives up is reset, and gRPC hears of that before it hands over
what came before. On a stream the farewell stands in line behind what it is about. A node that had
stood still for five seconds carried out puts that were given up two seconds before, over what had
been written since. So each message of the node says what time it is here, each call what time that
makes it now, and one that is older than its timeout is refused. What a caller adds by his own delay
makes it seem older, never younger.

So a stream is no way round any limit. What it has besides are its own:

    streams in all             a budget; who is refused makes calls of their own
    silence on one             as for any call whose message is slow to come (arrivals.py)
    calls in a message         256, counted before it is parsed
    calls on their way         as many, then nothing more is read, and the caller's gRPC waits
    answers nobody takes       the same beyond a megabyte

It begins with a greeting, a message without answers: who knows that this node takes streams, and
has room for one more, puts no call at risk.

**How it ends.** When it was idle, or the node stops, it says goodbye: which call was the last that
it looked at. Those up to there are answered, those behind it certainly not done. The end is left to
the caller, for some time: who writes on a stream that has ended may never hear the goodbye. What is
no message of a stream, or breaks its rules, ends it with INVALID_ARGUMENT, and nothing is said of
calls on their way. If the caller goes, his calls are cancelled, as each would have been alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kvcluster.config import KIB, MIB
from kvcluster.errors import (
    BadRequest,
    KvError,
    NotReady,
    OutcomeUnknown,
    Overloaded,
    PermissionDenied,
    TooLate,
    Unauthenticated,
    reason_of,
)
from kvcluster.security.callers import Shown
from kvcluster.security.needs import Need
from kvcluster.server.budgets import Intake
from kvcluster.steady import steady_clock
from kvcluster.wire.bounds import CALLS_AT_ONCE
from kvcluster.wire.error_info import STATUS_CODES, Told, trailer_of
from kvcluster.wire.failures import code_of, details_of, failure_of
from kvcluster.wire.outline import method_of
from kvcluster.wire.parsing import Parse, parser_of_requests, refuse_unusable
from kvcluster.wire.stream_words import PATH

from demo_pb2 import Call, CallAnswer, CallsRequest, CallsResponse, Failure

log = logging.getLogger("kvcluster")

_UNSENT_BYTES = _FRAME_BYTES = MIB
_LINGER_S = 1.0
"""So long a caller has to end a stream after the goodbye."""
_CANCELLED, _UNIMPLEMENTED = 1, 12
_TIME_IS_OVER = Failure(code=4, message="Deadline Exceeded")
_steady_s = steady_clock()


@dataclass(frozen=True)
class Streamable:
    """A method that can be called on a stream."""

    parse: Parse
    at_once: Callable[[Any, Shown | None], Any]
    """Takes a request, and what the caller has shown; the answer if nobody must wait for it, else
    None."""
    carry_out: Callable[[Any, float, Shown | None], Awaitable[Any]]
    """Takes a request, how much time is left, and what the caller has shown. Raises KvError."""
    serialize: Callable[[Any], bytes]
    writes: bool


def serving(methods: Mapping[str, Streamable], intake: Intake, needs: Need) -> Any:
    """The handler of streams on which these methods can be called, by who has what it needs."""
    kind = method_of(PATH).input_type
    parse = parser_of_requests(kind, CallsRequest.FromString, intake.settings)

    async def serve(_: object, context: Any) -> None:
        code, started_s = _CANCELLED, asyncio.get_running_loop().time()
        shown = await intake.guard.meet(context, PATH, None) if intake.guard else None
        streamed = Streamed(methods, parse, intake, context, shown)
        try:
            if intake.guard and shown:
                intake.guard.admit(needs, shown, None, "Calls")
            with intake.streams.admit(0):
                await streamed.serve()
            code = 0
        except asyncio.CancelledError:
            code = 0 if streamed.said_goodbye else code
            raise
        except (Overloaded, BadRequest, Unauthenticated, PermissionDenied) as error:
            if intake.guard and shown:
                intake.guard.ended(shown, "Calls", None, None, error)
            certain = streamed.last == 0  # of calls that were begun nothing is said
            code, details = code_of(error), details_of(error, writes=certain)
            told = Told(reason_of(type(error)), nothing_written=certain)
            await context.abort(STATUS_CODES[code], details, trailer_of(code, details, told))
        finally:
            duration_s = asyncio.get_running_loop().time() - started_s
            intake.traffic.ended("Calls", code, duration_s)

    return serve


class Streamed:
    """One stream, from its first call to its last answer."""

    def __init__(
        self,
        methods: Mapping[str, Streamable],
        parse: Parse,
        intake: Intake,
        context: Any,
        shown: Shown | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._methods = methods
        self._parse = parse
        self._arrivals = intake.arrivals
        self._limit_bytes = intake.settings.message_limit_bytes - KIB
        self._default_ms = int(intake.settings.request_timeout_s * 1000)
        self._context = context
        self._shown = shown
        self.last = 0
        """The number of the last call that was looked at."""
        self._running: dict[int, asyncio.Task[bytes]] = {}
        self._answers: deque[CallAnswer] = deque()
        self._unsent_bytes = 0
        self._goodbye_due = False
        self.said_goodbye = False
        """Whether it ends in good order."""
        self._writing: asyncio.Task[None] | None = None
        self._freed: asyncio.Future[None] | None = None
        self._over = False

    async def serve(self) -> None:
        """Answer calls until there are no more. Raises BadRequest for what is no call."""
        try:
            await self._context.write(CallsResponse(now_ms=_now_ms()).SerializeToString())
            try:
                while (data := await self._message()) is not None:
                    self._take(data)
            except (NotReady, Overloaded, TooLate):  # it stops; too many are idle; this one is
                self._goodbye_due = self.said_goodbye = True
                self._wake_writer()
            while self._running or self._writing:
                writing = [self._writing] if self._writing else []
                await asyncio.wait([*self._running.values(), *writing])
            if self.said_goodbye:
                await asyncio.sleep(_LINGER_S)
        finally:
            self._over = True
            for task in self._running.values():
                task.cancel()
            if self._writing:
                self._writing.cancel()

    async def _message(self) -> bytes | None:
        """The next message, once there is room for what it asks; None: it was the last."""
        while len(self._running) + len(self._answers) >= CALLS_AT_ONCE or (
            self._unsent_bytes > _UNSENT_BYTES
        ):
            self._freed = self._loop.create_future()
            await self._freed
        return await self._arrivals.message(self._context)

    def _take(self, data: bytes) -> None:
        frame = self._parse(data)
        refuse_unusable(frame)
        for call in frame.calls:
            if not call.cancel:
                self._begin(call)
            elif call.id in self._running:
                self._running[call.id].cancel()

    def _begin(self, call: Call) -> None:
        if call.id <= self.last:
            raise BadRequest(f"call {call.id} came behind call {self.last}")
        self.last = call.id
        if call.method not in self._methods:
            text = f"no method {call.method[:80]!r} can be called on a stream"
            failure = Failure(code=_UNIMPLEMENTED, message=text, nothing_written=True)
            self._send(CallAnswer(id=call.id, failure=failure))
            return
        timeout_ms = call.timeout_ms or self._default_ms
        left_s = (timeout_ms - max(0, _now_ms() - call.now_ms)) / 1000
        method = self._methods[call.method]
        request = method.parse(call.request)
        if left_s > 0 and (response := method.at_once(request, self._shown)) is not None:
            self._send(CallAnswer(id=call.id, response=method.serialize(response)))
            return
        work = self._carry_out(method, request, left_s)
        task = self._running[call.id] = self._loop.create_task(work)
        timer = self._loop.call_later(left_s, task.cancel) if left_s > 0 else None
        task.add_done_callback(lambda task: self._end(call, task, timer))

    async def _carry_out(self, method: Streamable, request: Any, left_s: float) -> bytes:
        """The bytes of the answer. Raises KvError."""
        response = method.serialize(await method.carry_out(request, left_s, self._shown))
        if len(response) > self._limit_bytes:
            raise OutcomeUnknown(f"the answer is {len(response):,} bytes long, too many")
        return response

    def _end(
        self, call: Call, task: asyncio.Task[bytes], timer: asyncio.TimerHandle | None
    ) -> None:
        """A call is over: its answer can be sent."""
        del self._running[call.id]
        if timer:
            timer.cancel()
        answer = CallAnswer(id=call.id)
        if task.cancelled():  # or by the caller, who then waits for no answer
            answer.failure.CopyFrom(_TIME_IS_OVER)
        elif error := task.exception():
            answer.failure.CopyFrom(_failure(error, writes=self._methods[call.method].writes))
        else:
            answer.response = task.result()
        if not self._over:
            self._send(answer)

    def _send(self, answer: CallAnswer) -> None:
        self._answers.append(answer)
        self._unsent_bytes += len(answer.response)
        self._wake_writer()

    def _wake_writer(self) -> None:
        if self._writing is None:
            self._writing = self._loop.create_task(self._write())

    async def _write(self) -> None:
        """Send what there is. What comes meanwhile goes together with the next message."""
        while self._answers or self._goodbye_due:
            frame, size_bytes = CallsResponse(now_ms=_now_ms()), 0
            while self._answers and (
                not size_bytes or size_bytes + len(self._answers[0].response) <= _FRAME_BYTES
            ):
                answer = self._answers.popleft()
                size_bytes += len(answer.response)
                frame.answers.append(answer)
            if self._goodbye_due:
                self._goodbye_due = False
                frame.goodbye.last = self.last
            await self._context.write(frame.SerializeToString())
            self._unsent_bytes -= size_bytes
            if self._freed and not self._freed.done():
                self._freed.set_result(None)
        self._writing = None


def _now_ms() -> int:
    return int(_steady_s() * 1000)


def _failure(error: BaseException, *, writes: bool) -> Failure:
    """What a call alone would have been failed with."""
    if not isinstance(error, KvError):
        log.error("BUG  a call on a stream failed", exc_info=error)
        error = OutcomeUnknown("an internal error; see the log")
    failure = failure_of(error, writes=writes)
    failure.nothing_written |= not writes  # a call that reads writes nothing, however it fails
    return failure
