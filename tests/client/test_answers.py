"""What a write answers: plain values that a program can print, keep and compare."""

from __future__ import annotations

import json

import pytest

from kvcluster import Client, Deleted, Stored, Version
from tests.client.fake_node import FakeCluster

OLDER, NEWER = Version(bytes(11) + b"\x01"), Version(b"\x01" + bytes(11))


def test_a_version_prints_as_digits_that_give_it_back() -> None:
    """Logs, files and other programs have it as text."""
    assert str(OLDER) == f"{OLDER}" == OLDER.hex() == "000000000000000000000001"
    assert repr(OLDER) == "Version.fromhex('000000000000000000000001')"
    assert Version.fromhex(str(OLDER)) == OLDER
    assert type(Version.fromhex(str(OLDER))) is Version


def test_versions_compare_by_age_as_bytes_and_as_digits() -> None:
    """Of two the larger is the newer, whatever form a program keeps them in."""
    assert OLDER < NEWER
    assert str(OLDER) < str(NEWER)
    assert max([NEWER, OLDER]) is NEWER
    assert type(bytes(OLDER)) is bytes
    assert bytes(OLDER) == OLDER
    assert {OLDER: 1}[Version.fromhex(str(OLDER))] == 1


@pytest.mark.parametrize("digits", ["", "00", "0" * 23, "0" * 26, "x" * 24, "Hà Nội"])
def test_what_is_no_version_is_refused(digits: str) -> None:
    """One that was cut would be older than all others, or newer."""
    with pytest.raises(ValueError, match="a version is 24 hexadecimal digits, not '"):
        Version.fromhex(digits)


def test_answers_show_their_versions(cluster: FakeCluster) -> None:
    """A person who prints an answer reads it, and not escapes."""
    with Client(cluster.members) as client:
        stored = client.put("a", "1")
        deleted = client.delete("a")
    assert isinstance(stored.version, Version)
    assert f"version=Version.fromhex('{stored.version}')" in repr(stored)
    assert isinstance(deleted.version, Version)
    assert str(Version()) == ""
    assert json.dumps({"version": str(stored.version)})
    assert repr(Stored(OLDER, 3, 2, "a:1")) == (
        "Stored(version=Version.fromhex('000000000000000000000001'), replicas=3, acknowledged=2,"
        " served_by='a:1')"
    )
    assert Deleted(True, OLDER, 3, 3, "a:1") != Deleted(True, NEWER, 3, 3, "a:1")
