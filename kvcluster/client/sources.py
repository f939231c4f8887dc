"""Sources: where the many keys and pairs come from, and what is wrong with one that is none.

A source may be a list, a mapping, a file, a generator without end, or an asynchronous one of these.
It is never read ahead of what there is room for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from kvcluster.client.pending import shortened
from kvcluster.errors import BadRequest

_TURN = 256
"""After so many items of a source that never waits, others have their turn."""
_PATIENCE_S = 0.005

T = TypeVar("T")
S = TypeVar("S")


def as_pairs(source: Any) -> Any:
    """The pairs of a mapping or of another source. Raises BadRequest if it can have none."""
    return source.items() if isinstance(source, Mapping) else _checked(source, "pairs")


def as_keys(source: S) -> S:
    """The keys of a source. Raises BadRequest if it can have none."""
    return _checked(source, "keys")


def as_pair(item: object) -> tuple[str, Any]:
    """One pair of a source. Raises BadRequest if it is none; what is in it is checked later."""
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    raise BadRequest(f"wanted a pair of a key and a value, got {shortened(item)}")


async def each(source: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """What a source gives, one after the other."""
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield item
        return
    for number, item in enumerate(source, 1):
        yield item
        if number % _TURN == 0:
            await asyncio.sleep(0)


def taken(source: Iterator[T], count: int) -> tuple[list[T], Exception | None]:
    """The next items, not more than wanted; and what the source raised, if it did.

    A source that takes its time gives fewer, so that nothing waits for what comes much later.
    """
    items: list[T] = []
    patience_ends_s = time.monotonic() + _PATIENCE_S
    try:
        for item in islice(source, count):
            items.append(item)
            if time.monotonic() > patience_ends_s:
                break
    except Exception as error:
        return items, error
    return items, None


def _checked(source: S, what: str) -> S:
    if isinstance(source, str | bytes) or not isinstance(source, Iterable | AsyncIterable):
        raise BadRequest(f"wanted an iterable of {what}, got {shortened(source)}")
    return source
