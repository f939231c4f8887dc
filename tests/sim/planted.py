"""Planted bugs: what a tired person might write. If one is not found, the simulator proves little.

Each replaces a few lines of the real code while a history is played. To see how soon each is
found: `make sim PLANTED=all`, or one of them by its name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, cast
from unittest.mock import patch

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.healing import Healing
from kvcluster.cluster.peers import Peers
from kvcluster.cluster.replication import Replication
from kvcluster.cluster.rounds import Rounds
from kvcluster.cluster.scans import Scans
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.model.clock import HybridClock
from kvcluster.model.drafts import Drafts
from kvcluster.model.entry import Verdict
from kvcluster.model.graves import Graves
from kvcluster.model.notes import Notes
from kvcluster.model.readiness import Status
from kvcluster.model.slots import Cover
from kvcluster.storage.checkpoint import Checkpointer
from kvcluster.storage.codec import to_message
from kvcluster.storage.output import Output, remove_older
from kvcluster.storage.segment import Segment
from kvcluster.storage.store import Store
from tests.storage.fake_disk import FakeDisk

Plant = Callable[[contextlib.ExitStack], None]
PLANTED: dict[str, Plant] = {}


def planted(plant: Plant) -> Plant:
    """Put a bug on the list, under its function's name."""
    PLANTED[plant.__name__.replace("_", " ")] = plant
    return plant


@contextlib.contextmanager
def switched_on(name: str) -> Iterator[None]:
    """Play with a bug (no bug: an empty name)."""
    with contextlib.ExitStack() as stack:
        if name:
            PLANTED[name](stack)
        yield


def _replace(stack: contextlib.ExitStack, owner: Any, name: str, new: Any) -> None:
    stack.enter_context(patch.object(owner, name, new))


@planted
def acknowledge_before_fsync(stack: contextlib.ExitStack) -> None:
    """Frames are written and applied, and synced by the next rotation."""
    append = Segment.append
    _replace(stack, Segment, "append", lambda self, frame, sync: append(self, frame, sync=False))


@planted
def forget_to_sync_the_folder(stack: contextlib.ExitStack) -> None:
    """A file's bytes are safe, its name is not."""
    _replace(stack, FakeDisk, "sync_folder", lambda self, folder: None)


@planted
def rename_the_json_before_its_versions(stack: contextlib.ExitStack) -> None:
    """A kill in between leaves a JSON that no versions belong to."""

    def install(self: Any) -> None:
        for path in (self._json_path, self._versions_path):
            self._disk.replace(path.with_name(path.name + ".tmp"), path)
            self._disk.sync_folder(path.parent)

    _replace(stack, Output, "install", install)


@planted
def delete_segments_before_the_checkpoint_stands(stack: contextlib.ExitStack) -> None:
    """The frames are gone before the files that hold what they say are there."""
    write = Checkpointer._write

    async def remove_and_write(self: Any, segment: int, calm: bool) -> None:
        remove_older(self._disk, self._folder, segment)
        await write(self, segment, calm)

    _replace(stack, Checkpointer, "_write", remove_and_write)


@planted
def drop_tombstones_when_digests_agree(stack: contextlib.ExitStack) -> None:
    """Equal to one peer is taken for known to all."""
    compare = Healing._compare

    async def compare_and_drop(self: Any, name: str, slots: Any, *rest: Any, **more: Any) -> Any:
        different = set(await compare(self, name, slots, *rest, **more))
        for slot in set(slots) - different:
            for key, version in self._store.table.buried(slot):
                self._store.write([], [], [to_message(key, (None, version))])
        return sorted(different)

    _replace(stack, Healing, "_compare", compare_and_drop)


@planted
def drop_tombstones_by_age(stack: contextlib.ExitStack) -> None:
    """Whoever was away for longer brings the key back."""

    def look(self: Any, slot: int, replicas: Any, tombstones: Any, now_s: float, work: Any) -> None:
        known, seen = self._slots.get(slot, {}), {}
        for key, version in tombstones:
            since_s = known[key][1] if key in known and known[key][0] == version else now_s
            seen[key] = (version, since_s, 0, 0, -1.0)
            if now_s - since_s > self._wait_s:
                work.add(work.forget, (key, version))
        self._slots[slot] = seen

    _replace(stack, Graves, "look", look)


@planted
def apply_an_older_version(stack: contextlib.ExitStack) -> None:
    """The last to arrive wins."""

    def judge(entry: Any, held: Any) -> Verdict:
        return Verdict.SAME if entry == held else Verdict.NEWER

    stack.enter_context(patch("kvcluster.storage.table.judge", judge))


@planted
def serve_while_syncing(stack: contextlib.ExitStack) -> None:
    """A node that knows it is behind answers all the same."""

    def readable(self: Any) -> bool:
        return self._status in (Status.SERVING, Status.SYNCING) and not self._overdue

    _replace(stack, Gate, "readable", property(readable))


@planted
def forget_the_notes_at_a_restart(stack: contextlib.ExitStack) -> None:
    """Who missed writes is known until the process ends."""
    opened = Store.open

    def open_and_forget(self: Any, stamp: str) -> Any:
        found = opened(self, stamp)
        found.notes.clear()
        return found

    _replace(stack, Store, "open", open_and_forget)


@planted
def answer_a_pull_without_counting_the_puller(stack: contextlib.ExitStack) -> None:
    """What is written while a peer pulls is neither sent to it nor noted any more."""

    def confirm(self: Any, peer: str, mark: int) -> bool:
        note = self._notes[peer]
        note.since, note.count = None, 0
        return True

    _replace(stack, Peers, "pulls", lambda self, name: None)
    _replace(stack, Notes, "confirm", confirm)


@planted
def execute_what_waited_while_stopped(stack: contextlib.ExitStack) -> None:
    """A frozen node goes on where it stood."""
    _replace(stack, Gate, "_overdue", False)
    _replace(stack, Rounds, "refuse_waiting", lambda self, why: None)
    _replace(stack, Timekeeper, "are_stale", lambda self, entries: False)


@planted
def reuse_a_version_after_a_restart(stack: contextlib.ExitStack) -> None:
    """The clock starts from the wall's time, in every life as the same writer."""

    def clock(incarnation: int, time: int = 0) -> HybridClock:
        return HybridClock(1, 0)

    stack.enter_context(patch("kvcluster.node.HybridClock", clock))


@planted
def send_an_old_captured_entry_late(stack: contextlib.ExitStack) -> None:
    """A message is taken however long a network held it back."""
    accept = Timekeeper.accept

    def accept_any(self: Any, sender: str, time: int, *, stale_is_fine: bool = False) -> None:
        accept(self, sender, time, stale_is_fine=True)

    _replace(stack, Timekeeper, "accept", accept_any)
    _replace(stack, Timekeeper, "are_stale", lambda self, entries: False)


@planted
def note_nobody_who_missed_a_write(stack: contextlib.ExitStack) -> None:
    """A replica that failed is left to be found by healing."""
    _replace(stack, Replication, "_note", lambda self, missed: [])


@planted
def let_the_first_write_of_a_batch_stand(stack: contextlib.ExitStack) -> None:
    """A put that a later one of the same batch replaces is what is written."""

    def first(self: Any) -> dict[str, Any]:
        return {key: writes[0] for key, writes in self._writes.items()}

    _replace(stack, Drafts, "last", property(first))


@planted
def scan_what_may_be_old(stack: contextlib.ExitStack) -> None:
    """A scan reads from any node that lives, whether it may answer reads or not."""

    def cover(self: Any, avoid: set[str]) -> Cover:
        alive = {peer.name for peer in self._peers if peer.alive} | {self._home.name}
        return cast("Cover", self._home.cover(alive - avoid))

    async def page(self: Any, name: str, slots: Any, course: Any, deadline_s: float) -> Any:
        if name != self._home.name:
            return await ask(self, name, slots, course, deadline_s)
        return self._cut(course.next_page(self._settings.scan_page_keys), slots)

    ask = Scans._page
    _replace(stack, Scans, "_cover", cover)
    _replace(stack, Scans, "_page", page)
