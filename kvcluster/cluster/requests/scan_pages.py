"""Scan pages: the next live keys behind a position, with their values, in portions.

A page is cut from the table's key index without a pause, in time for a thousand keys; it may hold
keys of chosen slots only. It says up to which key it reaches, and the next one begins there: that
position is all the state of a scan, and keys that come or go meanwhile shift nothing.

Which slots are chosen travels as 4,096 bits, the lowest of a byte first.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from kvcluster.config import Settings
from kvcluster.errors import BadRequest
from kvcluster.model.entry import is_live
from kvcluster.model.merge import Pair
from kvcluster.model.slots import SLOTS, slot_of
from kvcluster.storage.table import Table
from kvcluster.wire.answered import pair_bytes

from demo_pb2 import ScanRequest


@dataclass(frozen=True)
class ScanPage:
    """Pairs in key order, and the key that the page reaches; None: there is no more."""

    pairs: list[Pair]
    reached: str | None

    def is_sound(self, request: ScanRequest) -> bool:
        """Whether it is in order, in its bounds and a step forward: a peer may answer anything.

        One that is full says how far it reaches. Else it would end what nobody has looked at.
        """
        room = request.limit - len(self.pairs)
        if room < 0 or (room == 0 and self.reached is None):
            return False
        keys = [request.start_after, *(pair[0] for pair in self.pairs)]
        if self.reached is not None and self.reached <= request.start_after:
            return False
        ascending = all(one < next_ for one, next_ in itertools.pairwise(keys))
        return ascending and (self.reached is None or keys[-1] <= self.reached)


class ScanPosition:
    """How far one scan has come."""

    def __init__(self, request: ScanRequest) -> None:
        self._request = request
        self._left = request.limit or None
        self.position = request.start_after
        self.ended = False

    def next_page(self, keys: int) -> ScanRequest:
        """What to ask a node for."""
        return ScanRequest(
            prefix=self._request.prefix,
            start_after=self.position,
            limit=keys if self._left is None else min(keys, self._left),
            keys_only=self._request.keys_only,
        )

    def pass_on(self, pairs: list[Pair], position: str) -> list[Pair]:
        """Those of the pairs that are still wanted; everything up to the position is done."""
        assert self.position <= position, "a scan goes back"
        self.position = position
        if self._left is None:
            return pairs
        wanted = pairs[: self._left]
        self._left -= len(wanted)
        self.ended = not self._left
        return wanted


def cut_scan_page(
    table: Table, request: ScanRequest, slots: Collection[int], settings: Settings
) -> ScanPage:
    """What a page holds behind `request.start_after`, of some slots; at least one pair if any."""
    keys = min(request.limit or settings.scan_page_keys, settings.scan_page_keys)
    room_bytes, everywhere = settings.scan_page_bytes, len(slots) == SLOTS
    pairs: list[Pair] = []
    reached = request.start_after
    for looks, key in enumerate(table.keys.behind(request.prefix, request.start_after), 1):
        if everywhere or slot_of(key) in slots:
            entry = table.get(key)
            if is_live(entry):  # else it has expired, and the index does not know yet
                value = "" if request.keys_only else entry[0]
                room_bytes -= pair_bytes(key, value)
                if pairs and room_bytes < 0:
                    return ScanPage(pairs, reached)
                pairs.append((key, value, table.expires_ms(key)))
        if looks >= settings.page_looks or len(pairs) >= keys:
            return ScanPage(pairs, key)
        reached = key
    return ScanPage(pairs, None)


@lru_cache(maxsize=32)
def to_bits(slots: frozenset[int]) -> bytes:
    """Slots as they travel. They are the same for every page of a scan."""
    bits = bytearray(SLOTS // 8)
    for slot in slots:
        bits[slot // 8] |= 1 << slot % 8
    return bytes(bits)


@lru_cache(maxsize=32)
def from_bits(bits: bytes) -> frozenset[int]:
    """The slots that have travelled. Raises BadRequest."""
    if len(bits) * 8 != SLOTS:
        raise BadRequest(f"the slots of a scan are {len(bits):,} bytes, not {SLOTS // 8:,}")
    return frozenset(slot for slot in range(SLOTS) if bits[slot // 8] >> slot % 8 & 1)
