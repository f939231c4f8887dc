"""Faces: what a program holds when it has a client, before anything is asked.

Whom it asks, how long it waits, and whether it is closed are the same for both clients. They differ
in the way to their session: `AsyncFace` has it in the event loop of its caller, and `SyncFace`
(`sync.py`) in the loop in the background.

The session is made at the first call, not with the client: a client may be made anywhere, a session
only in the loop in which it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from kvcluster.client import engine
from kvcluster.client.ahead import Ahead
from kvcluster.client.connection import GrpcConnection
from kvcluster.client.credentials import Credentials
from kvcluster.client.given import checked_seeds, checked_timeout
from kvcluster.client.session import Make, Session
from kvcluster.client.values import ENCODED, RAW
from kvcluster.errors import BadRequest

DEFAULT_NODES = "localhost:50051,localhost:50052,localhost:50053"
DEFAULT_TIMEOUT_S = 5.0

if TYPE_CHECKING:
    from kvcluster.wire.tls import Tls

A = TypeVar("A", bound="AsyncFace")


class Face:
    """What both clients are given."""

    def __init__(
        self,
        nodes: str | Iterable[str] = DEFAULT_NODES,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retry_unknown: bool = False,
        raw: bool = False,
        tls: Tls | None = None,
        token: str | None = None,
    ) -> None:
        """`nodes`: some nodes of the cluster, as "host:port,host:port" or an iterable of such; one
        is enough to start with. `timeout_s`: how long each operation may take, in seconds.
        `retry_unknown`: see `put`. `raw`: values are strings, and go in and come out as they stand
        in the store, bytes as data URLs; for programs that carry them elsewhere and back. `tls`:
        speak TLS, with these files. `token`: shown to every node that is asked.

        Raises BadRequest.
        """
        self._seeds = checked_seeds(nodes)
        self._timeout_s = checked_timeout(timeout_s)
        self._retry_unknown = retry_unknown
        self._form = RAW if raw else ENCODED
        self._credentials = Credentials.of(tls, token)
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        """What else a client of this kind has."""

    def __repr__(self) -> str:
        given = [repr(",".join(self._seeds)), f"timeout_s={self._timeout_s:g}"]
        if self._retry_unknown:
            given.append("retry_unknown=True")
        if self._form is RAW:
            given.append("raw=True")
        if self._credentials and self._credentials.tls:
            given.append(f"tls={self._credentials.tls.tls!r}")
        if self._credentials and self._credentials.token:
            given.append("token=...")
        made = f"{type(self).__name__}({', '.join(given)})"
        return f"<{made}, closed>" if self._closed else made

    def _within_s(self, timeout_s: float | None) -> float:
        """How long a call may take. Raises BadRequest."""
        return self._timeout_s if timeout_s is None else checked_timeout(timeout_s)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise BadRequest("the client is closed")


class AsyncFace(Face):
    """A client in the event loop of its caller."""

    def _begin(self) -> None:
        self._made: Session | None = None
        self._open: Callable[..., Session] = Session
        """The simulator has sessions of its own: over its network."""
        self._ahead = Ahead()
        self._take_over(self._credentials)

    def _take_over(self, credentials: Credentials | None) -> None:
        """Use these from the first call on; their files are read already."""
        self._credentials = credentials
        if credentials:
            dial = partial(GrpcConnection, credentials=credentials)
            self._open = partial(Session, dial=dial)

    async def __aenter__(self: A) -> A:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of every connection. Operations on their way come to their end first."""
        session, self._closed = self._made, True
        if session is not None and not engine.is_lost():
            self._check_loop(session)
            await session.close()

    @property
    def _session(self) -> Session:
        """Its session, in the event loop that runs. Raises BadRequest where none can work."""
        self._refuse_if_closed()
        engine.start()
        if self._made is None:
            self._made = self._open(self._seeds, self._timeout_s, self._retry_unknown)
        self._check_loop(self._made)
        return self._made

    def _answer_to(
        self, make: Make, timeout_s: float | None, retry_unknown: bool | None = None
    ) -> Awaitable[Any]:
        """What a node answers to an operation. Raises BadRequest, Unavailable, OutcomeUnknown."""
        return self._session.answer_to(make, timeout_s, retry_unknown)

    def _give_way(self, failures: int) -> Awaitable[None]:
        """Rest for a moment, after others came first so many times in a row."""
        return self._session.give_way(failures)

    def _now_s(self) -> float:
        """By the clock that deadlines are measured with."""
        return asyncio.get_running_loop().time()

    @staticmethod
    def _check_loop(session: Session) -> None:
        if session.loop is not asyncio.get_running_loop():
            raise BadRequest("this client belongs to another event loop; make one in each")
