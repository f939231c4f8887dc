"""Bare gRPC: one server that answers unary calls from a dictionary, and does nothing else.

It takes the messages of our own contract, so the bytes on the wire are the same. What a call costs
here nobody can save who answers unary calls from Python. Its puts are neither replicated nor on a
disk.

    python -m bench.systems.grpc_echo PORT
"""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version

import grpc

from bench.load.client import VALUE, LoadClient
from bench.systems.processes import Place
from bench.systems.system import System

from demo_pb2 import GetRequest, GetResponse, PutRequest, PutResponse
from demo_pb2_grpc import KeyValueServicer, KeyValueStub, add_KeyValueServicer_to_server

_TIMEOUT_S = 30.0


class GrpcEcho(System):
    """Bare gRPC."""

    kind = "grpc_echo"
    name = "bare gRPC"
    promise = "none: a dictionary in memory, no replicas"

    def __init__(self, place: Place, members: int = 1) -> None:
        super().__init__(place, 1)

    @classmethod
    def version(cls) -> str:
        """That of grpcio."""
        return version("grpcio")

    def start(self) -> None:
        """Start the server."""
        command = self.place.module("bench.systems.grpc_echo")
        self.processes.start("server", [*command, str(self.ports[0])])
        self.wait_for_ports(self.ports)


class Client(LoadClient):
    """Unary calls."""

    async def open(self) -> None:
        """Connect."""
        self._channel = grpc.aio.insecure_channel(self.spec["nodes"][0])
        self._stub = KeyValueStub(self._channel)
        await self.put("opened")

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()

    async def put(self, key: str) -> None:
        """A unary call that carries a value."""
        await self._stub.Put(PutRequest(key=key, value=VALUE), timeout=_TIMEOUT_S)

    async def get(self, key: str) -> str | None:
        """A unary call that brings one."""
        answer = await self._stub.Get(GetRequest(key=key), timeout=_TIMEOUT_S)
        return str(answer.value) if answer.found else None

    async def raw_put(self, key: str) -> None:
        """The same."""
        await self.put(key)

    async def raw_get(self, key: str) -> str | None:
        """The same."""
        return await self.get(key)


class _Dictionary(KeyValueServicer):
    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    async def Put(self, request: PutRequest, _: object) -> PutResponse:
        self._values[request.key] = request.value
        return PutResponse(version=bytes(12), replicas=1, acknowledged=1, served_by="localhost:1")

    async def Get(self, request: GetRequest, _: object) -> GetResponse:
        value = self._values.get(request.key)
        if value is None:
            return GetResponse(served_by="localhost:1")
        return GetResponse(found=True, value=value, version=bytes(12), served_by="localhost:1")


async def _serve(port: str) -> None:
    server = grpc.aio.server()
    add_KeyValueServicer_to_server(_Dictionary(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
