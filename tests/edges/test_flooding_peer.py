"""A peer that sends without end: what comes behind an answer is not taken in for ever."""

from __future__ import annotations

import asyncio
import struct

from kvcluster.cluster.peers.channels import Channels
from kvcluster.config import MIB, Settings
from kvcluster.errors import PeerUnavailable
from tests.cluster.doors import door
from tests.edges.raw_http2 import (
    ACK,
    DATA,
    DEFAULT_WINDOW_BYTES,
    END_HEADERS,
    FRAME_BYTES,
    HEADERS,
    INITIAL_WINDOW,
    PREFACE,
    SETTINGS,
    SETTINGS_FRAME,
    WINDOW,
    frame,
)

from demo_pb2 import PullRequest

_ANSWER_HEADERS = b"\x88\x0f\x10\x10application/grpc"
_ANSWER = bytes(5)
"""A message with nothing in it. The end of the call never comes."""


class Flood:
    """One connection of such a peer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._windows = {0: DEFAULT_WINDOW_BYTES}
        self._initial_window = DEFAULT_WINDOW_BYTES
        self.sent = 0

    async def run(self) -> None:
        """Greet, and answer each call with as much as goes through."""
        await self._reader.readexactly(len(PREFACE))
        self._writer.write(SETTINGS_FRAME)
        while True:
            head = await self._reader.readexactly(9)
            payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
            self._take(head[3], head[4], int.from_bytes(head[5:9], "big"), payload)
            for stream in self._windows.keys() - {0}:
                await self._pour(stream)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == INITIAL_WINDOW:
                    self._initial_window = value
            self._writer.write(frame(SETTINGS, ACK, 0))
        elif kind == WINDOW and stream in self._windows:
            self._windows[stream] += int.from_bytes(payload, "big")
        elif kind == HEADERS:
            self._windows[stream] = self._initial_window
            self._writer.write(frame(HEADERS, END_HEADERS, stream, _ANSWER_HEADERS))
            self._writer.write(frame(DATA, 0, stream, _ANSWER))

    async def _pour(self, stream: int) -> None:
        while room := min(FRAME_BYTES, self._windows[0], self._windows[stream]):
            self._writer.write(frame(DATA, 0, stream, bytes(room)))
            self._windows[0] -= room
            self._windows[stream] -= room
            self.sent += room
            await self._writer.drain()


async def test_what_comes_behind_an_answer_is_bounded() -> None:
    """Ten calls wait for their ends for two seconds, in which gRPC took in 70 MiB, ever faster."""
    floods: list[Flood] = []

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        floods.append(Flood(reader, writer))
        await floods[-1].run()

    async with door(pour) as peer:
        channels = Channels((peer,), Settings())
        calls = [channels.ask(peer, PullRequest(), 2) for _ in range(10)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        await channels.close()
    assert all(isinstance(each, PeerUnavailable) for each in ended), ended
    assert MIB < sum(flood.sent for flood in floods) < 25 * MIB
