"""Client: the same as AsyncClient for programs without asyncio, from any number of threads.

    with Client("localhost:50051,localhost:50052") as client:
        client.put("city", "Hà Nội")
        print(client.get("city"))

It lives in an event loop in the background (`background.py`), where the calls of all threads meet
and travel together. Scans and the like fetch a page at a time from there, so the hop from thread to
thread is paid for each page and not for each key.

A waiting call can be interrupted with Ctrl+C. A put that was interrupted may have happened.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any, TypeVar, overload

from kvcluster.client import engine
from kvcluster.client.aio import DEFAULT_NODES, DEFAULT_TIMEOUT_S
from kvcluster.client.answers import Deleted, Stored
from kvcluster.client.background import background
from kvcluster.client.operations import checked_timeout
from kvcluster.client.scan_course import Pair, Range
from kvcluster.client.session import Session, checked_range, checked_seeds
from kvcluster.client.sources import as_keys, as_pair, as_pairs, taken
from kvcluster.errors import BadRequest

_CHUNK = 256
"""So many pairs go to the background at a time."""

T = TypeVar("T")


class Client:
    """A client for programs without asyncio. Threads may share it.

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
        """Made and used in the background only: whoever asks may be a `__del__` in the middle of
        another call, so nothing here may need a lock."""
        self._closed = False

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection. Operations on their way come to their end first."""
        self._closed = True
        if self._made is not None and not engine.is_lost():
            background().run(self._made.close(), self._timeout_s)

    def put(
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
        work = partial(self._session.put, key, value, timeout_s, retry_unknown)
        return self._run(work, timeout_s, writes=True)

    @overload
    def get(self, key: str, *, timeout_s: float | None = None) -> str | None: ...

    @overload
    def get(self, key: str, default: T, *, timeout_s: float | None = None) -> str | T: ...

    def get(
        self, key: str, default: T | None = None, *, timeout_s: float | None = None
    ) -> str | T | None:
        """The value of a key, or `default` if there is none.

        Raises BadRequest, Unavailable. A read that fails at one node is tried at another.
        """
        value = self._run(partial(self._session.get, key, timeout_s), timeout_s)
        return default if value is None else value

    def delete(
        self, key: str, *, timeout_s: float | None = None, retry_unknown: bool | None = None
    ) -> Deleted:
        """Remove a key. One that is not there is no error; the answer says so.

        Raises and retries as `put` does.
        """
        work = partial(self._session.delete, key, timeout_s, retry_unknown)
        return self._run(work, timeout_s, writes=True)

    def scan(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[Pair]:
        """All keys that begin with a prefix, with their values, in the order of their UTF-8 bytes.

        A key that is there all the time comes exactly once; one that is put or deleted meanwhile
        may come or not. `start_after`: only keys behind this one. `limit`: at most so many.
        `timeout_s` is for each page, not for the whole. A node that fails on the way is replaced.

        Raises BadRequest, Unavailable; and Incomplete at the end, after all that could be reached,
        if some slots had no live replica for a part of it, and none came within a timeout.
        """
        what = checked_range(prefix, start_after, limit, keys_only=False)
        for page in self._pages(what, timeout_s):
            yield from page

    def scan_keys(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[str]:
        """As `scan`, without the values, which then are not sent either."""
        what = checked_range(prefix, start_after, limit, keys_only=True)
        for page in self._pages(what, timeout_s):
            for key, _ in page:
                yield key

    def put_many(
        self,
        pairs: Mapping[str, str] | Iterable[tuple[str, str]],
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
        given = pairs.items() if isinstance(pairs, Mapping) else as_pairs(pairs)
        putting = self._session.putting(timeout_s, retry_unknown)
        source = map(as_pair, given)
        try:
            failure: Exception | None = None
            while failure is None:
                chunk, failure = taken(source, _CHUNK)
                self._run(partial(putting.put, chunk), timeout_s, writes=True)
                if not chunk:
                    break
            if failure is None:
                return self._run(putting.finish, timeout_s, writes=True)
            self._run(putting.settle, timeout_s, writes=True)
            raise failure
        finally:
            self._give_up(putting.cancel)

    def get_many(
        self, keys: Iterable[str], *, timeout_s: float | None = None
    ) -> Iterator[tuple[str, str | None]]:
        """Each key with its value, or with None if there is none, in the order of the keys.

        Of the iterable only as many keys are taken as can be on their way. `timeout_s` is for each.
        Raises as `get` does, at the key that failed.
        """
        getting = self._session.getting(timeout_s)
        source = iter(as_keys(keys))
        try:
            failure: Exception | None = None
            while failure is None:
                chunk, failure = taken(source, getting.room)
                if not chunk:
                    break
                yield from self._run(partial(getting.get, chunk), timeout_s)
            while pairs := self._run(partial(getting.get, [], last=True), timeout_s):
                yield from pairs
            if failure is not None:
                raise failure
        finally:
            self._give_up(getting.cancel)

    def _pages(self, what: Range, timeout_s: float | None) -> Iterator[list[Pair]]:
        # Between two pages nothing stands open, so whoever has seen enough may just go.
        pages = self._session.pages(what, timeout_s)
        while page := self._run(partial(_next, pages), timeout_s):
            yield page

    @property
    def _session(self) -> Session:
        if self._closed:
            raise BadRequest("the client is closed")
        return self._made or self._run(self._make, None)

    async def _make(self) -> Session:
        engine.start()
        if self._made is None:
            self._made = Session(self._seeds, self._timeout_s, self._retry_unknown)
        return self._made

    def _run(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        timeout_s: float | None,
        *,
        writes: bool = False,
    ) -> T:
        """Have something done in the background, and wait for it."""
        within_s = self._timeout_s if timeout_s is None else checked_timeout(timeout_s)
        return background().run(work(), within_s, writes=writes)

    @staticmethod
    def _give_up(cancel: Callable[[], None]) -> None:
        """Nobody waits any more for what was begun in the background."""
        if not engine.is_lost():  # as it is where a generator is closed by the end of the program
            background().call(cancel)


async def _next(pages: AsyncGenerator[list[Pair], None]) -> list[Pair]:
    """The next page; the empty one, which none of them is, at the end."""
    return await anext(pages, [])
