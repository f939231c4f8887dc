"""A small TCP proxy for the ways between nodes, so that a test can cut them. It needs no root.

A `Link` listens on a port of its own and carries every connection to one address. A connection has
two lanes, *there* (what the caller says) and *back* (what it is answered), and a test says how each
lane behaves:

    PASS    bytes go through
    HOLD    bytes wait and come late, as TCP does when a cable was pulled and soon put back
    STALL   connections of before never carry a byte again, even if it passes: TCP tries them at
            intervals that double, so that after a long cut they are as good as dead
    LOSE    bytes vanish, as behind a firewall; once it passes again, connections that lost
            some are reset, because their streams make no sense any more
    RESET   connections are reset, and so are new ones as soon as the caller has spoken: a firewall
            that has forgotten them, a proxy that has lost its backend
    REFUSE  connections are reset, and new ones refused, as if nobody were there

While a lane is cut in silence (HOLD, STALL, LOSE), connections stay open and new ones are accepted:
neither end learns that the other is gone, not even when that other is killed. While nothing is cut
and nobody listens at the address, nobody listens here, either. `delay_s` makes both lanes slow.

All links of a test run in one event loop in one thread (`Switchboard`); tests call from theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CHUNK_BYTES = 256 * 1024
_LOOK_S = 0.02
_DROP_ALL = struct.pack("ii", 1, 0)


class Mode(enum.Enum):
    """What a lane does with bytes."""

    PASS = "pass"
    HOLD = "hold"
    STALL = "stall"
    LOSE = "lose"
    RESET = "reset"
    REFUSE = "refuse"


_SILENT = (Mode.HOLD, Mode.STALL, Mode.LOSE)


class Lane:
    """One direction of a link."""

    def __init__(self) -> None:
        self.mode = Mode.PASS
        self._passes = asyncio.Event()
        self._passes.set()

    def behave(self, mode: Mode) -> None:
        """Change how bytes fare from now on."""
        self.mode = mode
        if mode in _SILENT:
            self._passes.clear()
        else:
            self._passes.set()

    async def until_passes(self) -> None:
        """Return at once, or when the cut is over."""
        await self._passes.wait()


class Connection:
    """Two sockets, and what a cut did to what they carry."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self.writers = [near]
        self.stalled = False
        self.lost = False

    def reset(self) -> None:
        """Break it with an RST, as both ends will notice."""
        for writer in self.writers:
            with contextlib.suppress(OSError):
                behind: socket.socket = writer.get_extra_info("socket")
                behind.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_ALL)
            writer.transport.abort()

    def close(self) -> None:
        """End it, once what was said is delivered."""
        for writer in self.writers:
            writer.close()


class Link:
    """The way from one caller to one address."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.there, self.back = Lane(), Lane()
        self.delay_s = 0.0
        self.port = 0
        self._address = address
        self._open: set[Connection] = set()
        self._port_holder = socket.socket()
        """Keeps the port while nobody listens on it."""
        self._door: asyncio.Server | None = None
        self._door_moves = asyncio.Lock()
        self._nobody = False
        """Whether nobody listens at the address, as far as is known."""

    async def listen(self) -> None:
        """Take a free port and listen on it."""
        self._port_holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port_holder.bind(("127.0.0.1", 0))
        self.port = self._port_holder.getsockname()[1]
        await self._mind_the_door()

    @property
    def stalled(self) -> bool:
        """Whether somebody still clings to a connection that is dead."""
        return any(connection.stalled for connection in list(self._open))

    async def behave(self, there: Mode, back: Mode) -> None:
        """Change how both lanes behave."""
        self.there.behave(there)
        self.back.behave(back)
        for connection in list(self._open):
            connection.stalled |= Mode.STALL in (there, back)
            passes = there is back is Mode.PASS
            if self._behaves(Mode.REFUSE, Mode.RESET) or (passes and connection.lost):
                connection.reset()
        await self._mind_the_door()

    async def reset(self) -> None:
        """Break every connection; new ones are welcome."""
        for connection in list(self._open):
            connection.reset()

    async def close(self) -> None:
        """End every connection and listen no more."""
        if self._door:
            self._door.close()
        self._port_holder.close()
        await self.reset()

    def _behaves(self, *modes: Mode) -> bool:
        """Whether a lane behaves in one of these ways."""
        return self.there.mode in modes or self.back.mode in modes

    async def _mind_the_door(self) -> None:
        """Listen, or let the kernel refuse: that nobody is there can be told in no other way."""
        async with self._door_moves:
            nobody = self._nobody and not self._behaves(*_SILENT)
            if nobody or self._behaves(Mode.REFUSE):
                if self._door:
                    self._door.close()
                self._door = None
            elif self._door is None:
                self._door = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _wait_for_somebody(self) -> None:
        """Listen again once somebody listens at the address."""
        self._nobody = True
        await self._mind_the_door()
        while self._nobody:
            await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(*self._address)
                writer.close()
                self._nobody = False
        await self._mind_the_door()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer)
        try:
            if self._behaves(Mode.RESET):
                await reader.read(_CHUNK_BYTES)
                connection.reset()
                return
            await self._until_passes()  # a handshake takes both ways
            self._open.add(connection)
            with contextlib.suppress(OSError):
                await self._carry(connection, reader)
        finally:
            self._open.discard(connection)
            connection.close()

    async def _carry(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._address)
        except ConnectionRefusedError:
            connection.reset()
            if not self._nobody:
                await self._wait_for_somebody()
            return
        near_writer = connection.writers[0]
        connection.writers.append(far_writer)
        lanes = [
            asyncio.create_task(self._pump(connection, reader, far_writer, self.there)),
            asyncio.create_task(self._pump(connection, far_reader, near_writer, self.back)),
        ]
        try:
            await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for lane in lanes:
                lane.cancel()

    async def _pump(
        self,
        connection: Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        lane: Lane,
    ) -> None:
        """Carry bytes until one end closes; that it did passes through a cut as little as they."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if connection.stalled:
                    continue
                if lane.mode is Mode.LOSE:
                    connection.lost = True
                    continue
                await lane.until_passes()
                writer.write(data)
                await writer.drain()
        await self._until_passes()

    async def _until_passes(self) -> None:
        await self.there.until_passes()
        await self.back.until_passes()


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
            await link.behave(there, back)

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
