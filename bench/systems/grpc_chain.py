"""The floor of a put: the hops and syncs that it needs, on streams of gRPC, with no store.

The caller's message goes over a stream to the first node, which appends it to a file, syncs that,
and meanwhile sends it over streams to two others, which do the same. When all three have it on disk
the caller is answered. Bytes are not even parsed. What this takes, no store that keeps our promise
over gRPC in Python can do faster.

    python -m bench.systems.grpc_chain PORT [PEER ...]
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc

from bench.load.client import VALUE, LoadClient
from bench.systems.system import System

_PATH = "/bench.Chain/Append"
_SYNC = getattr(os, "fdatasync", os.fsync)


class GrpcChain(System):
    """Bare gRPC over a put's hops."""

    kind = "grpc_chain"
    name = "gRPC chain"
    promise = "fsynced on all three; no store: the floor"

    @classmethod
    def version(cls) -> str:
        """That of grpcio."""
        return version("grpcio")

    def start(self) -> None:
        """Start the two at the end, then the one that is called."""
        for number in reversed(range(self.members)):
            peers = self.addresses[1:] if number == 0 else []
            command = [*self.place.module("bench.systems.grpc_chain"), str(self.ports[number])]
            self.processes.start(f"node {number}", [*command, *peers])
            self.wait_for_ports([self.ports[number]])


class Way:
    """A stream to a node: messages are answered in their order."""

    def __init__(self, node: str) -> None:
        self._channel = grpc.aio.insecure_channel(node)
        self._call: Any = self._channel.stream_stream(_PATH)()
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._reading = asyncio.create_task(self._read())

    async def send(self, message: bytes) -> bytes:
        """Send one; its answer."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        await self._call.write(message)
        return await answer

    async def _read(self) -> None:
        while (answer := await self._call.read()) is not grpc.aio.EOF:
            self._waiting.popleft().set_result(answer)

    async def close(self) -> None:
        """Let go of the stream."""
        self._reading.cancel()
        self._call.cancel()
        await self._channel.close()


class Client(LoadClient):
    """One stream; puts alone, one after the other."""

    async def open(self) -> None:
        """Connect."""
        self._way = Way(self.spec["nodes"][0])
        await self.put("opened")

    async def close(self) -> None:
        """Let go of the stream."""
        await self._way.close()

    async def put(self, key: str) -> None:
        """Return when all three have it on disk."""
        await self._way.send(f"{key} {VALUE}".encode())


class _Node(grpc.GenericRpcHandler):
    """Answers each message of a stream when it is on disk here and at every peer."""

    def __init__(self, file: Path, peers: list[str]) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._disk = ThreadPoolExecutor(1)
        self._ways = [Way(peer) for peer in peers]

    def service(self, details: Any) -> Any:
        """There is one method."""
        return grpc.stream_stream_rpc_method_handler(self._serve)

    async def _serve(self, messages: AsyncIterator[bytes], _: object) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        async for message in messages:
            here = loop.run_in_executor(self._disk, self._append, message)
            await asyncio.gather(here, *(way.send(message) for way in self._ways))
            yield b"done"

    def _append(self, message: bytes) -> None:
        os.write(self._file, message)
        _SYNC(self._file)


async def _serve(port: str, peers: list[str]) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([_Node(Path(f"chain-{port}"), peers)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2:]))
