"""Bugs planted into the journal, the checkpoint and the table."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from unittest.mock import patch

from kvcluster.model.entry import Verdict
from kvcluster.storage.checkpoint import Checkpointer
from kvcluster.storage.checkpoint_files import Output, remove_older
from kvcluster.storage.journal import Journal
from kvcluster.storage.recovery import _Replay
from kvcluster.storage.segment import Segment
from kvcluster.storage.store import Store
from tests.sim.planting import planted, replace
from tests.storage.fake_disk import FakeDisk

from demo_pb2 import Entry


@planted(found_by=0)
def acknowledge_before_fsync(stack: contextlib.ExitStack) -> None:
    """Frames are written and applied, and synced by the next rotation."""
    append = Segment.append
    replace(stack, Segment, "append", lambda self, frame, sync: append(self, frame, sync=False))


@planted(found_by=0)
def forget_to_sync_the_folder(stack: contextlib.ExitStack) -> None:
    """A file's bytes are safe, its name is not."""
    replace(stack, FakeDisk, "sync_folder", lambda self, folder: None)


@planted(
    pinned_by="storage/test_crash.py::"
    "test_a_crash_after_any_operation_of_a_first_start_and_checkpoints_under_writes"
)
def rename_the_json_before_its_versions(stack: contextlib.ExitStack) -> None:
    """A kill in between leaves a JSON that no versions belong to."""

    def install(self: Any) -> None:
        for path in (self._json_path, self._versions_path):
            self._disk.replace(path.with_name(path.name + ".tmp"), path)
            self._disk.sync_folder(path.parent)

    replace(stack, Output, "install", install)


@planted(found_by=8)
def delete_segments_before_the_checkpoint_stands(stack: contextlib.ExitStack) -> None:
    """The frames are gone before the files that hold what they say are there."""
    write = Checkpointer._write

    async def remove_and_write(self: Any, segment: int, calm: bool) -> None:
        remove_older(self._disk, self._folder, segment)
        await write(self, segment, calm)

    replace(stack, Checkpointer, "_write", remove_and_write)


@planted(pinned_by="storage/test_block.py::test_a_block_is_replayed_whole")
def replay_no_blocks(stack: contextlib.ExitStack) -> None:
    """A start takes the entries of a frame, as it did before there were blocks."""
    apply = _Replay._apply

    def apply_all_but_blocks(self: Any, frame: Any) -> None:
        frame.ClearField("blocks")
        apply(self, frame)

    replace(stack, _Replay, "_apply", apply_all_but_blocks)


@planted(
    pinned_by="storage/test_journal.py::test_a_rotation_waits_until_all_older_frames_are_applied"
)
def rotate_before_what_waits_is_written(stack: contextlib.ExitStack) -> None:
    """Frames that a checkpoint takes for older than itself stand behind it, or are not applied."""

    next_one = Journal._next

    def rotate_first(self: Any) -> None:
        self._rotating.extend(self._rotations)
        self._rotations.clear()
        if self._rotating:
            self._hand_over(self._next_segment, self._rotated)
        else:
            next_one(self)

    replace(stack, Journal, "_next", rotate_first)


@planted(found_by=0)
def apply_long_after_the_frame_is_written(stack: contextlib.ExitStack) -> None:
    """A checkpoint that begins in between copies a table that lacks what is in older segments."""

    def apply_late(self: Any, group: Any, drops: Any) -> None:
        def later() -> None:
            for part in group.slices:
                self._apply(part)
            self._drop(drops)

        asyncio.get_running_loop().call_later(0.05, later)
        group.verdicts += [Verdict.NEWER] * len(group)
        self.committed += 1
        self._settle(group)

    replace(stack, Journal, "_apply_some", apply_late)


@planted(found_by=2)
def leave_a_torn_frame_on_a_full_disk(stack: contextlib.ExitStack) -> None:
    """What follows it is behind something that nobody can read."""
    replace(stack, Segment, "_cut", lambda self: None)


@planted(
    pinned_by="storage/test_crash.py::"
    "test_a_power_cut_after_a_kill_takes_back_nothing_that_was_seen"
)
def serve_what_was_read_and_never_synced(stack: contextlib.ExitStack) -> None:
    """A start believes what it sees, though a power cut may still take it."""
    mend = _Replay._mend

    def mend_if_torn(self: Any, segment: Any, *, last: bool) -> None:
        if segment.damaged or segment.scanned.torn:
            mend(self, segment, last=last)

    replace(stack, _Replay, "_mend", mend_if_torn)


@planted(found_by=1)
def apply_an_older_version(stack: contextlib.ExitStack) -> None:
    """The last to arrive wins."""

    def judge(entry: Any, held: Any) -> Verdict:
        return Verdict.SAME if entry == held else Verdict.NEWER

    stack.enter_context(patch("kvcluster.storage.table.judge", judge))


@planted(found_by=1)
def lose_puts_of_keys_that_were_deleted_once(stack: contextlib.ExitStack) -> None:
    """Four seconds after it was acknowledged such a put is dropped like a tombstone, everywhere."""
    apply = Store._apply

    def apply_and_lose(self: Any, entries: Any) -> Any:
        deleted = vars(self).setdefault("_once_deleted", set())
        for entry in entries:
            if entry.deleted:
                deleted.add(entry.key)
            elif entry.key in deleted:
                doomed = Entry(key=entry.key, version=entry.version)
                asyncio.get_running_loop().call_later(4.0, self.write, [], [], [doomed])
        return apply(self, entries)

    replace(stack, Store, "_apply", apply_and_lose)
