"""Conditions and lives: what a program says of a write beside its key and its value.

A condition is given as one of three arguments, `if_absent`, `if_version`, `if_value`, and travels
as a `Condition`; a life is given in seconds, and travels in milliseconds. What cannot be meant is
refused here, before anybody is asked: two conditions at once, a version that is none, a time to
live of nothing.

A value that is asked for is made into a text as one that is put is (values.py): it must be the same
to the last byte, and both come from the same program.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from kvcluster.client.answers import Held, Version, milliseconds_of, moment
from kvcluster.client.given import shortened
from kvcluster.client.pending import FOR_EVER, Lifespan
from kvcluster.client.values import Given, Value
from kvcluster.errors import BadRequest, ConditionFailed
from kvcluster.model.entry import is_version
from kvcluster.model.expiry import LEAST_LIFE_MS, MOST_LIFE_MS

from demo_pb2 import Condition


class There(Protocol):
    """What is under a key: the answer to a Get, or a Mismatch."""

    @property
    def found(self) -> bool:
        """Whether the key has a value."""

    @property
    def value(self) -> str:
        """As it is stored; empty when not found."""

    @property
    def version(self) -> bytes:
        """Of the value, or of the delete if one is known."""

    @property
    def expires_ms(self) -> int:
        """In milliseconds since 1970; 0: never."""


def condition_given(
    stored: Callable[[object], str],
    if_absent: object = False,
    if_version: bytes | None = None,
    if_value: Given | None = None,
) -> Condition | None:
    """The one that is meant; None: none is. `stored`: makes a text of a value.

    Raises BadRequest.
    """
    if not isinstance(if_absent, bool):
        raise BadRequest(f"if_absent is True or False, not {shortened(if_absent)}")
    given = [if_absent, if_version is not None, if_value is not None]
    if sum(given) > 1:
        raise BadRequest("if_absent, if_version and if_value are conditions: give one of them")
    if if_absent:
        return Condition(absent=True)
    if if_version is not None:
        return Condition(version=_checked_version(if_version))
    return None if if_value is None else Condition(value=stored(if_value))


def _checked_version(version: object) -> bytes:
    if isinstance(version, bytes) and is_version(version):
        return bytes(version)
    advice = "; Version.fromhex makes one of digits" if isinstance(version, str) else ""
    raise BadRequest(
        "if_version is a version, 12 bytes, as read() and put() give it,"
        f" not {shortened(version)}{advice}"
    )


def life_given(ttl_s: object, expires_at: object = None) -> Lifespan:
    """How long a key lives that is to live so many seconds, or until then; None: for ever.

    Raises BadRequest.
    """
    if expires_at is not None:
        if ttl_s is not None:
            raise BadRequest("ttl_s and expires_at both say when a key expires: give one of them")
        return Lifespan(expires_ms=_checked_time(expires_at))
    if ttl_s is None:
        return FOR_EVER
    if isinstance(ttl_s, bool) or not isinstance(ttl_s, int | float) or math.isnan(ttl_s):
        raise BadRequest(f"a time to live is a number of seconds, not {shortened(ttl_s)}")
    if not LEAST_LIFE_MS <= ttl_s * 1000 <= MOST_LIFE_MS:
        raise BadRequest(f"the time to live {ttl_s:g} s is out of range: 1 second to 10 years")
    return Lifespan(ttl_ms=round(ttl_s * 1000))


def _checked_time(time: object) -> int:
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise BadRequest(
            f"expires_at is a datetime with a time zone, in UTC say, not {shortened(time)}"
        )
    expires_ms = milliseconds_of(time)
    if expires_ms <= 0:
        raise BadRequest(f"the time {time.isoformat()} at which a key is to expire is long over")
    return expires_ms


def unchanged(there: There) -> Condition:
    """The condition that what is under the key is what was there, or was guessed to be."""
    if not there.found:
        return Condition(absent=True)
    known = bool(there.version)
    return Condition(version=there.version) if known else Condition(value=there.value)


def holds(condition: Condition | None, there: There) -> bool:
    """Whether a condition that a program has given holds where this is under the key."""
    match condition.WhichOneof("holds") if condition is not None else None:
        case "absent":
            return not there.found
        case "version":
            return there.found and there.version == condition.version  # type: ignore[union-attr]
        case "value":
            return there.found and there.value == condition.value  # type: ignore[union-attr]
        case _:
            return True


def held(there: There, form: Callable[[str], Value]) -> Held:
    """What is under a key that is there. `form`: makes a value of the text that is stored."""
    return Held(form(there.value), Version(there.version), moment(there.expires_ms))


def failed(there: There, form: Callable[[str], Value]) -> ConditionFailed:
    """What is raised for a condition that did not hold."""
    version, expires_at = Version(there.version), moment(there.expires_ms)
    is_there = f"has the version {version}" if there.found else "is not there"
    if expires_at is not None:
        is_there += f" and expires at {expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return ConditionFailed(
        f"the condition does not hold, and nothing was written: the key {is_there}",
        found=there.found,
        value=form(there.value) if there.found else None,
        version=version,
        expires_at=expires_at,
    )
