"""Bugs planted into what nodes do with each other."""

from __future__ import annotations

import contextlib
from typing import Any, cast
from unittest.mock import patch

from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.peers import Peers
from kvcluster.cluster.peers.timekeeper import Timekeeper
from kvcluster.cluster.repair.anti_entropy import AntiEntropy
from kvcluster.cluster.requests.scans import Scans
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.cluster.writing.replication import Copy
from kvcluster.cluster.writing.rounds import Rounds
from kvcluster.model.batch_writes import BatchWrites
from kvcluster.model.clock import HybridClock
from kvcluster.model.hints import Hints
from kvcluster.model.readiness import Status
from kvcluster.model.slots import Cover
from kvcluster.model.tombstones import Tombstones
from kvcluster.storage.store import Store
from kvcluster.storage.table import to_message
from tests.sim.planting import planted, replace


@planted(found_by=3)
def drop_tombstones_when_digests_agree(stack: contextlib.ExitStack) -> None:
    """Equal to one peer is taken for known to all."""
    compare = AntiEntropy._compare

    async def compare_and_drop(self: Any, name: str, slots: Any, *rest: Any, **more: Any) -> Any:
        different = set(await compare(self, name, slots, *rest, **more))
        for slot in set(slots) - different:
            for key, version in self._store.table.buried(slot):
                self._store.write([], [], [to_message(key, (None, version))])
        return sorted(different)

    replace(stack, AntiEntropy, "_compare", compare_and_drop)


@planted(found_by=6)
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

    replace(stack, Tombstones, "look", look)


@planted(found_by=3)
def serve_while_syncing(stack: contextlib.ExitStack) -> None:
    """A node that knows it is behind answers all the same."""

    def readable(self: Any) -> bool:
        return self._status in (Status.SERVING, Status.SYNCING) and not self._overdue

    replace(stack, Gate, "readable", property(readable))


@planted(found_by=6)
def forget_the_hints_at_a_restart(stack: contextlib.ExitStack) -> None:
    """Who missed writes is known until the process ends."""
    opened = Store.open

    def open_and_forget(self: Any, stamp: str) -> Any:
        found = opened(self, stamp)
        found.hints.clear()
        return found

    replace(stack, Store, "open", open_and_forget)


@planted(found_by=3)
def answer_a_pull_without_counting_the_puller(stack: contextlib.ExitStack) -> None:
    """What is written while a peer pulls is neither sent to it nor hinted any more."""

    def confirm(self: Any, peer: str, mark: int) -> bool:
        hint = self._hints[peer]
        hint.since, hint.count = None, 0
        return True

    replace(stack, Peers, "pulls", lambda self, name: None)
    replace(stack, Hints, "confirm", confirm)


@planted(
    pinned_by="cluster/test_blocks.py::"
    "test_a_peer_of_an_older_version_is_not_counted_for_a_block_that_it_ignored"
)
def count_who_ignored_a_block(stack: contextlib.ExitStack) -> None:
    """An answer is an answer: a peer that knows of no blocks is taken for one that holds it."""
    replace(stack, Copy, "was_understood", lambda self, answer: True)


@planted(found_by=89)
def execute_what_waited_while_stopped(stack: contextlib.ExitStack) -> None:
    """A frozen node goes on where it stood."""
    replace(stack, Gate, "_overdue", False)
    replace(stack, Rounds, "refuse_waiting", lambda self, why: None)
    replace(stack, Timekeeper, "are_stale", lambda self, entries: False)


@planted(found_by=0)
def reuse_a_version_after_a_restart(stack: contextlib.ExitStack) -> None:
    """The clock starts from the wall's time, in every life as the same writer."""

    def clock(incarnation: int, time: int = 0) -> HybridClock:
        return HybridClock(1, 0)

    stack.enter_context(patch("kvcluster.node.HybridClock", clock))


@planted(found_by=31)
def send_an_old_captured_entry_late(stack: contextlib.ExitStack) -> None:
    """A message is taken however long a network held it back."""
    accept = Timekeeper.accept

    def accept_any(self: Any, sender: str, time: int, *, stale_is_fine: bool = False) -> None:
        accept(self, sender, time, stale_is_fine=True)

    replace(stack, Timekeeper, "accept", accept_any)
    replace(stack, Timekeeper, "are_stale", lambda self, entries: False)


@planted(found_by=1)
def leave_no_hint_of_who_missed_a_write(stack: contextlib.ExitStack) -> None:
    """A replica that failed is left to be found by anti-entropy."""
    replace(stack, Hinting, "missed", lambda self, missed: [])


@planted(found_by=2)
def let_the_first_write_of_a_batch_stand(stack: contextlib.ExitStack) -> None:
    """A put that a later one of the same batch replaces is what is written."""

    def first(self: Any) -> dict[str, Any]:
        return {key: writes[0] for key, writes in self._writes.items()}

    replace(stack, BatchWrites, "last", property(first))


@planted(pinned_by="cluster/test_scans.py::test_a_node_that_is_behind_reads_from_one_that_is_not")
def scan_what_may_be_old(stack: contextlib.ExitStack) -> None:
    """A scan reads from any node that lives, whether it may answer reads or not."""

    def cover(self: Any, avoid: set[str]) -> Cover:
        alive = {peer.name for peer in self._peers if peer.alive} | {self._membership.name}
        return cast("Cover", self._membership.cover(alive - avoid))

    async def page(self: Any, name: str, slots: Any, course: Any, deadline_s: float) -> Any:
        if name != self._membership.name:
            return await ask(self, name, slots, course, deadline_s)
        return self._cut(course.next_page(self._settings.scan_page_keys), slots)

    ask = Scans._page
    replace(stack, Scans, "_cover", cover)
    replace(stack, Scans, "_page", page)
