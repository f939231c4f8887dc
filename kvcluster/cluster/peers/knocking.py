"""Knocking: is anybody at an address at all? Asked of the kernel, when gRPC got no connection.

That nobody listens there is the one failure that excuses a peer: whoever catches up waits for it no
more, and a write goes on without telling it. So it must be certain, and what gRPC says is not. It
tells the last of its reasons only, though a name may have several addresses; and while it rests
between two attempts it repeats the reason of the one before, which may be older than a peer that
has just returned. So a peer that could not be connected to is knocked at: a connection is opened to
each of its addresses, and closed.

Nobody is there if an address refuses and none does anything else, or if no host has the name.
Whatever else comes is no answer: a connection that stands or is reset (somebody listens, or
something between), silence, a router that knows no way (a cut, as like as not), a name server that
does not answer, no open files left here. Then only time tells, as for silence.

Known weak spot: a firewall or a balancer may refuse in the name of a peer that lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import errno
import socket
import threading
from typing import Any

from kvcluster.model.members import split_address

_NO_WAY = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH}
"""This machine has no way to such addresses at all: names often have one that is of no use."""
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}

Address = tuple[int, int, int, Any]
"""Family, kind, protocol, and where."""


class Knocked(enum.Enum):
    """What a knock at one address was answered with."""

    REFUSED = "nobody listens"
    NO_WAY = "it cannot be reached from this machine"
    UNCLEAR = "anything else"


class Knocking:
    """Knocks at addresses, at each once at a time, however many wait for it."""

    def __init__(self, timeout_s: float) -> None:
        """`timeout_s`: how long one address may take to answer a knock."""
        self._timeout_s = timeout_s
        self._knocks: dict[str, asyncio.Task[bool]] = {}

    async def finds_nobody(self, address: str, within_s: float) -> bool:
        """Whether certainly nobody is at "host:port"; False if that is not clear in time."""
        knock = self._knocks.get(address)
        if knock is None or knock.done():
            knock = self._knocks[address] = asyncio.create_task(self._ask(address))
        await asyncio.wait([knock], timeout=max(0.0, within_s))
        return knock.done() and not knock.cancelled() and knock.result()

    async def close(self) -> None:
        """Knock no more."""
        for knock in self._knocks.values():
            knock.cancel()
        await asyncio.gather(*self._knocks.values(), return_exceptions=True)

    async def _ask(self, address: str) -> bool:
        try:
            addresses = await _look_up(*split_address(address))
        except socket.gaierror as error:
            return error.errno in _NO_SUCH_NAME
        except OSError:
            return False
        knocks = [_knock(each, self._timeout_s) for each in addresses]
        answers = set(await asyncio.gather(*knocks))
        return Knocked.REFUSED in answers and Knocked.UNCLEAR not in answers


async def _knock(address: Address, timeout_s: float) -> Knocked:
    family, kind, protocol, where = address
    try:
        with socket.socket(family, kind, protocol) as door:
            door.setblocking(False)
            connected = asyncio.get_running_loop().sock_connect(door, where)
            await asyncio.wait_for(connected, timeout_s)
    except ConnectionRefusedError:
        return Knocked.REFUSED
    except (OSError, asyncio.TimeoutError) as error:
        return Knocked.NO_WAY if getattr(error, "errno", None) in _NO_WAY else Knocked.UNCLEAR
    return Knocked.UNCLEAR


async def _look_up(host: str, port: int) -> list[Address]:
    """The addresses of a host. Raises OSError.

    In a thread of its own and not in one of the loop's: the end of the process waits for these, and
    a name server that is silent would hold it up.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Address]] = loop.create_future()

    def look_up() -> None:
        result: list[Address] | OSError
        try:
            listed = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            result = [(family, kind, proto, where) for family, kind, proto, _, where in listed]
        except OSError as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result)

    def settle(result: list[Address] | OSError) -> None:
        if found.done():
            return
        if isinstance(result, OSError):
            found.set_exception(result)
        else:
            found.set_result(result)

    threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
    return await found
