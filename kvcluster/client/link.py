"""A link: one node and one call at a time, for programs that look at single nodes.

It never retries and never asks another node. Failures are `CallFailed`, which says whether anything
may have been written. Calls are made in the event loop in the background, as those of `Client`.
"""

from __future__ import annotations

from typing import Any, TypeVar

from kvcluster.client import engine
from kvcluster.client.background import background
from kvcluster.client.connection import GrpcConnection, answer_or_refusal
from kvcluster.client.failure import UNREADABLE, CallFailed, Refusal

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

A = TypeVar("A", PutResponse, GetResponse, DeleteResponse)


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
    answer = await answer_or_refusal(connection, request, timeout_s)
    if isinstance(answer, Refusal):
        raise _call_failed(answer)
    return answer


def _call_failed(refusal: Refusal) -> CallFailed:
    return CallFailed(refusal.kind, refusal.reason, refusal.nothing_written)


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

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, key: str, value: str) -> PutResponse:
        """Store a text under a key."""
        return self._served(PutResponse, PutRequest(key=key, value=value))

    def get(self, key: str) -> GetResponse:
        """The value of a key, if there is one."""
        return self._served(GetResponse, GetRequest(key=key))

    def delete(self, key: str) -> DeleteResponse:
        """Remove a key, whether it is there or not."""
        return self._served(DeleteResponse, DeleteRequest(key=key))

    def locate(self, key: str) -> LocateResponse:
        """Where a key lives, whether it is there or not."""
        located: LocateResponse = self._call(LocateRequest(key=key))
        return located

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            background().run(self._connection.close(), self._timeout_s)

    def _served(self, kind: type[A], request: Any) -> A:
        """A call whose answer names the node that gave it; an empty one is no answer of a node."""
        answer = self._call(request)
        if not isinstance(answer, kind) or not answer.served_by:
            raise _call_failed(UNREADABLE)
        return answer

    def _call(self, request: Any) -> Any:
        return background().run(self._ask(request), self._timeout_s)

    async def _ask(self, request: Any) -> Any:
        if self._connection is None:
            self._connection = _connection_to(self.address)
        return await answer_over(self._connection, request, self._timeout_s)
