"""Errors and answers cross processes: a pool of workers hands them back pickled."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime, timezone

import pytest

from kvcluster import (
    BadRequest,
    ConditionFailed,
    Deleted,
    Held,
    Incomplete,
    KvError,
    NothingWritten,
    OutcomeUnknown,
    SomeFailed,
    Stored,
    Unavailable,
    Version,
)
from kvcluster.client.failure import CallFailed, FailureKind

NOON = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
ERRORS = [
    KvError("why"),
    NothingWritten("why"),
    BadRequest("why"),
    Unavailable("why"),
    OutcomeUnknown("why"),
    ConditionFailed("why", found=True, value=b"1", version=Version(bytes(12)), expires_at=NOON),
    Incomplete(3, ("a:1", "b:1")),
    SomeFailed(1, 2, {"k": Unavailable("why")}),
    SomeFailed(1, 2, {"k": Unavailable("why")}, 1),
    CallFailed(FailureKind.BROKEN, "why", nothing_written=True),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda it: type(it).__name__)
def test_an_error_is_the_same_in_another_process(error: KvError) -> None:
    """One whose arguments do not fit its class breaks the pool, and nobody learns what it said."""
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert repr(vars(again)) == repr(vars(error))


@pytest.mark.parametrize(
    "answer",
    [
        Stored(Version(bytes(12)), 3, 2, "a:1"),
        Deleted(True, Version(bytes(12)), 3, 2, "a:1"),
        Held(b"1", Version(bytes(12)), NOON),
    ],
)
def test_an_answer_is_the_same_in_another_process(answer: Stored | Deleted | Held) -> None:
    """It is a plain value."""
    again = pickle.loads(pickle.dumps(answer))
    assert repr(again) == repr(answer)
    assert again == answer
