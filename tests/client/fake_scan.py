"""How a fake node scans: the shared dict in the order of the bytes, unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import grpc

from demo_pb2 import Pair, ScanRequest, ScanResponse


class FakeScan:
    """The scans of one node. Set its attributes to have it misbehave."""

    def __init__(self) -> None:
        self.keys_in_a_message = 3
        self.breaks_after: int | None = None
        """The next one breaks after so many messages."""
        self.missing = ScanResponse()
        """What every message tells."""
        self.lacks: set[str] = set()
        """Keys that it leaves out while something is missing."""
        self.whole_from: int | None = None
        """From this call on nothing is missing any more, the first being 0."""
        self.requests: list[ScanRequest] = []
        self.expiries: Mapping[str, int] = {}
        """When keys expire that do."""

    def pages(
        self, store: Mapping[str, str], request: ScanRequest, context: Any
    ) -> Iterator[ScanResponse]:
        """One stream."""
        left, self.breaks_after = self.breaks_after, None
        number, missing = len(self.requests), self.missing
        self.requests.append(request)
        if self.whole_from is not None and number >= self.whole_from:
            missing = ScanResponse()
        lacks = self.lacks if missing.missing_slots else ()
        keys = sorted(set(store).difference(lacks), key=str.encode)
        found = [k for k in keys if k.startswith(request.prefix) and k > request.start_after]
        found = found[: request.limit or None]
        for number, start in enumerate(range(0, len(found), self.keys_in_a_message)):
            if number == left:
                context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            page = found[start : start + self.keys_in_a_message]
            values = ["" if request.keys_only else store[key] for key in page]
            pairs = [
                Pair(key=k, value=v, expires_ms=self.expiries.get(k, 0))
                for k, v in zip(page, values, strict=True)
            ]
            message = ScanResponse(pairs=pairs)
            message.MergeFrom(missing)
            yield message
        yield missing
