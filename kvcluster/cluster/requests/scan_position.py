"""The course of one scan: how far it has come, and what it had to pass by.

A scan needs no other state: its position is all that a new merge of pages begins from
(model/merge.py), and its holes are all that must not be forgotten meanwhile.

Invariant: holes are only ever added. A slot that was not read for some part of the stream has keys
missing there for good, whoever answers for it later.

Nothing here waits or sends; scans.py does.
"""

from __future__ import annotations

from kvcluster.cluster.peers.membership import Membership
from kvcluster.model.merge import Pair

from demo_pb2 import ScanRequest, ScanResponse


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


class Holes:
    """Slots that were not read for some part of the stream so far."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.slots: frozenset[int] = frozenset()
        self._told = ScanResponse()

    def add(self, uncovered: frozenset[int]) -> None:
        """From here on these are not read."""
        if not uncovered <= self.slots:
            self.slots |= uncovered
            holders = {name for slot in self.slots for name in self._membership.replicas(slot)}
            self._told = ScanResponse(missing_slots=len(self.slots), missing_nodes=sorted(holders))

    def tell(self, message: ScanResponse) -> ScanResponse:
        """Say in a message what is missing up to its end."""
        message.MergeFrom(self._told)
        assert message.missing_slots == len(self.slots), "a hole is not told"
        return message
