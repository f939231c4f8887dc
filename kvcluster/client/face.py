"""Faces: what a program holds when it has a client, before anything is asked.

Whom it asks, how long it waits, and whether it is closed are the same for both clients. They differ
in the way to their session: `AsyncFace` has it in the event loop of its caller, `SyncFace` in the
loop in the background, and waits for it.

The session is made at the first call, not with the client: a client may be made anywhere, a session
only in the loop in which it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, TypeVar

from kvcluster.client import engine
from kvcluster.client.background import background
from kvcluster.client.given import ENCODED, RAW
from kvcluster.client.pending import checked_timeout
from kvcluster.client.session import Session, checked_seeds
from kvcluster.errors import BadRequest

DEFAULT_NODES = "localhost:50051,localhost:50052,localhost:50053"
DEFAULT_TIMEOUT_S = 5.0

T = TypeVar("T")
A = TypeVar("A", bound="AsyncFace")
S = TypeVar("S", bound="SyncFace")


class Face:
    """What both clients are given."""

    def __init__(
        self,
        nodes: str | Iterable[str] = DEFAULT_NODES,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retry_unknown: bool = False,
        raw: bool = False,
    ) -> None:
        self._seeds = checked_seeds(nodes)
        self._timeout_s = checked_timeout(timeout_s)
        self._retry_unknown = retry_unknown
        self._form = RAW if raw else ENCODED
        self._made: Session | None = None
        self._open: Callable[..., Session] = Session
        """The simulator has sessions of its own: over its network."""
        self._closed = False

    def __repr__(self) -> str:
        given = [repr(",".join(self._seeds)), f"timeout_s={self._timeout_s:g}"]
        if self._retry_unknown:
            given.append("retry_unknown=True")
        if self._form is RAW:
            given.append("raw=True")
        made = f"{type(self).__name__}({', '.join(given)})"
        return f"<{made}, closed>" if self._closed else made

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise BadRequest("the client is closed")

    def _make_session(self) -> Session:
        """Its session, in the event loop that runs. Raises BadRequest where none can work."""
        engine.start()
        if self._made is None:
            self._made = self._open(self._seeds, self._timeout_s, self._retry_unknown)
        return self._made


class AsyncFace(Face):
    """A client in the event loop of its caller."""

    async def __aenter__(self: A) -> A:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of every connection. Operations on their way come to their end first."""
        session, self._closed = self._made, True
        if session is not None and not engine.is_lost():
            self._check_loop(session)
            await session.close()

    @property
    def _session(self) -> Session:
        self._refuse_if_closed()
        session = self._make_session()
        self._check_loop(session)
        return session

    @staticmethod
    def _check_loop(session: Session) -> None:
        if session.loop is not asyncio.get_running_loop():
            raise BadRequest("this client belongs to another event loop; make one in each")


class SyncFace(Face):
    """A client in the background.

    Its session is made and used there only: whoever asks may be a `__del__` in the middle of
    another call, so nothing here may need a lock.
    """

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection. Operations on their way come to their end first."""
        self._closed = True
        if self._made is not None and not engine.is_lost():
            background().run(self._made.close(), self._timeout_s)

    @property
    def _session(self) -> Session:
        self._refuse_if_closed()
        return self._made or self._run(self._make, None)

    async def _make(self) -> Session:
        return self._make_session()

    def _run(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        timeout_s: float | None,
        *,
        writes: bool = False,
    ) -> T:
        """Have something done in the background, and wait for it."""
        within_s = self._timeout_s if timeout_s is None else checked_timeout(timeout_s)
        return background().run(work(), within_s, writes=writes)

    @staticmethod
    def _give_up(cancel: Callable[[], None]) -> None:
        """Nobody waits any more for what was begun in the background."""
        if not engine.is_lost():  # as it is where a generator is closed by the end of the program
            background().call(cancel)
