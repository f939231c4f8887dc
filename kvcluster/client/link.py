"""A link: one node and one call at a time, for programs that look at single nodes.

It never retries and never asks another node. Failures are `CallFailed`, which says whether anything
may have been written. Calls are made in the event loop in the background, as those of `Client`.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import grpc

from kvcluster.client import engine
from kvcluster.client.background import background
from kvcluster.client.connection import GrpcConnection
from kvcluster.client.failure import CallFailed, FailureKind, failure_of

from demo_pb2 import (
    DeleteRequest,
    DeleteResponse,
    GetRequest,
    GetResponse,
    LocateRequest,
    LocateResponse,
    PutRequest,
    PutResponse,
)


async def ask_once(address: str, request: Any, timeout_s: float) -> Any:
    """The answer of a node, over a connection of its own. Raises CallFailed."""
    connection = _connection_to(address)
    try:
        return await answer_over(connection, request, timeout_s)
    finally:
        await connection.close()


def _connection_to(address: str) -> GrpcConnection:
    engine.start()
    return GrpcConnection(address)


async def answer_over(connection: GrpcConnection, request: Any, timeout_s: float) -> Any:
    """The answer of a node. Raises CallFailed, also where it cannot be read."""
    try:
        answer = await connection.ask(request, timeout_s)
    except grpc.aio.AioRpcError as error:
        raise failure_of(error, timeout_s) from None
    if answer is None:
        raise unreadable()
    return answer


def unreadable() -> CallFailed:
    """What a node answered is nothing that can be read; nobody knows what it did."""
    return CallFailed(FailureKind.BROKEN, "its answer cannot be read", nothing_written=False)


class Link:
    """One node. Every method raises CallFailed."""

    def __init__(self, address: str, *, timeout_s: float, name: str = "") -> None:
        self.address = address
        self.name = name or address
        """How the node calls itself."""
        self._timeout_s = timeout_s
        self._connection: GrpcConnection | None = None

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def put(self, key: str, value: str) -> PutResponse:
        """Store a text under a key."""
        stored: PutResponse = self._served(PutRequest(key=key, value=value))
        return stored

    def get(self, key: str) -> GetResponse:
        """The value of a key, if there is one."""
        read: GetResponse = self._served(GetRequest(key=key))
        return read

    def delete(self, key: str) -> DeleteResponse:
        """Remove a key, whether it is there or not."""
        deleted: DeleteResponse = self._served(DeleteRequest(key=key))
        return deleted

    def locate(self, key: str) -> LocateResponse:
        """Where a key lives, whether it is there or not."""
        located: LocateResponse = self._call(LocateRequest(key=key))
        return located

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            background().run(self._connection.close(), self._timeout_s)

    def _served(self, request: Any) -> Any:
        """A call whose answer names the node that gave it; an empty one is no answer of a node."""
        answer = self._call(request)
        if not answer.served_by:
            raise unreadable()
        return answer

    def _call(self, request: Any) -> Any:
        return background().run(self._ask(request), self._timeout_s)

    async def _ask(self, request: Any) -> Any:
        if self._connection is None:
            self._connection = _connection_to(self.address)
        return await answer_over(self._connection, request, self._timeout_s)
