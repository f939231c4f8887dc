"""One node of the cluster: a few connections, and what comes of commands that are sent to it.

Commands of one call go out in one piece and their answers are read in order (a pipeline). What is
kept apart here, for all above: an error *before* the first byte went out is raised, and nothing was
written; after that, each command has its answer, or the reason why there is none, which for a write
means that nobody knows.

A node that says nothing for SILENCE_S is given up, long before the deadline: it is frozen, or its
network is gone, and by then the cluster is about to have another. Only the last command of a write
(WAIT) may take longer, which is what it is for.

Invariant: a connection goes back to the others only with nothing on its way, whatever happened; a
call that is cancelled closes its own. Whoever is at the end of a connection that the server has
closed meanwhile is found before it is used, or its first write would be one that nobody knows of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kvcluster.engines.redis.redis_door import DriverError, RedisDoor, ServerError
from kvcluster.engines.redis.redis_failures import absent, broken, failure_of, silent
from kvcluster.engines.redis.redis_setting import Place, spelled
from kvcluster.errors import KvError, TooLate

Command = tuple[bytes | str | int, ...]

SILENCE_S = 1.5
"""Less: a slow disk of the node is taken for its death. More: a frozen one holds callers up."""
CONNECT_S = 1.0
_MOST_CONNECTIONS = 32
"""More would not be faster: Redis carries out one command at a time."""
_SLICE = 16
"""So many answers have SILENCE_S to come."""


class RedisNode:
    """A node at a place."""

    def __init__(self, place: Place, door: RedisDoor) -> None:
        self.place = place
        self.name = spelled(place)
        self._door = door
        self._idle: list[Any] = []
        self._room = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._closed = False

    async def exchange(
        self, commands: Sequence[Command], deadline_s: float, *, patient_with_last: bool = False
    ) -> list[Any]:
        """Send commands: for each its answer, a ServerError, or a KvError where no answer came.
        Raises NotReady or TooLate where nothing was sent.
        """
        left_s = deadline_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise TooLate("the deadline has passed")
        try:
            if self._room.locked():
                await asyncio.wait_for(self._room.acquire(), left_s)
            else:
                await self._room.acquire()
        except asyncio.TimeoutError:
            raise TooLate(f"{self.name} has more to do than the deadline allows") from None
        try:
            connection = await self._take(deadline_s)
            return await self._talk(connection, commands, deadline_s, patient_with_last)
        finally:
            self._room.release()

    async def close(self) -> None:
        """Close all that are idle, and those in use when they are given back."""
        self._closed = True
        await self._forget_idle()

    async def _forget_idle(self) -> None:
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)

    async def _take(self, deadline_s: float) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if await _is_fit(connection):
                return connection
            await connection.disconnect(nowait=True)
        left_s = deadline_s - asyncio.get_running_loop().time()
        try:
            return await asyncio.wait_for(
                self._door.connect(self.place), min(CONNECT_S, max(left_s, 0.001))
            )
        except asyncio.TimeoutError:
            raise absent(self.name, "it does not answer") from None
        except ServerError as error:
            raise _said_at_the_door(self.name, str(error)) from None
        except DriverError as error:
            raise absent(self.name, str(error)) from None

    async def _talk(
        self, connection: Any, commands: Sequence[Command], deadline_s: float, patient: bool
    ) -> list[Any]:
        answers: list[Any] = []
        reason: KvError | None = None
        try:
            await self._send_and_read(connection, commands, deadline_s, patient, answers)
        except asyncio.TimeoutError:
            reason = silent(self.name)
        except DriverError as error:
            reason = broken(self.name, str(error))
        finally:
            if len(answers) == len(commands) and not self._closed:
                self._idle.append(connection)
            else:
                await connection.disconnect(nowait=True)
        if reason is not None:
            await self._forget_idle()
            answers += [reason] * (len(commands) - len(answers))
        return answers

    async def _send_and_read(
        self,
        connection: Any,
        commands: Sequence[Command],
        deadline_s: float,
        patient: bool,
        answers: list[Any],
    ) -> None:
        time = asyncio.get_running_loop().time
        packed = connection.pack_commands(commands)
        sending = connection.send_packed_command(packed, check_health=False)
        await asyncio.wait_for(sending, max(0.001, deadline_s - time()))
        quick = len(commands) - patient
        while len(answers) < len(commands):
            count = min(_SLICE, quick - len(answers))
            left_s = deadline_s - time()
            allowed_s = min(SILENCE_S, left_s) if count else left_s
            await asyncio.wait_for(_read(connection, count or 1, answers), max(0.001, allowed_s))


async def _read(connection: Any, count: int, answers: list[Any]) -> None:
    for _ in range(count):
        try:
            answers.append(await connection.read_response(disconnect_on_error=False))
        except ServerError as error:
            answers.append(error)


async def _is_fit(connection: Any) -> bool:
    """Whether an idle connection is open, and has nothing left to read."""
    look = getattr(connection, "can_read", None) or connection.can_read_destructive
    try:
        return connection.is_connected and not await look()
    except DriverError:
        return False


def _said_at_the_door(name: str, text: str) -> KvError:
    """Whatever a node says before a command was sent, nothing was written."""
    return absent(name, str(failure_of(text)).partition(": ")[2])
