"""The way to one address: a channel and the stream of calls on it, made anew when they must be.

It is made anew when its certificates have changed, since gRPC reads those of a channel once: what
is asked from then on goes over the new channel, and the old one ends when what was on its way there
has come to its end. Nobody notices. And it is made anew when whoever uses it gives it up, because
the other side says nothing: then what is on its way fails.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import grpc

from kvcluster.wire.call_course import Opening
from kvcluster.wire.call_stream import CallStream, no_opening
from kvcluster.wire.dial import Options, dial

if TYPE_CHECKING:
    from kvcluster.wire.tls import TlsFiles

_OLD_ENDS_S = 60.0
"""What is on its way on an old channel has so long."""
_LOOK_S = 0.05


class Way:
    """Make it inside the event loop. It connects at the first call."""

    def __init__(
        self,
        address: str,
        options: Options,
        tls: TlsFiles | None = None,
        opening: Callable[[], Opening] = no_opening,
    ) -> None:
        """`opening`: what goes along with a stream of calls, and must come back."""
        self._address = address
        self._options = options
        self._tls = tls
        self._opening = opening
        self._ending: list[asyncio.Task[None]] = []
        self._closing = asyncio.Event()
        self._open()

    def _open(self) -> None:
        self._changes = self._tls.changes if self._tls else 0
        credentials = self._tls.channel_credentials() if self._tls else None
        self.channel = dial(self._address, self._options, credentials)
        self.stream = CallStream(self.channel, self._opening)

    def renewed(self) -> bool:
        """Whether it was made anew just now, because the certificates are others."""
        if self._tls is None or self._tls.changes == self._changes:
            return False
        self._end_old(_end_quietly(self.channel, self.stream, self._closing))
        return True

    def give_up(self, details: str) -> None:
        """Let what is on its way on the stream fail, and make it anew. Calls alone are cancelled by
        who made them.
        """
        self.stream.give_up(details)
        self._end_old(self.channel.close())

    async def close(self) -> None:
        """Let go of it. Nothing may be on its way any more."""
        self._closing.set()
        await self.stream.close()
        await asyncio.gather(*self._ending, self.channel.close())

    def _end_old(self, end: Coroutine[Any, Any, None]) -> None:
        self._ending = [task for task in self._ending if not task.done()]
        self._ending.append(asyncio.get_running_loop().create_task(end))
        self._open()


async def _end_quietly(
    channel: grpc.aio.Channel, stream: CallStream, closing: asyncio.Event
) -> None:
    """End a channel once nothing is on its way there, or whoever has it lets go of all."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _OLD_ENDS_S
    while stream.busy and not closing.is_set() and loop.time() < end_s:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(closing.wait(), _LOOK_S)
    await stream.close()
    await channel.close(max(0.0, end_s - loop.time()))
