"""The course of a scan: what is left to be asked for, and what was missing on the way.

A scan is a row of calls (paging.py), so what one call was told must be kept until the last. There
is one rule for that, and it is here: *a hole is never forgotten*. Slots that were missing for any
page are missing for the scan, whatever became of the call behind that page: whether it ended, was
ended, or broke, and whoever answers for those slots later.

How many slots are missing is told as the most that any one call missed. Calls that missed different
ones may have missed more together; the nodes that hold them are all named.

All of it is pure: messages in, requests out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kvcluster.errors import Incomplete

from demo_pb2 import ScanRequest, ScanResponse

PAGE_KEYS = 2_000

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Range:
    """Which keys a scan is for."""

    prefix: str
    start_after: str
    limit: int | None
    """At most so many; None: all."""
    keys_only: bool

    def after(self, pairs: list[Pair]) -> Range:
        """What is left when these have come."""
        left = None if self.limit is None else self.limit - len(pairs)
        return replace(self, start_after=pairs[-1][0], limit=left) if pairs else self


@dataclass(slots=True)
class PartialPage:
    """What came of one call, as far as it was read."""

    pairs: list[Pair] = field(default_factory=list)
    expiries: dict[str, int] = field(default_factory=dict)
    """When keys expire that do, in milliseconds since 1970."""
    size_bytes: int = 0
    ended: bool = False
    """The node has said all that it was asked for."""
    missing_slots: int = 0
    missing_nodes: tuple[str, ...] = ()

    @property
    def has_holes(self) -> bool:
        """Whether keys of some slots may be missing among its pairs, or behind the last of them."""
        return bool(self.missing_slots or self.missing_nodes)

    def add(self, message: ScanResponse) -> None:
        """A message of the stream."""
        self.pairs += [(pair.key, pair.value) for pair in message.pairs]
        self.expiries |= {it.key: it.expires_ms for it in message.pairs if it.expires_ms}
        self.size_bytes += message.ByteSize()
        if message.missing_slots or message.missing_nodes:
            self.missing_slots = message.missing_slots
            self.missing_nodes = tuple(message.missing_nodes)


class ScanCourse:
    """One scan, from page to page."""

    def __init__(self, what: Range, page_keys: int) -> None:
        self._left = what
        self._page_keys = page_keys
        self._missing_slots = 0
        self._missing_nodes: set[str] = set()
        self.ended = what.limit == 0
        """There is nothing left to be asked for."""

    @property
    def request(self) -> ScanRequest:
        """What a node is asked for the next page."""
        left = self._left
        return ScanRequest(
            prefix=left.prefix,
            start_after=left.start_after,
            limit=self._page_keys if left.limit is None else min(left.limit, self._page_keys),
            keys_only=left.keys_only,
        )

    @property
    def has_holes(self) -> bool:
        """Whether anything was missing in any page so far."""
        return bool(self._missing_slots or self._missing_nodes)

    def take(self, page: PartialPage) -> None:
        """A page came in answer to `request`; the next begins behind its last pair."""
        self._remember(page)
        complete = page.ended and len(page.pairs) < self.request.limit
        self._left = self._left.after(page.pairs)
        self.ended = complete or self._left.limit == 0

    def _remember(self, page: PartialPage) -> None:
        self._missing_slots = max(self._missing_slots, page.missing_slots)
        self._missing_nodes |= set(page.missing_nodes)

    def check(self) -> None:
        """At the end: raises Incomplete if anything was missing on the way."""
        if self.has_holes:
            raise Incomplete(self._missing_slots, tuple(sorted(self._missing_nodes)))
