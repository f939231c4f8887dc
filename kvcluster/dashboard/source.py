"""The source: how nodes are asked, over gRPC. The one place here that touches a socket.

Two questions go to one node and no other: how it is, and what it holds of a key. Each has a
deadline, and each can be given up. What a person asks for goes through a client of the library, as
in any program.

A connection that a cut has silenced may look open for a quarter of an hour. So after a question
without an answer the next one is asked on a new connection: a node that is back is seen at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

from kvcluster.client.aio import AsyncClient
from kvcluster.client.answers import Deleted, Stored
from kvcluster.client.connection import GrpcConnection
from kvcluster.client.face import DEFAULT_TIMEOUT_S
from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.client.link import answer_over

from demo_pb2 import GetRequest, GetResponse, StatusRequest, StatusResponse

_CLOSING_S = 1.0
"""How long what is on its way may take when the dashboard ends."""


class KeyValue(Protocol):
    """What is asked of a client. Every method raises KvError."""

    async def put(
        self,
        key: str,
        value: str,
        *,
        ttl_s: float | None = None,
        if_absent: bool = False,
        if_version: bytes | None = None,
        if_value: str | None = None,
        keep_ttl: bool = False,
    ) -> Stored:
        """Store a value."""

    async def get(self, key: str) -> str | None:
        """The value, if there is one."""

    async def delete(self, key: str) -> Deleted:
        """Remove a key."""


class Source(Protocol):
    """Where the dashboard has everything from."""

    @property
    def client(self) -> KeyValue:
        """Puts, gets and deletes for a person."""

    async def status(self, address: str) -> StatusResponse:
        """All that one node knows. Raises CallFailed."""

    async def get_at(self, address: str, key: str) -> GetResponse:
        """A key as one node answers for it. Raises CallFailed."""

    async def close(self) -> None:
        """Let go of every connection."""


class Network:
    """The nodes themselves. Make it in the event loop in which it is used."""

    def __init__(self, nodes: tuple[str, ...], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.client = AsyncClient(nodes, timeout_s=max(timeout_s, DEFAULT_TIMEOUT_S))
        self._connections: dict[tuple[str, type], GrpcConnection] = {}
        """By address and kind of question."""

    async def status(self, address: str) -> StatusResponse:
        """See Source."""
        answer: StatusResponse = await self._ask(address, StatusRequest())
        return answer

    async def get_at(self, address: str, key: str) -> GetResponse:
        """See Source."""
        answer: GetResponse = await self._ask(address, GetRequest(key=key))
        return answer

    async def close(self) -> None:
        """See Source. Nobody waits for what is on its way to a silent node."""
        closing = [connection.close() for connection in self._connections.values()]
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(self.client.close(), *closing), _CLOSING_S)

    async def _ask(self, address: str, request: Any) -> Any:
        """Ask one node. Each kind of question has a connection of its own."""
        kind = type(request)
        if (address, kind) not in self._connections:
            self._connections[address, kind] = GrpcConnection(address)
        connection = self._connections[address, kind]
        try:
            return await answer_over(connection, request, self._timeout_s)
        except CallFailed as failure:
            if failure.kind is FailureKind.TIMED_OUT:
                connection.give_up()
            raise
