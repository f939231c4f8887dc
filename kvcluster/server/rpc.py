"""The border to gRPC on the server's side: what comes in is checked once, what goes out translated.

Handlers in server.py say what a node does. Everything around them is here: `rpc` and `rpc_stream`
see who calls (guard.py), admit the call (budgets.py), give it a deadline, count it (traffic.py),
and turn this library's errors into status codes (by the table of wire/failures.py). registrar.py
puts handlers on a server. A call may also come on a stream (streamed.py): there it passes through
the same, and only its error is told in another form.

This is the one door. What a method needs of its caller (security/needs.py) is an argument that no
method can be without, and it is looked at before anything else about a call is said.

What stands behind the handlers is a Service (service.py).
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from kvcluster.errors import (
    KvError,
    NothingWritten,
    OutcomeUnknown,
    TooLate,
    reason_of,
)
from kvcluster.security.callers import ON_BEHALF, Shown
from kvcluster.security.needs import Need, as_it_is
from kvcluster.server.budgets import Budget, Intake
from kvcluster.wire.error_info import STATUS_CODES, Told, Trailer, trailer_of
from kvcluster.wire.failures import code_of, details_of, value_limit_of, version_in
from kvcluster.wire.parsing import Unusable, refuse_unusable

log = logging.getLogger("kvcluster")

Response = TypeVar("Response")
Method = Callable[[Any, Any, float], Awaitable[Response]]
"""Takes a servicer, a request and a deadline; a handler gRPC's context in the place of that."""
Handler = Callable[[Any, Any, Any], Awaitable[Response]]
Stream = Callable[[Any, Any, float], AsyncGenerator[Response, None]]
StreamHandler = Callable[[Any, Any, Any], AsyncIterator[Any]]
AtOnce = Callable[[Any, Any], Any]
"""The answer of a servicer to a request that it has already; None: it must be carried out."""
CountedAtOnce = Callable[[Any, Any, "Shown | None"], Any]
"""The same, by what the caller has shown."""

_OK, _CANCELLED = 0, 1


@dataclass(frozen=True)
class OnStream:
    """How a method is carried out for a call that came on a stream."""

    carry_out: Callable[[Any, Any, float | None, Shown | None], Awaitable[Any]]
    """Takes a servicer, a request, the time left, and what its caller has shown. Raises KvError."""
    writes: bool
    at_once: CountedAtOnce


def rpc(
    *,
    needs: Need,
    budget: str | None = None,
    writes: bool = False,
    at_once: AtOnce | None = None,
) -> Callable[[Method[Response]], Handler[Response]]:
    """Make a gRPC handler of a method that takes a request and a deadline (event loop time).

    `needs`: what it needs of its caller. `budget` names a field of the servicer's `intake`; a
    method that answers without waiting for anything needs none. A method that writes tells its
    caller when a failure certainly wrote nothing; clients rely on it. `at_once` saves a call whose
    answer is there a task and a place.
    """

    def decorate(method: Method[Response]) -> Handler[Response]:
        carry_out = _carrying_out(method, needs, budget)
        answer_at_once = _counted(method.__name__, needs, at_once)

        @functools.wraps(method)
        async def handler(
            servicer: Any, request: Any, context: Any, shown: Shown | None = None
        ) -> Response:
            answer: Response | None = answer_at_once(servicer, request, shown)
            if answer is not None:
                return answer
            try:
                return await carry_out(servicer, request, context.time_remaining(), shown)
            except KvError as refusal:
                await context.abort(*status_of(refusal, writes=writes))
                raise AssertionError("abort always raises") from refusal

        handler.on_stream = OnStream(carry_out, writes, answer_at_once)  # type: ignore[attr-defined]
        handler.needs = needs  # type: ignore[attr-defined]
        return handler

    return decorate


def _carrying_out(
    method: Method[Response], needs: Need, budget: str | None
) -> Callable[[Any, Any, float | None, Shown | None], Awaitable[Response]]:
    """What carries a call out, whichever way it came: see OnStream."""

    async def carry_out(
        servicer: Any, request: Any, remaining_s: float | None, shown: Shown | None
    ) -> Response:
        intake, started_s = servicer.intake, asyncio.get_running_loop().time()
        code: int = _CANCELLED  # unless it comes to an end of its own
        answer: Response | None = None
        refusal: KvError | None = None
        try:
            allowed, complete = _allowed(intake, needs, shown, request, method.__name__)
            with _admitted(intake, budget, allowed):
                default_s = intake.settings.request_timeout_s
                deadline_s = _deadline_s(allowed, remaining_s, default_s)
                answer = complete(await method(servicer, allowed, deadline_s))
            code = _OK
            return answer
        except Exception as error:
            refusal = _told(error, method.__name__)
            code = code_of(refusal)
            raise refusal from error
        finally:
            duration_s = asyncio.get_running_loop().time() - started_s
            intake.traffic.ended(method.__name__, code, duration_s, request, answer)
            _note(intake, shown, method.__name__, request, answer, refusal)

    return carry_out


def rpc_stream(*, needs: Need, budget: str) -> Callable[[Stream[Response]], StreamHandler]:
    """The same for a method that reads, and answers with a stream."""

    def decorate(method: Stream[Response]) -> StreamHandler:
        @functools.wraps(method)
        async def handler(
            servicer: Any, request: Any, context: Any, shown: Shown | None = None
        ) -> AsyncIterator[Response]:
            intake, started_s = servicer.intake, asyncio.get_running_loop().time()
            code: int = _CANCELLED
            try:
                _allowed(intake, needs, shown, request, method.__name__)
                with _admitted(intake, budget, request):
                    default_s = intake.settings.scan_timeout_s
                    deadline_s = _deadline_s(request, context.time_remaining(), default_s)
                    async with aclosing(method(servicer, request, deadline_s)) as answers:
                        async for answer in answers:
                            yield answer
                code = _OK
            except Exception as error:
                refusal = _told(error, method.__name__)
                code = code_of(refusal)
                _note(intake, shown, method.__name__, request, None, refusal)
                await context.abort(*status_of(refusal, writes=False))
            finally:
                duration_s = asyncio.get_running_loop().time() - started_s
                intake.traffic.ended(method.__name__, code, duration_s)

        handler.needs = needs  # type: ignore[attr-defined]
        return handler

    return decorate


def _allowed(
    intake: Intake, needs: Need, shown: Shown | None, request: Any, method: str
) -> tuple[Any, Callable[[Any], Any]]:
    """What of a request may be carried out, and what makes its answer that to the whole.

    Raises Unauthenticated, PermissionDenied.
    """
    if intake.guard is None or shown is None:
        return request, as_it_is
    admitted = intake.guard.admit(needs, shown, request, method)
    if admitted.name:
        ON_BEHALF.set(admitted.name)  # the call has a context of its own
    return admitted.request, admitted.complete


def _note(
    intake: Intake,
    shown: Shown | None,
    method: str,
    request: Any,
    answer: Any,
    refusal: KvError | None,
) -> None:
    """Have the audit look at a call that is over, unless its caller cancelled it."""
    if intake.guard and shown and (answer is not None or refusal):
        intake.guard.ended(shown, method, request, answer, refusal)


def _counted(name: str, needs: Need, at_once: AtOnce | None) -> CountedAtOnce:
    """What answers at once, if its caller may have all that he asks for. It reads, and no more: so
    no line of the audit is due.
    """

    def answer(servicer: Any, request: Any, shown: Shown | None) -> Any:
        if at_once is None or isinstance(request, Unusable):
            return None
        guard = servicer.intake.guard
        if guard and shown and not guard.admits_all(needs, shown, request, name):
            return None
        started_s = asyncio.get_running_loop().time()
        answer = at_once(servicer, request)
        if answer is not None:
            duration_s = asyncio.get_running_loop().time() - started_s
            servicer.intake.traffic.ended(name, _OK, duration_s, request, answer)
        return answer

    return answer


def _admitted(intake: Intake, budget: str | None, request: object) -> AbstractContextManager[None]:
    if budget is None:
        return nullcontext()
    admits: Budget = getattr(intake, budget)
    return admits.admit(_size_bytes(request))


def _size_bytes(request: object) -> int:
    """What a message carries; a stream of them, or what is none, counts as nothing."""
    return request.ByteSize() if isinstance(request, Message) else 0


def _deadline_s(request: object, remaining_s: float | None, default_timeout_s: float) -> float:
    refuse_unusable(request)
    if remaining_s is None:
        remaining_s = default_timeout_s
    if remaining_s <= 0:
        raise TooLate("the deadline passed before the work began")
    return asyncio.get_running_loop().time() + remaining_s


def _told(error: Exception, method: str) -> KvError:
    """What the caller is told; a bug of ours is told to the log."""
    if isinstance(error, KvError):
        return error
    log.error("BUG  %s failed", method, exc_info=error)
    return OutcomeUnknown("an internal error; see the log")


def status_of(error: KvError, *, writes: bool) -> tuple[grpc.StatusCode, str, Trailer]:
    """What a call that fails with an error is answered with: code, details, trailer."""
    code, details = code_of(error), details_of(error, writes=writes)
    certain = not writes or isinstance(error, NothingWritten)
    told = Told(reason_of(type(error)), certain, value_limit_of(error), version_in(error))
    return STATUS_CODES[code], details, trailer_of(code, details, told)
