"""Writing: operations as arguments of a statement, and what it gives as outcomes.

Plain puts go into one statement, everything that judges (conditions) or tells (a delete: whether
the key was there) into another, at the same time: they have no key in common. Each is a transaction
of its own, so the one may fail and the other not. Both are given in the order of their keys.

An operation that DECIDE left undone, since somebody else made the row at the same moment, is asked
again: nothing was written for it, and the next look sees that row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kvcluster.engines.contract import Mismatched, WriteDone, WriteOutcome
from kvcluster.engines.postgres.postgres_calls import PostgresCalls
from kvcluster.engines.postgres.postgres_copies import PostgresCopies, copies_of
from kvcluster.engines.postgres.postgres_failures import KIND
from kvcluster.engines.postgres.postgres_hosts import PostgresHosts
from kvcluster.engines.postgres.postgres_rows import content_of, number_of, version_of_number
from kvcluster.engines.postgres.postgres_statements import PostgresStatements
from kvcluster.errors import KvError, Overloaded
from kvcluster.model.condition import Condition, Holds
from kvcluster.model.operation import Kind, Operation

_ROUNDS = 20
_Outcomes = dict[bytes, WriteOutcome]
_Asked = dict[bytes, Operation]


class PostgresWriting:
    """Carries out operations that write."""

    def __init__(
        self, calls: PostgresCalls, hosts: PostgresHosts, statements: PostgresStatements
    ) -> None:
        self._calls = calls
        self._hosts = hosts
        self._sql = statements

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """An outcome each, in their order."""
        keys = [operation.key.encode() for operation in operations]
        asked = dict(sorted(zip(keys, operations, strict=True)))
        puts = {key: it for key, it in asked.items() if _is_plain_put(it)}
        others = {key: it for key, it in asked.items() if key not in puts}
        outcomes: _Outcomes = {}
        await asyncio.gather(
            self._put(puts, outcomes, deadline_s), self._decide(others, outcomes, deadline_s)
        )
        return [outcomes[key] for key in keys]

    async def _put(self, puts: _Asked, outcomes: _Outcomes, deadline_s: float) -> None:
        if not puts:
            return
        given = (
            list(puts),
            [it.value.encode() for it in puts.values()],
            [it.ttl_ms for it in puts.values()],
            [it.expires_ms for it in puts.values()],
        )
        try:
            rows = await self._calls.write(self._sql.put, *given, deadline_s=deadline_s)
        except KvError as error:
            outcomes.update(dict.fromkeys(puts, error))
            return
        copies = self._copies("".join(row["waits"] or "" for row in rows))
        for row in rows:
            outcomes[row["key"]] = WriteDone(version_of_number(row["version"]), *copies)

    async def _decide(self, left: _Asked, outcomes: _Outcomes, deadline_s: float) -> None:
        for _ in range(_ROUNDS):
            if not left:
                return
            try:
                left = await self._decide_once(left, outcomes, deadline_s)
            except KvError as error:
                outcomes.update(dict.fromkeys(left, error))
                return
        busy = Overloaded(f"{KIND}: others wrote the same keys {_ROUNDS} times meanwhile")
        outcomes.update(dict.fromkeys(left, busy))

    async def _decide_once(self, left: _Asked, outcomes: _Outcomes, deadline_s: float) -> _Asked:
        """Ask once. What is left undone."""
        conditions = [it.condition or Condition.none() for it in left.values()]
        given = (
            list(left),
            [it.value.encode() if it.kind is Kind.PUT else None for it in left.values()],
            [it.ttl_ms for it in left.values()],
            [it.expires_ms for it in left.values()],
            [it.what.value for it in conditions],
            [number_of(it.operand) if it.what is Holds.VERSION else 0 for it in conditions],
            [_value_of(it) for it in conditions],
        )
        rows = await self._calls.write(self._sql.decide, *given, deadline_s=deadline_s)
        copies = self._copies("".join(row["waits"] or "" for row in rows))
        for row in rows:
            if not row["holds"]:
                outcomes[row["key"]] = Mismatched(content_of(row))
            elif row["done"] is not None:
                version = version_of_number(row["done"])
                found = left[row["key"]].kind is Kind.DELETE and bool(row["was_live"])
                outcomes[row["key"]] = WriteDone(version, *copies, found=found)
        return {key: it for key, it in left.items() if key not in outcomes}

    def _copies(self, waits: str) -> PostgresCopies:
        return copies_of(waits, self._hosts.streaming)


def _is_plain_put(operation: Operation) -> bool:
    return operation.kind is Kind.PUT and operation.condition is None


def _value_of(condition: Condition) -> bytes | None:
    operand = condition.operand
    return operand.encode() if isinstance(operand, str) else None
