"""A small TCP proxy for the ways between nodes, so that a test can cut them. It needs no root.

A `Link` listens on a port of its own and carries every connection to one address. A connection has
two lanes, *there* (what the caller says) and *back* (what it is answered), and a test says how each
lane behaves:

    PASS    bytes go through
    HOLD    bytes wait and come late, as TCP does when a cable was pulled and put back
    LOSE    bytes vanish, as behind a firewall; once it passes again, connections that lost
            some are reset, because their streams make no sense any more
    REFUSE  connections are reset, and new ones as well

While a lane holds or loses, connections stay open and new ones are accepted in silence: neither end
learns that the other is gone, not even when that other is killed. `delay_s` makes both lanes slow.

All links of a test run in one event loop in one thread (`Switchboard`); tests call from theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CHUNK_BYTES = 256 * 1024


class Mode(enum.Enum):
    """What a lane does with bytes."""

    PASS = "pass"
    HOLD = "hold"
    LOSE = "lose"
    REFUSE = "refuse"


class Lane:
    """One direction of a link."""

    def __init__(self) -> None:
        self.mode = Mode.PASS
        self._passes = asyncio.Event()
        self._passes.set()

    def behave(self, mode: Mode) -> None:
        """Change how bytes fare from now on."""
        self.mode = mode
        if mode in (Mode.HOLD, Mode.LOSE):
            self._passes.clear()
        else:
            self._passes.set()

    async def until_passes(self) -> None:
        """Return at once, or when the cut is over."""
        await self._passes.wait()


class Link:
    """The way from one caller to one address."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.there, self.back = Lane(), Lane()
        self.delay_s = 0.0
        self.port = 0
        self._address = address
        self._lost: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server

    async def listen(self) -> None:
        """Take a free port and listen on it."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def behave(self, there: Mode, back: Mode) -> None:
        """Change how both lanes behave."""
        self.there.behave(there)
        self.back.behave(back)
        if Mode.REFUSE in (there, back):
            self._reset(self._open)
        elif there is back is Mode.PASS:
            self._reset(self._lost)

    async def close(self) -> None:
        """End every connection and listen no more."""
        self._server.close()
        self._reset(self._open)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if Mode.REFUSE in (self.there.mode, self.back.mode):
                return
            await self.there.until_passes()  # a handshake takes both ways
            await self.back.until_passes()
            with contextlib.suppress(OSError):  # nobody is there: reset, as the caller expects
                await self._carry(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._address)
        self._open.add(far_writer)
        lanes = [
            asyncio.create_task(self._pump(reader, far_writer, self.there)),
            asyncio.create_task(self._pump(far_reader, writer, self.back)),
        ]
        try:
            await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for lane in lanes:
                lane.cancel()
            self._open.discard(far_writer)
            far_writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lane: Lane
    ) -> None:
        """Carry bytes until one end closes; that it did passes through a cut as little as they."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if lane.mode is Mode.LOSE:
                    self._lost.add(writer)
                    continue
                await lane.until_passes()
                writer.write(data)
                await writer.drain()
        await self.there.until_passes()
        await self.back.until_passes()

    @staticmethod
    def _reset(writers: set[asyncio.StreamWriter]) -> None:
        for writer in list(writers):
            writer.transport.abort()
        writers.clear()


class Switchboard:
    """The thread in which links run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._links: list[Link] = []

    def link(self, address: tuple[str, int]) -> Link:
        """A new link to an address, listening."""
        link = self.do(self._make(address))
        self._links.append(link)
        return link

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the thread, and return when it is done."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def change(self, changes: list[tuple[Link, Mode, Mode]]) -> None:
        """Change many links in one moment: `do` this."""
        for link, there, back in changes:
            link.behave(there, back)

    def close(self) -> None:
        """Close every link and end the thread."""
        for link in self._links:
            self.do(link.close())
        self.do(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @staticmethod
    async def _make(address: tuple[str, int]) -> Link:
        link = Link(address)
        await link.listen()
        return link

    @staticmethod
    async def _cancel_all() -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
