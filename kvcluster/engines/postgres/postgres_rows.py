"""Rows: what is in the table, as the rest of this project sees it.

A version is a number of a sequence, eight bytes, most significant first, and four of zeros.
"""

from __future__ import annotations

from typing import Any

from kvcluster.model.decision import NOTHING, Content
from kvcluster.model.entry import Version

_NUMBER_BYTES = 8
_REST = bytes(4)
_MOST = (1 << 63) - 1
_NO_NUMBER = -1


def version_of_number(number: int) -> Version:
    """The version of a row."""
    return Version(number.to_bytes(_NUMBER_BYTES, "big") + _REST)


def number_of(version: Version | str) -> int:
    """Which number a version is; one that no row has, if it is not one of ours."""
    assert isinstance(version, bytes)
    number = int.from_bytes(version[:_NUMBER_BYTES], "big")
    is_ours = version[_NUMBER_BYTES:] == _REST and number <= _MOST
    return number if is_ours else _NO_NUMBER


def content_of(row: Any) -> Content:
    """What a row holds. One without a value is a key without one."""
    value = row["value"]
    if value is None:
        return NOTHING
    return Content(value.decode(), version_of_number(row["version"]), row["expires_ms"])
