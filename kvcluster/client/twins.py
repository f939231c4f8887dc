"""Twins: what a method of AsyncClient is for programs without asyncio, made from it.

    put = operations(AsyncClient.put)

So what a method does, its signature, its types and its docstring stand once. Type checkers, editors
and `help()` find all of it at the twin, too.

A method about one key waits for the answer to its operation, or for those to a few, one after the
other, and needs no event loop for itself (`operations`): the thread that called runs it up to
there, hands its order over, and goes on with the answer. A task for it in the background would be
the dearest part of the call. So the function that `update` is given is called in the caller's
thread, too.

A method that gives many things is written as one that gives them a page at a time (`Pages`). What
programs loop over is made from that: by `one_by_one` for asyncio, and by `scans` without, which
pays for the hop from thread to thread once a page.

Rejected: one method for both clients, since its type could only say "an answer, or something to
await for it". Rejected: source that is generated from the asynchronous one, a second copy that
nobody may touch.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeAlias, TypeVar

if TYPE_CHECKING:
    from kvcluster.client.aio import AsyncClient
    from kvcluster.client.session import Make
    from kvcluster.client.sync import SyncFace

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")

Pages: TypeAlias = AsyncGenerator[list[T], None]
"""What a method gives a page at a time; no page is empty."""


class Order(NamedTuple):
    """What a method about one key wants to be carried out."""

    make: Make
    timeout_s: float | None
    retry_unknown: bool | None


class Rest(NamedTuple):
    """What it wants in between: to be left alone for a moment."""

    seconds: float


def operations(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SyncFace, P], T]:
    """The method that carries out the same operations, and waits for the answer to each."""

    @wraps(method)
    def carry_out(self: SyncFace, /, *args: P.args, **named: P.kwargs) -> T:
        course = method(self._twin, *args, **named)
        try:
            wish: Order | Rest = course.send(None)
            while True:
                wish = course.send(self._carry_out(wish))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            course.close()

    _show(carry_out, of="Client")
    return carry_out


def reads(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SyncFace, P], T]:
    """The method that has the same read in the background, and waits for it."""
    return _waits(method, writes=False)


def writes(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SyncFace, P], T]:
    """The same for a method after which something may be written, whatever becomes of the wait."""
    return _waits(method, writes=True)


def scans(
    method: Callable[Concatenate[AsyncClient, P], AsyncIterator[T]],
) -> Callable[Concatenate[SyncFace, P], Iterator[T]]:
    """The same for a method that was made by `one_by_one`: it fetches a page at a time."""
    pages_of = inspect.unwrap(method)

    @wraps(method)
    def give(self: SyncFace, /, *args: P.args, **named: P.kwargs) -> Iterator[T]:
        timeout_s: Any = named.get("timeout_s")
        return self._fetch(pages_of(self._twin, *args, **named), timeout_s)

    _show(give, gives="Iterator", of="Client")
    return give


def one_by_one(
    method: Callable[Concatenate[C, P], Pages[T]],
) -> Callable[Concatenate[C, P], AsyncIterator[T]]:
    """The method that gives one by one what this one gives a page at a time."""

    @wraps(method)
    async def give(self: C, /, *args: P.args, **named: P.kwargs) -> AsyncGenerator[T, None]:
        async with aclosing(method(self, *args, **named)) as pages:
            async for page in pages:
                for item in page:
                    yield item

    _show(give, gives="AsyncIterator")
    return give


def _waits(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]], *, writes: bool
) -> Callable[Concatenate[SyncFace, P], T]:
    @wraps(method)
    def wait(self: SyncFace, /, *args: P.args, **named: P.kwargs) -> T:
        timeout_s: Any = named.get("timeout_s")
        return self._wait(partial(method, self._twin, *args, **named), timeout_s, writes=writes)

    _show(wait, of="Client")
    return wait


def _show(made: Any, *, gives: str = "", of: str = "") -> None:
    """Have a method that was made of another one look written, for `help()` and the like."""
    if gives:
        signature = inspect.signature(made)
        _, bracket, given = signature.return_annotation.partition("[")
        made.__signature__ = signature.replace(return_annotation=gives + bracket + given)
    if of:
        made.__qualname__ = f"{of}.{made.__name__}"
        made.__module__ = "kvcluster.client.sync"
