"""Doors: addresses that real connections are made to, and the many ways in which these may fail."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_PREFACE_BYTES = 24
_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""An empty frame of HTTP/2 with which a server greets."""


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection as a firewall does, with an RST."""
    behind: socket.socket = writer.get_extra_info("socket")
    behind.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def resets_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy whose backend is dead."""
    reset(writer)


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Another one."""
    writer.close()


async def resets_the_greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The caller has spoken, and gets no answer."""
    await reader.readexactly(_PREFACE_BYTES)
    reset(writer)


async def resets_in_a_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The answer breaks off."""
    await reader.readexactly(_PREFACE_BYTES)
    writer.write(_SETTINGS[:5])
    await writer.drain()
    await asyncio.sleep(0.01)
    reset(writer)


async def resets_a_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The connection stands, and the call is on its way or there."""
    writer.write(_SETTINGS)
    await reader.read(1000)
    await asyncio.sleep(0.05)
    reset(writer)


async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A frozen process."""
    await reader.read(-1)


@contextlib.asynccontextmanager
async def door(behaviour: Behaviour, port: int = 0) -> AsyncIterator[str]:
    """The address of a door that behaves so."""

    async def opened(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await behaviour(reader, writer)
        writer.close()

    server = await asyncio.start_server(opened, "127.0.0.1", port)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """An address at which nobody listens, and nobody else will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"
