"""The journal on a good disk: durable before applied, and together where possible."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kvcluster.config import Settings
from kvcluster.errors import DiskFailed, OutcomeUnknown
from kvcluster.model.entry import Verdict
from tests.storage.journal_bench import FIRST, FOLDER, SECOND, Bench, bench
from tests.storage.life import Ack, until
from tests.storage.virtual_loop import run


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


def test_drops_count_as_bytes_of_a_group() -> None:
    """A write of nothing but a thousand tombstones to forget fills a frame as entries do."""

    async def scenario() -> None:
        async with bench(settings=Settings(journal_group_bytes=1000)) as one:
            await asyncio.gather(*[one.drop(f"{n}" * 300) for n in range(7)])
            assert [len(keys) for keys in one.frames()] == [3, 3, 1]

    run(scenario())


def test_a_frame_drops_after_it_applied_whoever_came_first() -> None:
    """A drop names a version, so it harms no entry of its group; and a replay does the same."""

    async def scenario() -> None:
        async with bench() as one:
            acks = [one.drop("a"), one.write("a"), one.drop("b", "c"), one.write("c")]
            assert [len(verdicts) for verdicts in await asyncio.gather(*acks)] == [0, 1, 0, 1]
            assert one.frames() == [["a", "c", "-a", "-b", "-c"]]
            assert one.applied == one.frames()[0]

    run(scenario())


def test_a_drop_alone_is_a_frame_that_a_checkpoint_has_to_take() -> None:
    """Or a node that only forgets would keep its tombstones in the versions file for ever."""

    async def scenario() -> None:
        async with bench() as one:
            await one.write("a")
            await one.drop("a")
            assert one.frames() == [["a"], ["-a"]]
            assert one.journal.committed == 2
            await one.journal.write([])
            assert one.journal.committed == 2, "a barrier changes nothing"

    run(scenario())


@pytest.mark.parametrize("sync", [True, False])
def test_an_entry_is_dropped_only_after_its_frame_is_durable(sync: bool) -> None:
    """Who answers that it has forgotten must not know of it again after a power cut."""

    async def scenario() -> None:
        async with bench(sync=sync) as one:
            seen: list[tuple[str, int]] = []
            one.disk.after = lambda method, _: seen.append((method, len(one.applied)))
            ack = one.drop("k")
            await until(ack.done)
            one.disk.after = None
            assert seen == [("append", 0), ("sync", 0)][: 1 + sync]
            assert one.applied == ["-k"]

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


def test_others_are_served_while_a_huge_group_is_applied() -> None:
    """It is not counted as committed, and no rotation happens, before all of it is applied."""

    async def scenario() -> None:
        async with bench() as one:
            ack, rotation = one.write(*["k"] * 10_000), one.journal.rotate()
            seen: set[int] = set()
            while not ack.done():
                seen.add(len(one.applied))
                assert one.journal.committed == 0
                assert not rotation.done()
                await asyncio.sleep(0)
            assert len(seen) > 5
            assert len(ack.result()) == len(one.applied) == 10_000
            assert one.journal.committed == 1
            await rotation

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


def test_a_rotation_waits_until_all_older_frames_are_applied() -> None:
    """What a checkpoint copies after it must hold everything that older segments hold."""

    async def scenario() -> None:
        async with bench() as one:
            acks = [one.write("a"), one.write("b")]
            number = await one.journal.rotate()
            assert one.applied == ["a", "b"]
            assert number == 2
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
