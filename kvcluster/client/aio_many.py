"""Many keys, asynchronously: the methods of AsyncClient that take a source or give a range.

What is on its way is bounded (`many.py`), what comes is given a page at a time (`paging.py`), and a
loop over it may be left whenever one has seen enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import TypeVar

from kvcluster.client.answers import DeletedMany, moment
from kvcluster.client.conditions import life_given
from kvcluster.client.face import AsyncFace
from kvcluster.client.given import (
    CHUNK,
    as_keys,
    as_pair,
    as_pairs,
    checked_prefix,
    checked_range,
    taken,
)
from kvcluster.client.many import ManyWrites
from kvcluster.client.twins import Pages, one_by_one
from kvcluster.client.values import Given

T = TypeVar("T")
V = TypeVar("V")


class AsyncManyKeys(AsyncFace):
    """The half of AsyncClient that is about many keys."""

    @one_by_one
    async def scan(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Pages[tuple[str, str]]:
        """All keys that begin with a prefix, with their texts, in the order of their UTF-8 bytes.

        A key that is there all the time comes exactly once; one that is put or deleted meanwhile
        may come or not. `start_after`: only keys behind this one. `limit`: at most so many.
        `timeout_s` is for each page, not for the whole. A node that fails on the way is replaced.

        Raises BadRequest, Unavailable; and Incomplete at the end, after all that could be reached,
        if some slots had no live replica for a part of it, and none came within a timeout.
        """
        what = checked_range(prefix, start_after, limit, keys_only=False)
        async with aclosing(self._session.pages(what, timeout_s)) as pages:
            async for page in pages:
                yield [(key, self._form.text(text)) for key, text in page.pairs]

    @one_by_one
    async def read_scan(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Pages[tuple[str, str | bytes]]:
        """As `scan`, with values as they were put: text or bytes."""
        what = checked_range(prefix, start_after, limit, keys_only=False)
        async with aclosing(self._session.pages(what, timeout_s)) as pages:
            async for page in pages:
                yield [(key, self._form.value(text)) for key, text in page.pairs]

    @one_by_one
    async def scan_with_expiry(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Pages[tuple[str, str | bytes, datetime | None]]:
        """As `read_scan`, and with when each key expires, in UTC; None: never."""
        what = checked_range(prefix, start_after, limit, keys_only=False)
        async with aclosing(self._session.pages(what, timeout_s)) as pages:
            async for page in pages:
                yield [
                    (key, self._form.value(text), moment(page.expiries.get(key, 0)))
                    for key, text in page.pairs
                ]

    @one_by_one
    async def scan_keys(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Pages[str]:
        """As `scan`, without the values, which then are not sent either."""
        what = checked_range(prefix, start_after, limit, keys_only=True)
        async with aclosing(self._session.pages(what, timeout_s)) as pages:
            async for page in pages:
                yield [key for key, _ in page.pairs]

    async def put_many(
        self,
        pairs: Mapping[str, Given] | Iterable[tuple[str, Given]] | AsyncIterable[tuple[str, Given]],
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
        source = _mapped(as_pair, as_pairs(pairs))
        life = life_given(ttl_s)
        putting = self._session.putting(self._form, timeout_s, retry_unknown, life)
        await self._write(source, putting)
        return putting.done

    async def delete_many(
        self,
        keys: Iterable[str] | AsyncIterable[str],
        *,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> DeletedMany:
        """Delete all keys of an iterable, which may be endless; how many, and how many were there.

        Taken, carried out and retried as the pairs of `put_many` are.

        Raises SomeFailed at the end, when every key was tried, if some were not deleted.
        """
        source = _mapped(lambda key: (key, None), as_keys(keys))
        deleting = self._session.deleting(timeout_s, retry_unknown)
        await self._write(source, deleting)
        return DeletedMany(deleting.done, deleting.found)

    async def delete_prefix(
        self,
        prefix: str,
        *,
        everything: bool = False,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> DeletedMany:
        """Delete every key that begins with a prefix; how many were found.

        The empty prefix means every key, and wants `everything=True`: a variable that was not set
        shall not empty a store. It is no transaction: keys are looked for and deleted page by page,
        so one that is put meanwhile may stay, and after an error some are gone and some are not.

        Raises as `scan` and `delete_many` do; Incomplete after all that was found is deleted.
        """
        prefix = checked_prefix(prefix, everything=everything)
        what = checked_range(prefix, "", None, keys_only=True)
        async with aclosing(self._session.pages(what, timeout_s)) as pages:
            keys = (key async for page in pages for key, _ in page.pairs)
            return await self.delete_many(keys, timeout_s=timeout_s, retry_unknown=retry_unknown)

    @staticmethod
    async def _write(
        pairs: Iterable[tuple[str, object]] | AsyncIterable[tuple[str, object]],
        writing: ManyWrites,
    ) -> None:
        failure: Exception | None = None
        try:
            try:
                async for chunk in _chunks(pairs, lambda: CHUNK):
                    await writing.write(chunk)
            except Exception as error:
                failure = error
            await writing.finish(failure)
        finally:
            writing.cancel()

    def get_many(
        self, keys: Iterable[str] | AsyncIterable[str], *, timeout_s: float | None = None
    ) -> AsyncIterator[tuple[str, str | None]]:
        """Each key with its text, or with None if there is no such key, in the order of the keys.

        Of the iterable only as many keys are taken as can be on their way. `timeout_s` is for each.
        Raises as `get` does, at the key that failed.
        """
        return self._read(keys, self._form.text, timeout_s)

    def read_many(
        self, keys: Iterable[str] | AsyncIterable[str], *, timeout_s: float | None = None
    ) -> AsyncIterator[tuple[str, str | bytes | None]]:
        """As `get_many`, with values as they were put: text or bytes."""
        return self._read(keys, self._form.value, timeout_s)

    async def _read(
        self,
        keys: Iterable[str] | AsyncIterable[str],
        form: Callable[[str], V],
        timeout_s: float | None,
    ) -> AsyncIterator[tuple[str, V | None]]:
        """Each key with what `form` makes of the text that is stored."""
        getting = self._session.getting(form, timeout_s)
        source = _chunks(as_keys(keys), lambda: getting.room)
        failure: Exception | None = None
        try:
            while failure is None:
                try:
                    chunk = await source.__anext__()
                except StopAsyncIteration:
                    break
                except Exception as error:
                    failure = error  # of the iterable; first give what was taken before
                else:
                    for pair in await getting.get(chunk):
                        yield pair
            while pairs := await getting.get([], last=True):
                for pair in pairs:
                    yield pair
            if failure is not None:
                raise failure
        finally:
            getting.cancel()


def _mapped(
    make: Callable[[T], V], source: Iterable[T] | AsyncIterable[T]
) -> Iterable[V] | AsyncIterable[V]:
    """What is made of each item of a source."""
    if isinstance(source, AsyncIterable):
        return (make(item) async for item in source)
    return map(make, source)


async def _chunks(
    source: Iterable[T] | AsyncIterable[T], count: Callable[[], int]
) -> AsyncIterator[list[T]]:
    """What a source gives, at most `count()` at a time; none waits for the next one to come."""
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield [item]
        return
    items = iter(source)
    while True:
        chunk, failure = taken(items, count())
        if chunk:
            yield chunk
        if failure is not None:
            raise failure
        if not chunk:
            return
        await asyncio.sleep(0)  # a source that never waits lets others have their turn
