"""The twin: an engine on a dict. What the contract means, in the fewest lines.

The conformance suite runs on it first: what fails here is a fault of the suite. Faults can be
ordered: see `failing`.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvcluster.engines.contract import (
    EngineMember,
    EnginePage,
    EngineState,
    Mismatched,
    ReadOutcome,
    Traits,
    WriteDone,
    WriteOutcome,
)
from kvcluster.errors import KvError, NotReady
from kvcluster.model.decision import NOTHING, Content
from kvcluster.model.entry import Version
from kvcluster.model.expiry import LINGER_MS, expiry_of, has_come
from kvcluster.model.operation import Kind, Operation


class Twin:
    """A dict. `now_ms` may be moved by tests."""

    def __init__(self, *, value_limit_bytes: int = 1 << 20, linearizable: bool = True) -> None:
        self.traits = Traits("the twin", value_limit_bytes, linearizable, "is asked not to")
        self.now_ms = 1_700_000_000_000
        self.held: dict[str, Content] = {}
        self.absent = ""
        """Why it is not there, if it is not."""
        self.failing: dict[str, KvError] = {}
        """What becomes of writes of these keys."""
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self._last = 0

    def where(self, key: str) -> str:
        """There is but one place."""
        return "in the dict"

    async def open(self) -> None:
        """Nothing is needed."""

    async def close(self) -> None:
        """It stays."""

    async def probe(self, deadline_s: float) -> EngineState:
        """It is there, unless it was told to be absent."""
        self._refuse_if_absent()
        return EngineState("1", (EngineMember("dict", "all there is"),))

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """One after the other."""
        self._refuse_if_absent()
        keys = tuple(operation.key for operation in operations)
        assert len(set(keys)) == len(keys), "a key comes twice in one call"
        self.calls.append(("write", keys))
        return [self._write(operation) for operation in operations]

    def _write(self, operation: Operation) -> WriteOutcome:
        if failure := self.failing.get(operation.key):
            return failure
        held = self._content(operation.key, LINGER_MS)
        if operation.condition and not operation.condition.holds(held.entry):
            return Mismatched(held)
        seen = self._content(operation.key, 0)
        self._last += 1
        version = Version(self._last.to_bytes(8, "big") + bytes(4))
        if operation.kind is Kind.DELETE:
            self.held.pop(operation.key, None)
        else:
            expires_ms = expiry_of(operation.ttl_ms, operation.expires_ms, self.now_ms)
            self.held[operation.key] = Content(operation.value, version, expires_ms)
        return WriteDone(version, 1, 1, found=seen.value is not None)

    def _content(self, key: str, later_ms: int) -> Content:
        """What a key has, and has still so long after its expiry."""
        content = self.held.get(key, NOTHING)
        expires_ms = content.expires_ms + later_ms if content.expires_ms else 0
        return NOTHING if has_come(expires_ms, self.now_ms) else content

    async def read(
        self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
    ) -> list[ReadOutcome]:
        """What is there."""
        self._refuse_if_absent()
        self.calls.append(("read", tuple(keys)))
        return [self._content(key, 0) for key in keys]

    async def page(
        self, prefix: str, after: str, limit: int, *, keys_only: bool, deadline_s: float
    ) -> EnginePage:
        """Sorted anew each time."""
        self._refuse_if_absent()
        found = []
        for key in sorted(self.held, key=str.encode):
            content = self._content(key, 0)
            behind = key.encode() > after.encode()
            if behind and key.startswith(prefix) and content.value is not None:
                found.append((key, "" if keys_only else content.value, content.expires_ms))
        page = found[:limit]
        return EnginePage(page, page[-1][0] if len(found) > limit else None)

    async def count(self, deadline_s: float) -> int:
        """All of them."""
        self._refuse_if_absent()
        return len(self.held)

    async def sweep(self, deadline_s: float) -> int:
        """Remove what no condition sees any more."""
        self._refuse_if_absent()
        gone = [key for key in self.held if self._content(key, LINGER_MS) is NOTHING]
        for key in gone:
            del self.held[key]
        return len(gone)

    def _refuse_if_absent(self) -> None:
        if self.absent:
            raise NotReady(self.absent)
