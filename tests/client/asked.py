"""Operations for tests that need no client: made by hand, and remembering what they were told."""

from __future__ import annotations

import itertools
from typing import Any

from kvcluster.client.failure import FailureKind, Refusal
from kvcluster.client.pending import Allowance, Pending, to_delete, to_get, to_put

_numbers = itertools.count()


class Asked:
    """Operations, and what each of them was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def put(self, key: str, value: str = "", *, retry_unknown: bool = False) -> Pending:
        """A put; without a value it gets one that no other has."""
        value = value or f"value {next(_numbers)}"
        return to_put(key, value, Allowance(5.0, retry_unknown), self.told.append)

    def get(self, key: str) -> Pending:
        """A get."""
        return to_get(key, Allowance(5.0), self.told.append)

    def delete(self, key: str) -> Pending:
        """A delete."""
        return to_delete(key, Allowance(5.0), self.told.append)


def refused(name: str = "NOT_READY") -> Refusal:
    """A node said no, and wrote nothing."""
    return Refusal(FailureKind.REFUSED, "not now", nothing_written=True, name=name)


def lost() -> Refusal:
    """The connection broke."""
    return Refusal(FailureKind.BROKEN, "the connection broke", nothing_written=False)
