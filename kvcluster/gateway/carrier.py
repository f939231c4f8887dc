"""The carrier: has an engine carry out operations, wave by wave, and answers each.

It is to an engine what the router is to a cluster (cluster/requests/router.py): whatever a client
asks for ends up here as a list of operations, and each succeeds or fails for itself.

**A key whose write has an unknown end is not written again in the same batch.** The first one may
land after the second. So what comes behind it on that key is refused, certainly not done; reads are
not, they take what they find.

Gets are read a piece at a time, the next as large as the last one's values let an answer have room
for. So a batch that asks for a thousand large values does not bring them all into memory to say of
most that there is no room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kvcluster.config import Settings
from kvcluster.engines.contract import Engine, ReadOutcome, WriteOutcome
from kvcluster.errors import AnswerFull, BadRequest, KvError, NotReady, OutcomeUnknown, TooLate
from kvcluster.gateway.presence import Presence
from kvcluster.gateway.replies import reply_to_read, reply_to_write
from kvcluster.gateway.waves import waves
from kvcluster.model.operation import Operation
from kvcluster.wire.answered import Outcome, within_room

_FIRST_READS = 64
"""Of unknown size: a MiB each is the most that they take by default."""


class Carrier:
    """Carries out operations. Deadlines are times of the event loop's clock."""

    def __init__(self, name: str, engine: Engine, presence: Presence, settings: Settings) -> None:
        """`name`: that of the gateway."""
        self._name = name
        self._engine = engine
        self._presence = presence
        self._settings = settings
        self._now_s = asyncio.get_running_loop().time

    async def carry_out(
        self, operations: Sequence[Operation | KvError], deadline_s: float
    ) -> list[Outcome]:
        """Do what a client asks for; what came of each, in their order. Raises NotReady."""
        self._presence.refuse_unless_serving()
        checked = [self._refused(it) or it for it in operations]
        done: dict[int, Outcome] = {
            at: it for at, it in enumerate(checked) if isinstance(it, KvError)
        }
        doubtful: set[str] = set()
        for wave in waves(checked):
            asked = {at: it for at in wave if isinstance(it := checked[at], Operation)}
            self._refuse_if_late(asked, deadline_s, done)
            writes = {at: it for at, it in asked.items() if at not in done and it.writes}
            self._refuse_doubtful(writes, doubtful, done)
            reads = {at: it for at, it in asked.items() if at not in done and not it.writes}
            await asyncio.gather(
                self._write(writes, deadline_s, done, doubtful),
                self._read(reads, deadline_s, done),
            )
        return within_room([done[at] for at in range(len(checked))], self._settings)

    def _refused(self, operation: Operation | KvError) -> KvError | None:
        """Why the engine cannot do it at all."""
        if isinstance(operation, KvError):
            return operation
        traits, size = self._engine.traits, len(operation.value)
        if operation.linearizable and not traits.linearizable:
            return BadRequest(f"{traits.kind} {traits.why_not_linearizable}")
        limit_bytes = traits.value_limit_bytes
        if 4 * size > limit_bytes and (size := len(operation.value.encode())) > limit_bytes:
            text = f"the value is {size:,} bytes long, {traits.kind} takes {limit_bytes:,}"
            return BadRequest(text, value_limit_bytes=limit_bytes)
        return None

    def _refuse_if_late(
        self, asked: dict[int, Operation], deadline_s: float, done: dict[int, Outcome]
    ) -> None:
        if self._now_s() >= deadline_s:
            done.update(dict.fromkeys(asked, TooLate("the deadline passed before its turn came")))

    def _refuse_doubtful(
        self, writes: dict[int, Operation], doubtful: set[str], done: dict[int, Outcome]
    ) -> None:
        for at in [at for at, it in writes.items() if it.key in doubtful]:
            del writes[at]
            done[at] = NotReady("what became of the write before it on this key is not known")

    async def _write(
        self,
        writes: dict[int, Operation],
        deadline_s: float,
        done: dict[int, Outcome],
        doubtful: set[str],
    ) -> None:
        if not writes:
            return
        operations = list(writes.values())
        outcomes: Sequence[WriteOutcome]
        try:
            outcomes = await self._engine.write(operations, deadline_s)
        except KvError as error:
            outcomes = [error] * len(operations)
        assert len(outcomes) == len(operations), "an engine answers each write"
        for (at, operation), outcome in zip(writes.items(), outcomes, strict=True):
            if isinstance(outcome, OutcomeUnknown):
                doubtful.add(operation.key)
            done[at] = reply_to_write(operation.kind, outcome, self._name)

    async def _read(
        self, reads: dict[int, Operation], deadline_s: float, done: dict[int, Outcome]
    ) -> None:
        """Plain reads and linearizable ones are two questions."""
        for linearizable in (False, True):
            chosen = {at: it.key for at, it in reads.items() if it.linearizable is linearizable}
            if chosen:
                outcomes = await self._contents(list(chosen.values()), deadline_s, linearizable)
                for at, outcome in zip(chosen, outcomes, strict=True):
                    done[at] = reply_to_read(outcome, self._name)

    async def _contents(
        self, keys: Sequence[str], deadline_s: float, linearizable: bool
    ) -> list[ReadOutcome]:
        """What the keys have; AnswerFull for those of which no answer could hold the values."""
        found: list[ReadOutcome] = []
        size, count, limit = 0, _FIRST_READS, self._settings.batch_bytes
        while len(found) < len(keys) and size <= limit:
            piece = keys[len(found) : len(found) + count]
            try:
                got = await self._engine.read(piece, deadline_s, linearizable=linearizable)
            except KvError as error:
                got = [error] * len(piece)
            assert len(got) == len(piece), "an engine answers each read"
            found += got
            size += sum(len(it.value or "") for it in got if not isinstance(it, KvError))
            count = max(1, (limit - size) * len(found) // max(1, size)) if size else len(keys)
        full = AnswerFull(f"the answer has no room over {limit:,} bytes; ask again")
        return [*found, *[full] * (len(keys) - len(found))]
