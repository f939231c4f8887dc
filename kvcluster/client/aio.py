"""AsyncClient: the cluster as a Python dictionary that is somewhere else, for programs on asyncio.

    async with AsyncClient("localhost:50051,localhost:50052") as client:
        await client.put("city", "Hà Nội")
        print(await client.get("city"))

Any node that answers will do; the others of its cluster become known by themselves. The client
stays with one node, and turns to another when that one fails, is silent, or stops. Calls that are
made while others are on their way travel together, so a thousand concurrent puts cost a few calls
and nobody has to ask for it; operations on one key keep the order in which they were begun, and one
that fails, fails alone (`dispatcher.py`).

Every call ends: with its answer, or with an error of a small family, at its timeout at the latest.
The family answers the one question that matters about a write: `NothingWritten` (`BadRequest`,
`Unavailable`) is certainly not done, `OutcomeUnknown` may have happened.
"""

from __future__ import annotations

from typing import TypeVar, overload

from kvcluster.client.aio_many import AsyncManyKeys
from kvcluster.client.answers import Deleted, Stored

T = TypeVar("T")


class AsyncClient(AsyncManyKeys):
    """A client for programs on asyncio. It may be made anywhere, and is used in one event loop.

    `nodes`: some nodes of the cluster, as "host:port,host:port" or an iterable of such; one is
    enough to start with. `timeout_s`: how long each operation may take, in seconds.
    `retry_unknown`: see `put`.
    """

    async def put(
        self,
        key: str,
        value: str,
        *,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> Stored:
        """Store a value under a key, and return when it is on disk at every node that is counted.

        Raises BadRequest, Unavailable: certainly not stored. OutcomeUnknown: perhaps stored; the
        node or the connection broke, or the time was over, while the put was on its way.

        `retry_unknown`: try again after such a failure, instead of raising OutcomeUnknown. It is
        not done by default, because the first try may have been carried out, and the second may
        then land over what another client has put in the meantime, and undo it. Allow it where
        only one client writes a key, or where all of them write the same.
        """
        return await self._session.put(key, value, timeout_s, retry_unknown)

    @overload
    async def get(self, key: str, *, timeout_s: float | None = None) -> str | None: ...

    @overload
    async def get(self, key: str, default: T, *, timeout_s: float | None = None) -> str | T: ...

    async def get(
        self, key: str, default: T | None = None, *, timeout_s: float | None = None
    ) -> str | T | None:
        """The value of a key, or `default` if there is none.

        Raises BadRequest, Unavailable. A read that fails at one node is tried at another.
        """
        value = await self._session.get(key, timeout_s)
        return default if value is None else value

    async def delete(
        self, key: str, *, timeout_s: float | None = None, retry_unknown: bool | None = None
    ) -> Deleted:
        """Remove a key. One that is not there is no error; the answer says so.

        Raises and retries as `put` does.
        """
        return await self._session.delete(key, timeout_s, retry_unknown)
