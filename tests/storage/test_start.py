"""Starts that cannot be: a sentence for a person, and nothing left half done."""

from __future__ import annotations

import asyncio
import errno
import random

import pytest

from kvcluster.errors import CannotStart
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import (
    FOLDER,
    PATH,
    Life,
    files_of,
    lived,
)
from tests.storage.virtual_loop import run


def test_a_lock_held_by_another_says_so_before_anything_is_read() -> None:
    """Two servers on the same files."""
    disk = FakeDisk()
    Life(disk)
    disk.calls.clear()
    with pytest.raises(CannotStart, match="in use"):
        Life(disk)
    assert disk.count("read") == 0


@pytest.mark.parametrize("method", ["read", "lock", "make_folder", "sync_folder"])
def test_files_that_cannot_be_used_are_named(method: str) -> None:
    """A clear sentence with the path and the reason."""
    disk = lived() if method == "read" else FakeDisk()
    disk.fail(method, errno.EACCES)
    with pytest.raises(CannotStart, match=r"cannot use /data.*: Permission denied"):
        Life(disk)


@pytest.mark.parametrize(
    ("method", "number"),
    [("create", errno.EACCES), ("create", errno.ENOSPC), ("sync_folder", errno.EIO)],
)
@pytest.mark.parametrize("nth", [1, 2])
def test_a_start_that_cannot_open_its_journal_or_write_its_json_ends_with_a_sentence(
    method: str, number: int, nth: int
) -> None:
    """At the first file or a later one; no task is left behind, and the next start works."""

    async def scenario() -> None:
        disk = FakeDisk()
        life = Life(disk)
        disk.fail(method, number, nth=nth)
        with pytest.raises(CannotStart):
            await life.__aenter__()
        await asyncio.gather(*life.tasks.values(), return_exceptions=True)
        assert restarts(disk.kill())

    run(scenario())


def restarts(disk: FakeDisk) -> bool:
    """Whether a start finds nothing to complain about."""
    return not Life(disk, incarnation=2).found.remarks


def test_a_new_folder_survives_a_power_cut() -> None:
    """The folder's own name is durable before anything in it is promised.

    The first checkpoint sees to it, since the JSON stands in the same folder as this name.
    """

    async def scenario(disk: FakeDisk) -> list[FakeDisk]:
        async with Life(disk) as life:
            await life.put("a", "1")
            return [disk.crash(random.Random(seed), keep=0.0) for seed in range(3)]

    killed: list[FakeDisk] = []
    fresh = FakeDisk()
    fresh.after = lambda method, _: killed.append(fresh.kill()) if method == "make_folder" else None
    starts = [FakeDisk()]
    Life(fresh)
    starts += killed  # a start that was killed before it could sync the name
    assert len(starts) == 2
    for disk in starts:
        for left in run(scenario(disk)):
            assert Life(left).data() == {"a": "1"}


def test_leftover_temporary_files_go_away() -> None:
    """A kill in the middle of a checkpoint leaves two."""
    disk = lived()
    disk.write(PATH.with_name(PATH.name + ".tmp"), b"half")
    disk.write(FOLDER / "versions-00000009.tmp", b"half")
    assert Life(disk).found.remarks == []
    assert files_of(disk, ".tmp") == []
