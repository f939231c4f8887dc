"""The journal on a bad disk: full, broken or cancelled, and nobody is left waiting."""

from __future__ import annotations

import asyncio
import errno
import threading
from pathlib import Path

import pytest

from kvcluster.config import KIB
from kvcluster.errors import DiskFailed, DiskIsFull, OutcomeUnknown
from kvcluster.storage.journal import Journal
from tests.storage.journal_bench import FIRST, SECOND, Bench, bench
from tests.storage.life import Ack, until
from tests.storage.virtual_loop import run


def test_a_disk_that_fills_up_fails_the_group_as_unknown_and_leaves_no_torn_frame() -> None:
    """Then writes are refused before anything is sent, until there is room again."""

    async def scenario() -> None:
        async with bench() as one:
            await one.write("before")
            whole = one.disk.files()[FIRST]
            one.disk.capacity = len(whole) + 20
            for ack in [one.write("a", value="x" * 100), one.write("b")]:
                with pytest.raises(OutcomeUnknown, match="filled up"):
                    await ack
            assert one.disk.files()[FIRST] == whole
            assert one.applied == ["before"]
            assert one.journal.full
            with pytest.raises(DiskIsFull):
                one.journal.refuse_if_full()
            await asyncio.sleep(1)
            with pytest.raises(DiskIsFull):
                one.journal.refuse_if_full()
            assert one.disk.files()[FIRST] == whole, "a probe leaves nothing behind"

            one.disk.capacity = None
            await until(lambda: not refused(one.journal))
            await one.write("after")
            assert one.frames() == [["before"], ["after"]]
            assert one.applied == ["before", "after"]

    run(scenario())


def refused(journal: Journal) -> bool:
    """Whether a write would be refused now."""
    try:
        journal.refuse_if_full()
    except DiskIsFull:
        return True
    return False


async def fill_up(one: Bench) -> None:
    """Let a large write fail, for want of room."""
    one.disk.capacity = 10 * KIB
    with pytest.raises(OutcomeUnknown):
        await one.write("k", value="x" * 128 * KIB)


def test_a_full_disk_is_probed_now_and_then_not_at_each_request() -> None:
    """A thousand refused requests within a moment cost nothing; four probes a second do."""

    async def scenario() -> None:
        async with bench() as one:
            await fill_up(one)
            tried = one.disk.count("append")
            for _ in range(1000):
                assert refused(one.journal)
                await asyncio.sleep(0.0001)
            assert one.disk.count("append") == tried
            await asyncio.sleep(10)
            assert 30 <= one.disk.count("append") - tried <= 42

    run(scenario())


def test_room_is_found_while_nobody_writes() -> None:
    """Who has made room must see that it helped, and not have to write to find out."""

    async def scenario() -> None:
        async with bench() as one:
            await fill_up(one)
            await asyncio.sleep(1)
            assert one.journal.full
            one.disk.capacity = None
            await until(lambda: not one.journal.full)
            probed = one.disk.count("append")
            await asyncio.sleep(10)
            assert one.disk.count("append") == probed, "and then there is no need to look"

    run(scenario())


def test_room_is_found_when_what_failed_has_room() -> None:
    """A probe that is content with less lets a large write fail again and again, each time with an
    unknown outcome where it could have been refused.
    """

    async def scenario() -> None:
        async with bench() as one:
            one.disk.capacity = 100 * KIB
            with pytest.raises(OutcomeUnknown):
                await one.write("k", value="x" * 200 * KIB)
            await asyncio.sleep(1)
            assert one.journal.full
            one.disk.capacity = 250 * KIB
            await until(lambda: not one.journal.full)
            await one.write("k", value="x" * 200 * KIB)
            with pytest.raises(OutcomeUnknown):
                await one.write("l", value="x" * 100 * KIB)
            one.disk.capacity = 320 * KIB
            await until(lambda: not one.journal.full)

    run(scenario())


@pytest.mark.parametrize("method", ["append", "sync"])
def test_a_broken_disk_ends_the_journal_and_tells_everyone(method: str) -> None:
    """EIO is final: no second sync, nothing applied, and no waiter is left waiting."""

    async def scenario() -> None:
        one = Bench()
        await one.write("before")
        one.disk.fail(method, errno.EIO)
        syncs = one.disk.count("sync")
        in_flight, rotation = one.write("in flight"), one.journal.rotate()
        late: list[Ack] = []

        def arrive(called: str, _: Path) -> None:
            if called == "append" and not late:
                late.append(one.write("late"))

        one.disk.after = arrive
        with pytest.raises(DiskFailed, match="Input/output"):
            await one.running
        for ack in [in_flight, *late, one.write("too late")]:
            with pytest.raises(OutcomeUnknown, match="Input/output"):
                await ack
        for future in (rotation, one.journal.rotate()):
            with pytest.raises(DiskFailed, match="Input/output"):
                await future
        assert one.applied == ["before"]
        assert one.disk.count("sync") == syncs + (method == "sync")

    run(scenario())


def test_a_cut_that_fails_after_a_full_disk_is_final() -> None:
    """A torn frame that cannot be cut off would stand before good ones: damage."""

    async def scenario() -> None:
        one = Bench()
        one.disk.capacity = 10
        one.disk.fail("cut", errno.EIO)
        ack = one.write("k")
        with pytest.raises(DiskFailed, match="torn frame"):
            await one.running
        with pytest.raises(OutcomeUnknown):
            await ack

    run(scenario())


def test_nobody_is_told_off_for_errors_that_no_waiter_looked_at() -> None:
    """Waiters that left before the disk broke cause no "exception was never retrieved"."""

    async def scenario() -> None:
        one = Bench()
        one.disk.fail("sync", errno.EIO)
        one.write("nobody waits")
        one.journal.rotate()
        with pytest.raises(DiskFailed):
            await one.running
        one.write("nor here")

    run(scenario())  # run() fails if anything complained


def test_a_rotation_without_room_fails_and_the_old_segment_goes_on() -> None:
    """ENOSPC at the creation of a file is the checkpoint's trouble, not the writers'."""

    async def scenario() -> None:
        async with bench() as one:
            one.disk.fail("create", errno.ENOSPC)
            with pytest.raises(OSError, match="No space"):
                await one.journal.rotate()
            await one.write("a")
            assert one.frames(FIRST) == [["a"]]
            assert await one.journal.rotate() == 2
            await one.write("b")
            assert one.frames(SECOND) == [["b"]]

    run(scenario())


def test_a_new_segment_whose_folder_cannot_be_synced_is_final() -> None:
    """Its name may never be durable, and a second try would prove nothing."""

    async def scenario() -> None:
        one = Bench()
        one.disk.fail("sync_folder", errno.EIO)
        rotation = one.journal.rotate()
        with pytest.raises(DiskFailed, match="folder"):
            await one.running
        with pytest.raises(DiskFailed):
            await rotation

    run(scenario())


@pytest.mark.parametrize("stuck_at", ["append", "sync"])
async def test_a_cancelled_journal_leaves_nobody_waiting(stuck_at: str) -> None:
    """Teardown while the disk works, with real threads: all waiters are told, no file is hurt."""
    reached, go_on = threading.Event(), threading.Event()
    one = Bench()

    def hang(method: str, _: Path) -> None:
        if method == stuck_at:
            reached.set()
            assert go_on.wait(30)

    one.disk.after = hang
    acks = [one.write("in flight")]
    await until(reached.is_set)
    acks.append(one.write("waiting"))
    rotation = one.journal.rotate()
    one.running.cancel()
    threading.Timer(0.01, go_on.set).start()
    with pytest.raises(asyncio.CancelledError):
        await one.running
    for ack in acks:
        with pytest.raises(OutcomeUnknown):
            await ack
    with pytest.raises(DiskFailed):
        await rotation
    assert one.applied == []


def test_a_cancel_in_the_middle_of_a_rotation_closes_each_file_once() -> None:
    """Whichever segment is current then, it is open, and is closed at the end."""

    async def scenario(steps: int) -> None:
        one = Bench()
        one.journal.rotate()
        for _ in range(steps):
            await asyncio.sleep(0)
        one.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one.running

    for steps in range(6):
        run(scenario(steps))
