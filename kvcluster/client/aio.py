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

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import TypeVar, overload

from kvcluster.client import engine
from kvcluster.client.answers import Deleted, Stored
from kvcluster.client.operations import checked_timeout
from kvcluster.client.scan_course import Pair
from kvcluster.client.session import Session, checked_range, checked_seeds
from kvcluster.client.sources import as_keys, as_pair, as_pairs, each
from kvcluster.errors import BadRequest

DEFAULT_NODES = "localhost:50051,localhost:50052,localhost:50053"
DEFAULT_TIMEOUT_S = 5.0

T = TypeVar("T")


class AsyncClient:
    """A client for programs on asyncio. It may be made anywhere, and is used in one event loop.

    `nodes`: some nodes of the cluster, as "host:port,host:port" or an iterable of such; one is
    enough to start with. `timeout_s`: how long each operation may take, in seconds.
    `retry_unknown`: see `put`.
    """

    def __init__(
        self,
        nodes: str | Iterable[str] = DEFAULT_NODES,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retry_unknown: bool = False,
    ) -> None:
        self._seeds = checked_seeds(nodes)
        self._timeout_s = checked_timeout(timeout_s)
        self._retry_unknown = retry_unknown
        self._made: Session | None = None
        self._closed = False
        self._open = Session
        """The simulator has sessions of its own: over its network."""

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of every connection. Operations on their way come to their end first."""
        session, self._closed = self._made, True
        if session is not None and not engine.is_lost():
            self._check_loop(session)
            await session.close()

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

    async def scan(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Pair]:
        """All keys that begin with a prefix, with their values, in the order of their UTF-8 bytes.

        A key that is there all the time comes exactly once; one that is put or deleted meanwhile
        may come or not. `start_after`: only keys behind this one. `limit`: at most so many.
        `timeout_s` is for each page, not for the whole. A node that fails on the way is replaced.

        Raises BadRequest, Unavailable; and Incomplete at the end, after all that could be reached,
        if some slots had no live replica for a part of it, and none came within a timeout.
        """
        what = checked_range(prefix, start_after, limit, keys_only=False)
        async with aclosing(self._session.pages(what, timeout_s)) as pages:
            async for page in pages:
                for pair in page:
                    yield pair

    async def scan_keys(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[str]:
        """As `scan`, without the values, which then are not sent either."""
        what = checked_range(prefix, start_after, limit, keys_only=True)
        async with aclosing(self._session.pages(what, timeout_s)) as pages:
            async for page in pages:
                for key, _ in page:
                    yield key

    async def put_many(
        self,
        pairs: Mapping[str, str] | Iterable[tuple[str, str]] | AsyncIterable[tuple[str, str]],
        *,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> int:
        """Store all pairs of a mapping or an iterable, which may be endless; how many there were.

        Of the iterable only a few thousand pairs are taken at a time. Pairs of one key are stored
        in their order. `timeout_s` and `retry_unknown` are for each pair, as with `put`.

        Raises SomeFailed at the end, when every pair was tried, if some were not stored. If the
        iterable raises, what was taken before is finished, and the error is passed on.
        """
        source = pairs.items() if isinstance(pairs, Mapping) else as_pairs(pairs)
        putting = self._session.putting(timeout_s, retry_unknown)
        try:
            async for pair in each(source):
                await putting.put([as_pair(pair)])
            return await putting.finish()
        except Exception:
            await putting.settle()
            raise
        finally:
            putting.cancel()

    async def get_many(
        self, keys: Iterable[str] | AsyncIterable[str], *, timeout_s: float | None = None
    ) -> AsyncIterator[tuple[str, str | None]]:
        """Each key with its value, or with None if there is none, in the order of the keys.

        Of the iterable only as many keys are taken as can be on their way. `timeout_s` is for each.
        Raises as `get` does, at the key that failed.
        """
        source = each(as_keys(keys))
        getting = self._session.getting(timeout_s)
        failure: Exception | None = None
        try:
            while failure is None:
                try:
                    key = await source.__anext__()
                except StopAsyncIteration:
                    break
                except Exception as error:
                    failure = error  # of the iterable; first give what was taken before
                else:
                    for pair in await getting.get([key]):
                        yield pair
            while pairs := await getting.get([], last=True):
                for pair in pairs:
                    yield pair
            if failure is not None:
                raise failure
        finally:
            getting.cancel()

    @property
    def _session(self) -> Session:
        if self._closed:
            raise BadRequest("the client is closed")
        engine.start()
        if self._made is None:
            self._made = self._open(self._seeds, self._timeout_s, self._retry_unknown)
        self._check_loop(self._made)
        return self._made

    @staticmethod
    def _check_loop(session: Session) -> None:
        if session.loop is not asyncio.get_running_loop():
            raise BadRequest("this client belongs to another event loop; make one in each")
