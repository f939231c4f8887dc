"""The source: how nodes are asked, over gRPC. The one place here that touches a socket.

Two questions go to one node and no other: how it is, and what it holds of a key. Each has a
deadline, and each can be given up. Everything else a person asks for goes through the library.

A connection that a cut has silenced may look open for a quarter of an hour. So after a question
without an answer the next one is asked on a new connection: a node that is back is seen at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

import grpc

from kvcluster.client.aio import AsyncClient
from kvcluster.client.answers import Deleted, Stored
from kvcluster.client.face import DEFAULT_TIMEOUT_S
from kvcluster.client.link import failure_of, open_channel
from kvcluster.dashboard.deeds import Store

from demo_pb2 import GetRequest, GetResponse, StatusRequest, StatusResponse
from demo_pb2_grpc import KeyValueStub

_CLOSING_S = 1.0
"""How long what is on its way may take when the dashboard ends."""


class Source(Store, Protocol):
    """Where the dashboard has everything from."""

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
        self._client = AsyncClient(nodes, timeout_s=max(timeout_s, DEFAULT_TIMEOUT_S))
        self._channels: dict[tuple[str, str], grpc.Channel] = {}
        """By address and kind of question."""

    async def status(self, address: str) -> StatusResponse:
        """See Source."""
        answer: StatusResponse = await self._ask(address, "Status", StatusRequest())
        return answer

    async def get_at(self, address: str, key: str) -> GetResponse:
        """See Source."""
        answer: GetResponse = await self._ask(address, "Get", GetRequest(key=key))
        return answer

    async def put(self, key: str, value: str) -> Stored:
        """See Source."""
        return await self._client.put(key, value)

    async def get(self, key: str) -> str | None:
        """See Source."""
        return await self._client.get(key)

    async def delete(self, key: str) -> Deleted:
        """See Source."""
        return await self._client.delete(key)

    async def close(self) -> None:
        """See Source. Nobody waits for what is on its way to a silent node."""
        for channel in self._channels.values():
            channel.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._client.close(), _CLOSING_S)

    async def _ask(self, address: str, method: str, request: Any) -> Any:
        """Ask one node. One question of a kind at a time: each kind has its own connection."""
        channel = self._channels.get((address, method))
        if channel is None:
            channel = self._channels[address, method] = open_channel(address)
        stub: Any = KeyValueStub(channel)  # generated without types
        call = getattr(stub, method).future(request, timeout=self._timeout_s)
        try:
            await _end_of(call)
            return call.result()
        except asyncio.CancelledError:
            call.cancel()
            raise
        except grpc.RpcError as error:
            self._channels.pop((address, method)).close()
            raise failure_of(error, self._timeout_s) from None


async def _end_of(call: Any) -> None:
    """Wait until a call has ended, which one of gRPC's own threads notices."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def tell(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    call.add_done_callback(tell)
    await ended.wait()
