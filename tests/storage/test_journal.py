"""The journal: durable before applied, together where possible, and never silent about failure."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kvcluster.config import KIB, Settings
from kvcluster.errors import DiskFailed, DiskIsFull, OutcomeUnknown
from kvcluster.model.entry import Verdict, make_version
from kvcluster.storage import frames
from kvcluster.storage.journal import Journal
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import Ack, message, until
from tests.storage.virtual_loop import run

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import JournalFrame

FOLDER = Path("/data")
FIRST, SECOND = FOLDER / "journal-00000001", FOLDER / "journal-00000002"


class Bench:
    """A journal on a fake disk, and what it applied."""

    def __init__(
        self, disk: FakeDisk | None = None, *, sync: bool = True, settings: Settings | None = None
    ) -> None:
        self.disk = disk or FakeDisk()
        self.applied: list[str] = []
        self.written = 0
        self.journal = Journal(
            self.disk,
            FOLDER,
            segment=1,
            settings=settings or Settings(),
            sync=sync,
            apply=self._apply,
            clock=lambda: 77,
        )
        self.running = asyncio.create_task(self.journal.run())

    def write(self, *keys: str, value: str = "v") -> Ack:
        """Hand in one write of these keys."""
        self.written += 1
        version = make_version(self.written, 1)
        return self.journal.write([message(key, value, version) for key in keys])

    async def close(self) -> None:
        """Let the journal end."""
        self.journal.close()
        await self.running

    def frames(self, path: Path = FIRST) -> list[list[str]]:
        """The keys of each frame on disk."""
        scanned = frames.scan(self.disk.files()[path])
        assert not scanned.torn
        assert not scanned.damaged
        decoded = [JournalFrame.FromString(payload) for payload in scanned.payloads]
        return [[entry.key for entry in frame.entries] for frame in decoded]

    def _apply(self, entries: Sequence[EntryMessage]) -> list[Verdict]:
        self.applied += [entry.key for entry in entries]
        return [Verdict.NEWER for _ in entries]


@asynccontextmanager
async def bench(disk: FakeDisk | None = None, **options: object) -> AsyncIterator[Bench]:
    """A bench that is closed at the end."""
    one = Bench(disk, **options)  # type: ignore[arg-type]
    yield one
    await one.close()


def test_writers_that_come_together_share_one_frame_and_one_sync() -> None:
    """Group commit: a hundred writes, one sync, and each its own verdicts."""

    async def scenario() -> None:
        async with bench() as one:
            acks = [one.write(*[f"k{n}"] * (n % 3)) for n in range(100)]
            verdicts = await asyncio.gather(*acks)
            assert [len(verdict) for verdict in verdicts] == [n % 3 for n in range(100)]
            assert len(one.frames()) == 1
            assert one.disk.count("sync") == 1

    run(scenario())


def test_writers_that_come_during_a_sync_share_the_next() -> None:
    """What arrives while the disk works waits for nothing but the disk."""

    async def scenario() -> None:
        async with bench() as one:
            late: list[Ack] = []

            def arrive(method: str, _: Path) -> None:
                if method == "sync" and not late:
                    late.extend(one.write(f"late{n}") for n in range(5))

            one.disk.after = arrive
            await one.write("first")
            assert not any(ack.done() for ack in late)
            await asyncio.gather(*late)
            assert one.frames() == [["first"], [f"late{n}" for n in range(5)]]

    run(scenario())


def test_a_large_group_is_split_by_bytes() -> None:
    """One frame never grows past the limit, unless a single write does."""

    async def scenario() -> None:
        async with bench(settings=Settings(journal_group_bytes=1000)) as one:
            await asyncio.gather(*[one.write(f"k{n}", value="x" * 300) for n in range(7)])
            await one.write("huge", value="x" * 5000)
            assert [len(keys) for keys in one.frames()] == [3, 3, 1, 1]

    run(scenario())


@pytest.mark.parametrize("sync", [True, False])
def test_an_entry_is_applied_only_after_its_frame_is_durable(sync: bool) -> None:
    """A reader must not see what a power cut could take back."""

    async def scenario() -> None:
        async with bench(sync=sync) as one:
            last = "sync" if sync else "append"

            def look(method: str, _: Path) -> None:
                assert one.applied == []
                order.append(method)

            order: list[str] = []
            one.disk.after = look
            ack = one.write("k")
            await until(lambda: one.applied == ["k"])
            one.disk.after = None
            assert order[-1] == last
            assert ack.done()
            assert one.disk.count("sync") == sync

    run(scenario())


def test_a_waiter_that_leaves_neither_stops_the_others_nor_loses_its_write() -> None:
    """A client's deadline cancels its future; the group is written all the same."""

    async def scenario() -> None:
        async with bench() as one:
            leaver, stayer = one.write("left"), one.write("stayed")
            leaver.cancel()
            await stayer
            await one.write("next")
            assert one.applied == ["left", "stayed", "next"]
            assert one.frames() == [["left", "stayed"], ["next"]]

    run(scenario())


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


def test_a_full_disk_is_probed_now_and_then_not_at_each_request() -> None:
    """A thousand refused requests within a moment cost one probe."""

    async def scenario() -> None:
        async with bench() as one:
            one.disk.capacity = 10 * KIB
            with pytest.raises(OutcomeUnknown):
                await one.write("k", value="x" * 128 * KIB)
            tried = one.disk.count("append")
            for _ in range(1000):
                assert refused(one.journal)
                await asyncio.sleep(0.0001)
            assert one.disk.count("append") == tried + 1

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


def test_a_rotation_waits_until_all_older_frames_are_applied() -> None:
    """What a checkpoint copies after it must hold everything that older segments hold."""

    async def scenario() -> None:
        async with bench() as one:
            acks = [one.write("a"), one.write("b")]
            number = await one.journal.rotate()
            assert one.applied == ["a", "b"]
            assert number == one.journal.segment == 2
            await one.write("c")
            assert one.frames(FIRST) == [["a", "b"]]
            assert one.frames(SECOND) == [["c"]]
            await asyncio.gather(*acks)

    run(scenario())


@pytest.mark.parametrize("sync", [True, False])
def test_a_segment_is_durable_before_the_next_one_exists(sync: bool) -> None:
    """Only the last segment may be torn, or a crash would look like damage."""

    async def scenario() -> None:
        async with bench(sync=sync) as one:
            await one.write("a")
            one.disk.calls.clear()
            await one.journal.rotate()
            assert one.disk.calls == [
                ("sync", FIRST),
                ("create", SECOND),
                ("sync_folder", FOLDER),
            ]

    run(scenario())


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


def test_closing_commits_what_was_handed_in() -> None:
    """A clean stop loses nothing, and whoever comes later is told at once."""

    async def scenario() -> None:
        one = Bench()
        ack = one.write("last")
        await one.close()
        assert ack.result() == [Verdict.NEWER]
        with pytest.raises(OutcomeUnknown, match="closed"):
            await one.write("too late")
        with pytest.raises(DiskFailed, match="closed"):
            await one.journal.rotate()

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
