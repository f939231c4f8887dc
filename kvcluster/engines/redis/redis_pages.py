"""Pages: pairs in the order of their keys, merged from all buckets.

A key may be in any bucket, so a page asks each of them for its share: some keys behind the last
page, in the order of bytes, which is what a sorted set with equal scores has. Somewhat more than an
even share is asked for, for buckets are not even. One that gave as many as it was asked for may
have more, so the page ends at the least of the last keys of such: behind it one might be missing.

Three rounds: the keys; how large their values are; the values, as many as fit into a page. (One
round with whole values could bring a GiB.) Keys alone need two. A key whose value is gone in the
meantime, or has expired, is no pair; the page reaches over it.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvcluster.engines.contract import EnginePage
from kvcluster.engines.redis.redis_failures import of_a_read
from kvcluster.engines.redis.redis_layout import (
    BUCKET_SLOTS,
    BUCKETS,
    HEADER_BYTES,
    RedisLayout,
    content_of,
    milliseconds,
)
from kvcluster.engines.redis.redis_router import RedisAnswer, RedisErrand, RedisRouter
from kvcluster.errors import KvError
from kvcluster.model.merge import Pair

_PAGE_BYTES = 1 << 20


class RedisPages:
    """Reads pages."""

    def __init__(self, router: RedisRouter, layout: RedisLayout) -> None:
        self._router = router
        self._layout = layout

    async def page(
        self, prefix: bytes, after: bytes, limit: int, *, keys_only: bool, deadline_s: float
    ) -> EnginePage:
        """One page. Raises NotReady, TimedOut, TooLate."""
        keys, reached = await self._keys(prefix, after, limit, deadline_s)
        if not keys_only:
            sizes = await self._ask(keys, ("STRLEN",), (), deadline_s)
            fit = _fitting([it.value for it in sizes])
            if fit < len(keys):
                keys, reached = keys[:fit], keys[fit - 1]
        words = ("GETRANGE",) if keys_only else ("GET",)
        answers = await self._ask(
            keys, words, (0, HEADER_BYTES - 1) if keys_only else (), deadline_s, time=True
        )
        pairs: list[Pair] = []
        for key, answer in zip(keys, answers, strict=True):
            content = content_of(answer.value, milliseconds(answer.last))
            if content.value is not None:
                pairs.append((key.decode(), content.value, content.expires_ms))
        return EnginePage(pairs, None if reached is None else reached.decode())

    async def _keys(
        self, prefix: bytes, after: bytes, limit: int, deadline_s: float
    ) -> tuple[list[bytes], bytes | None]:
        """The next keys, and how far they reach."""
        share = min(limit, limit // (BUCKETS // 2) + 8)
        low, high = _bounds(prefix, after)
        errands = [
            RedisErrand(slot, ("ZRANGEBYLEX", index, low, high, "LIMIT", 0, share))
            for slot, index in zip(BUCKET_SLOTS, self._layout.indexes, strict=True)
        ]
        answers = sound(await self._router.run(errands, deadline_s))
        reached = min((it.value[-1] for it in answers if len(it.value) == share), default=None)
        keys = sorted(
            key for it in answers for key in it.value if reached is None or key <= reached
        )
        if len(keys) > limit:
            return keys[:limit], keys[limit - 1]
        return keys, reached

    async def _ask(
        self,
        keys: Sequence[bytes],
        before: tuple[str, ...],
        behind: tuple[int, ...],
        deadline_s: float,
        *,
        time: bool = False,
    ) -> list[RedisAnswer]:
        """One question about the value of each key."""
        places = [self._layout.place(key) for key in keys]
        errands = [RedisErrand(slot, (*before, name, *behind)) for slot, name in places]
        return sound(await self._router.run(errands, deadline_s, time=time))


def sound(answers: list[RedisAnswer]) -> list[RedisAnswer]:
    """Answers of which none is an error; else the first is raised."""
    for answer in answers:
        if isinstance(answer.value, KvError):
            raise of_a_read(answer.value)
    return answers


def _bounds(prefix: bytes, after: bytes) -> tuple[bytes, bytes]:
    """Between what keys are looked for, as ZRANGEBYLEX wants it. UTF-8 has no byte of 255."""
    low = b"(" + after if after and after >= prefix else b"[" + prefix
    high = b"(" + prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else b"+"
    return low, high


def _fitting(sizes_bytes: Sequence[int]) -> int:
    """How many of these fit into a page; at least one."""
    total_bytes = 0
    for place, size_bytes in enumerate(sizes_bytes):
        total_bytes += size_bytes
        if total_bytes > _PAGE_BYTES and place:
            return place
    return len(sizes_bytes)
