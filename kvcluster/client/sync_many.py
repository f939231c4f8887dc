"""Many keys, without asyncio: the methods of Client that take a source or give a range.

A source is read in the thread of its owner, a chunk at a time, and what is asked for comes from the
background a page at a time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial

from kvcluster.client.answers import DeletedMany
from kvcluster.client.face import SyncFace
from kvcluster.client.given import Given
from kvcluster.client.many import ManyWrites
from kvcluster.client.scan_course import Pair, Range
from kvcluster.client.session import checked_prefix, checked_range
from kvcluster.client.sources import as_keys, as_pair, as_pairs, taken

_CHUNK = 256
"""So many pairs go to the background at a time."""


class ManyKeys(SyncFace):
    """The half of Client that is about many keys."""

    def scan(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[Pair]:
        """All keys that begin with a prefix, with their texts, in the order of their UTF-8 bytes.

        A key that is there all the time comes exactly once; one that is put or deleted meanwhile
        may come or not. `start_after`: only keys behind this one. `limit`: at most so many.
        `timeout_s` is for each page, not for the whole. A node that fails on the way is replaced.

        Raises BadRequest, Unavailable; and Incomplete at the end, after all that could be reached,
        if some slots had no live replica for a part of it, and none came within a timeout.
        """
        what = checked_range(prefix, start_after, limit, keys_only=False)
        for page in self._pages(what, timeout_s):
            for key, text in page:
                yield key, self._form.text(text)

    def read_scan(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[tuple[str, str | bytes]]:
        """As `scan`, with values as they were put: text or bytes."""
        what = checked_range(prefix, start_after, limit, keys_only=False)
        for page in self._pages(what, timeout_s):
            for key, text in page:
                yield key, self._form.value(text)

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
        pairs: Mapping[str, Given] | Iterable[tuple[str, Given]],
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
        putting = self._session.putting(timeout_s, retry_unknown, self._form)
        self._write(map(as_pair, given), putting, timeout_s)
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
        given = as_keys(keys)
        deleting = self._session.deleting(timeout_s, retry_unknown)
        self._write(((key, None) for key in given), deleting, timeout_s)
        return DeletedMany(deleting.done, deleting.found)

    def delete_prefix(
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
        keys = self.scan_keys(prefix, timeout_s=timeout_s)
        return self.delete_many(keys, timeout_s=timeout_s, retry_unknown=retry_unknown)

    def _write(
        self, pairs: Iterator[tuple[str, object]], writing: ManyWrites, timeout_s: float | None
    ) -> None:
        try:
            failure: Exception | None = None
            while failure is None:
                chunk, failure = taken(pairs, _CHUNK)
                self._run(partial(writing.write, chunk), timeout_s, writes=True)
                if not chunk:
                    break
            if failure is not None:
                self._run(writing.settle, timeout_s, writes=True)
                raise failure
            self._run(writing.finish, timeout_s, writes=True)
        finally:
            self._give_up(writing.cancel)

    def get_many(
        self, keys: Iterable[str], *, timeout_s: float | None = None
    ) -> Iterator[tuple[str, str | None]]:
        """Each key with its text, or with None if there is no such key, in the order of the keys.

        Of the iterable only as many keys are taken as can be on their way. `timeout_s` is for each.
        Raises as `get` does, at the key that failed.
        """
        with closing(self._texts(keys, timeout_s)) as pairs:
            for key, text in pairs:
                yield key, None if text is None else self._form.text(text)

    def read_many(
        self, keys: Iterable[str], *, timeout_s: float | None = None
    ) -> Iterator[tuple[str, str | bytes | None]]:
        """As `get_many`, with values as they were put: text or bytes."""
        with closing(self._texts(keys, timeout_s)) as pairs:
            for key, text in pairs:
                yield key, None if text is None else self._form.value(text)

    def _texts(
        self, keys: Iterable[str], timeout_s: float | None
    ) -> Generator[tuple[str, str | None], None, None]:
        """Each key with the text that is stored."""
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


async def _next(pages: AsyncGenerator[list[Pair], None]) -> list[Pair]:
    """The next page; the empty one, which none of them is, at the end."""
    return await anext(pages, [])
