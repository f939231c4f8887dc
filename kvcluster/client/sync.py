"""Client: the same as AsyncClient for programs without asyncio, from any number of threads.

    with Client("localhost:50051,localhost:50052") as client:
        client.put("city", "Hà Nội")
        print(client.get("city"))

It has a twin, an AsyncClient that lives in an event loop in the background (`background.py`), where
the calls of all threads meet and travel together. Most methods are made from those of the twin
(`twins.py`). Those about one key run in the thread of their caller, and only their operation is
handed over; others run in the background as a whole. Those that take from a source do it here, a
chunk at a time, in the thread of its owner.

A waiting call can be interrupted with Ctrl+C. A put that was interrupted may have happened.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from kvcluster.client import engine
from kvcluster.client.aio import AsyncClient
from kvcluster.client.answers import DeletedMany
from kvcluster.client.background import background
from kvcluster.client.conditions import life_given
from kvcluster.client.face import Face
from kvcluster.client.given import CHUNK, as_keys, as_pair, as_pairs, taken
from kvcluster.client.many import ManyWrites
from kvcluster.client.mapping import ClusterMapping
from kvcluster.client.retrying import give_way_s
from kvcluster.client.session import Make, Session
from kvcluster.client.twins import Order, Pages, Rest, operations, reads, scans, writes
from kvcluster.client.values import RAW, Given

T = TypeVar("T")
V = TypeVar("V")
S = TypeVar("S", bound="SyncFace")


class _Twin(AsyncClient):
    """The client in the background. Its methods about one key give their orders, and go on with the
    answer to each, so that the thread that called can run them.
    """

    @coroutine
    def _answer_to(
        self, make: Make, timeout_s: float | None, retry_unknown: bool | None = None
    ) -> Generator[Order, Any, Any]:
        return (yield Order(make, timeout_s, retry_unknown))

    @coroutine
    def _give_way(self, failures: int) -> Generator[Rest, None, None]:
        yield Rest(give_way_s(failures, random.random()))

    def _now_s(self) -> float:
        return time.monotonic()


class SyncFace(Face):
    """A client in the background, and the way to wait for it.

    Its session is made and used there only: whoever asks may be a `__del__` in the middle of
    another call, so nothing here may need a lock.
    """

    def _begin(self) -> None:
        self._twin = _Twin(
            self._seeds,
            timeout_s=self._timeout_s,
            retry_unknown=self._retry_unknown,
            raw=self._form is RAW,
        )
        self._twin._take_over(self._credentials)

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection. Operations on their way come to their end first."""
        self._closed = True
        if self._twin._made is not None and not engine.is_lost():
            background().run(self._twin.close(), self._timeout_s)

    @property
    def _session(self) -> Session:
        self._refuse_if_closed()
        return self._twin._made or self._wait(self._make, None)

    async def _make(self) -> Session:
        return self._twin._session

    def _answer_to(
        self, make: Make, timeout_s: float | None, retry_unknown: bool | None = None
    ) -> Any:
        """What a node answers to an operation. Raises BadRequest, Unavailable, OutcomeUnknown."""
        return background().answer_to(self._session, make, timeout_s, retry_unknown)

    def _carry_out(self, wish: Order | Rest) -> Any:
        """Do what a method about one key wants next, and return what came of it."""
        if isinstance(wish, Rest):
            return time.sleep(wish.seconds)
        return self._answer_to(*wish)

    def _wait(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        timeout_s: float | None,
        *,
        writes: bool = False,
    ) -> T:
        """Have something done in the background, and wait for it."""
        self._refuse_if_closed()
        return background().run(work(), self._within_s(timeout_s), writes=writes)

    def _fetch(self, pages: Pages[T], timeout_s: float | None) -> Iterator[T]:
        """What is in these pages. Between two of them nothing stands open, so one may just go."""
        while page := self._wait(partial(_next, pages), timeout_s):
            yield from page

    @staticmethod
    def _give_up(cancel: Callable[[], None]) -> None:
        """Nobody waits any more for what was begun in the background."""
        if not engine.is_lost():  # as it is where a generator is closed by the end of the program
            background().call(cancel)


async def _next(pages: Pages[T]) -> list[T]:
    """The next page; the empty one, which none of them is, at the end."""
    page = await anext(pages, None)
    assert page != []
    return page or []


class Client(SyncFace):
    """A client for programs without asyncio. Threads may share it."""

    put = operations(AsyncClient.put)
    get = operations(AsyncClient.get)
    get_bytes = operations(AsyncClient.get_bytes)
    read = operations(AsyncClient.read)
    exists = operations(AsyncClient.exists)
    delete = operations(AsyncClient.delete)
    update = operations(AsyncClient.update)
    touch = operations(AsyncClient.touch)
    persist = operations(AsyncClient.persist)
    ttl = operations(AsyncClient.ttl)
    locate = reads(AsyncClient.locate)
    status = reads(AsyncClient.status)
    scan = scans(AsyncClient.scan)
    read_scan = scans(AsyncClient.read_scan)
    scan_with_expiry = scans(AsyncClient.scan_with_expiry)
    scan_keys = scans(AsyncClient.scan_keys)
    delete_prefix = writes(AsyncClient.delete_prefix)

    def put_many(
        self,
        pairs: Mapping[str, Given] | Iterable[tuple[str, Given]],
        *,
        ttl_s: float | None = None,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> int:
        """Store all pairs of a mapping or an iterable, which may be endless; how many there were.

        Of the iterable only a few thousand pairs are taken at a time. Pairs of one key are stored
        in their order. `ttl_s`, `timeout_s` and `retry_unknown` are for each pair, as with `put`.

        Raises SomeFailed at the end, when every pair was tried, if some were not stored. If the
        iterable raises, what was taken before is finished, and the error is passed on.
        """
        source = map(as_pair, as_pairs(pairs))
        life = life_given(ttl_s)
        putting = self._session.putting(self._form, timeout_s, retry_unknown, life)
        self._write(source, putting, timeout_s)
        return putting.done

    def delete_many(
        self,
        keys: Iterable[str],
        *,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> DeletedMany:
        """Delete all keys of an iterable, which may be endless; how many, and how many were there.

        Taken, carried out and retried as the pairs of `put_many` are.

        Raises SomeFailed at the end, when every key was tried, if some were not deleted.
        """
        source = ((key, None) for key in as_keys(keys))
        deleting = self._session.deleting(timeout_s, retry_unknown)
        self._write(source, deleting, timeout_s)
        return DeletedMany(deleting.done, deleting.found)

    def get_many(
        self, keys: Iterable[str], *, timeout_s: float | None = None
    ) -> Iterator[tuple[str, str | None]]:
        """Each key with its text, or with None if there is no such key, in the order of the keys.

        Of the iterable only as many keys are taken as can be on their way. `timeout_s` is for each.
        Raises as `get` does, at the key that failed.
        """
        return self._read(keys, self._form.text, timeout_s)

    def read_many(
        self, keys: Iterable[str], *, timeout_s: float | None = None
    ) -> Iterator[tuple[str, str | bytes | None]]:
        """As `get_many`, with values as they were put: text or bytes."""
        return self._read(keys, self._form.value, timeout_s)

    def mapping(self, prefix: str = "") -> ClusterMapping:
        """The keys that begin with a prefix, as a dictionary; its keys are those without it.

        It has the methods of `dict`, and every one of them asks the cluster. `setdefault`, `pop`,
        `popitem`, `update` and `clear` are not atomic; `Client.update` is.
        """
        return ClusterMapping(self, prefix)

    def _write(
        self, pairs: Iterator[tuple[str, object]], writing: ManyWrites, timeout_s: float | None
    ) -> None:
        try:
            failure: Exception | None = None
            while failure is None:
                chunk, failure = taken(pairs, CHUNK)
                if not chunk:
                    break
                self._wait(partial(writing.write, chunk), timeout_s, writes=True)
            self._wait(partial(writing.finish, failure), timeout_s, writes=True)
        finally:
            self._give_up(writing.cancel)

    def _read(
        self, keys: Iterable[str], form: Callable[[str], V], timeout_s: float | None
    ) -> Iterator[tuple[str, V | None]]:
        """Each key with what `form` makes of the text that is stored."""
        getting = self._session.getting(form, timeout_s)
        source = iter(as_keys(keys))
        try:
            failure: Exception | None = None
            while failure is None:
                chunk, failure = taken(source, getting.room)
                if not chunk:
                    break
                yield from self._wait(partial(getting.get, chunk), timeout_s)
            while pairs := self._wait(partial(getting.get, [], last=True), timeout_s):
                yield from pairs
            if failure is not None:
                raise failure
        finally:
            self._give_up(getting.cancel)
