"""Bugs planted into the journal, the checkpoint and the table."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from unittest.mock import patch

from kvcluster.model.entry import Verdict
from kvcluster.storage.checkpoint import Checkpointer
from kvcluster.storage.output import Output, remove_older
from kvcluster.storage.segment import Segment
from kvcluster.storage.store import Store
from tests.sim.planting import planted, replace
from tests.storage.fake_disk import FakeDisk

from demo_pb2 import Entry


@planted(found_by=1)
def acknowledge_before_fsync(stack: contextlib.ExitStack) -> None:
    """Frames are written and applied, and synced by the next rotation."""
    append = Segment.append
    replace(stack, Segment, "append", lambda self, frame, sync: append(self, frame, sync=False))


@planted(found_by=0)
def forget_to_sync_the_folder(stack: contextlib.ExitStack) -> None:
    """A file's bytes are safe, its name is not."""
    replace(stack, FakeDisk, "sync_folder", lambda self, folder: None)


@planted(found_by=24)
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
