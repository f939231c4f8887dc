"""Bugs planted where disks are lost, damaged, swapped or full, but hints and deletes must stay."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from kvcluster.cluster.repair import pages, pulls
from kvcluster.cluster.repair.pulls import Pulls
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.cluster.writing.replication import Replication
from kvcluster.model.entry import ZERO
from kvcluster.model.readiness import Readiness
from kvcluster.model.tombstones import Tombstones
from kvcluster.storage.store import Store
from tests.sim.planting import planted, replace


@planted(
    found_by=1,
    pinned_by="cluster/test_lost_disks.py"
    "::test_a_delete_stays_when_the_disks_that_hold_it_are_replaced",
)
def make_a_node_whole_without_tombstones(stack: contextlib.ExitStack) -> None:
    """It gets what is live, and takes a deleted value for news from who missed the delete."""
    since = pages.since

    def live_only(version: Any, equal: Any) -> Callable[[int, str, Any], bool]:
        wanted = since(version, equal)
        if version != ZERO:
            return wanted
        return lambda slot, key, entry: entry[0] is not None and wanted(slot, key, entry)

    replace(stack, pulls, "since", live_only)


@planted(pinned_by="model/test_tombstones.py::test_a_replica_in_a_new_life_confirms_anew")
def count_confirmations_of_former_lives(stack: contextlib.ExitStack) -> None:
    """A replica that confirmed a tombstone holds it, whatever became of its disk."""
    replace(stack, Tombstones, "meet", lambda self, name, life: self._lives.update({name: life}))


@planted(pinned_by="model/test_tombstones.py::test_no_drop_begins_while_a_replica_cannot_be_heard")
def begin_a_drop_without_everybody(stack: contextlib.ExitStack) -> None:
    """A replica that cannot be heard has confirmed, and that is enough."""
    let_go = Tombstones._let_go

    def let_go_at_once(self: Any, tombstone: Any, others: Any, dropped: int, work: Any) -> None:
        work.absent = frozenset()
        let_go(self, tombstone, others, dropped, work)

    replace(stack, Tombstones, "_let_go", let_go_at_once)


@planted(
    pinned_by="cluster/test_lost_disks.py"
    "::test_a_node_that_was_away_is_told_by_those_who_lost_their_disks"
)
def forget_with_the_disk_who_missed_what(stack: contextlib.ExitStack) -> None:
    """A node that is made whole gets the data of the others, and not their hints."""
    replace(stack, Hinting, "for_others", lambda self, sender, oldest: [])


@planted(
    pinned_by="cluster/test_lost_disks.py"
    "::test_a_debt_is_not_paid_by_a_life_that_has_lost_what_is_owed"
)
def pay_a_debt_from_an_empty_disk(stack: contextlib.ExitStack) -> None:
    """Who lost its data says that there is nothing more to fetch."""
    init = Pulls.__init__

    def unaware(self: Any, *parts: Any, **more: Any) -> None:
        init(self, *parts, **more)
        self._gate = SimpleNamespace(to_repair=list, whole=True)

    replace(stack, Pulls, "__init__", unaware)


@planted(
    pinned_by="model/test_readiness.py"
    "::test_a_debt_to_a_peer_that_went_away_is_owed_again_when_it_is_back"
)
def forget_what_is_owed_to_those_who_went_away(stack: contextlib.ExitStack) -> None:
    """Its hint stands on its disk, if that is still there."""
    set_aside = Readiness._set_aside

    def forget(self: Any, peer: str) -> None:
        self._owed.pop(peer, None)
        set_aside(self, peer)

    replace(stack, Readiness, "_set_aside", forget)


@planted(
    found_by=274,
    pinned_by="cluster/test_hints_on_disk.py"
    "::test_note_that_met_a_full_disk_is_written_with_the_next_write",
)
def write_a_hint_once(stack: contextlib.ExitStack) -> None:
    """What memory says of a hint is taken for what the disk says."""
    missed_by = Hinting.missed

    def note_news(self: Any, missed: Any) -> Any:
        known = {name: self.hints.since(name) for name in missed}
        return [each for each in missed_by(self, missed) if each.since != known[each.peer]]

    replace(stack, Hinting, "missed", note_news)


class _Unread(list[Any]):
    """Whatever is put in is never looked at."""

    def append(self, _: Any) -> None:
        """Do nothing."""


@planted(
    found_by=4,
    pinned_by="cluster/test_hints_on_disk.py"
    "::test_write_whose_hint_found_no_room_is_not_acknowledged",
)
def acknowledge_without_a_hint(stack: contextlib.ExitStack) -> None:
    """That the hint for a replica that failed found no room is nobody's concern."""
    see_through = Replication.see_through

    async def see_through_and_forget(self: Any, packed: Any, *rest: Any) -> Any:
        packed.keeping = _Unread()
        return await see_through(self, packed, *rest)

    replace(stack, Replication, "see_through", see_through_and_forget)


@planted(
    pinned_by="storage/test_recovery.py::test_the_files_of_another_node_are_not_taken_for_whole"
)
def take_the_files_of_another_for_ones_own(stack: contextlib.ExitStack) -> None:
    """A folder is known by where it lies."""
    take = Store._take_for_our_own

    def believe(self: Any, found: Any) -> None:
        found.node = self._node
        take(self, found)

    replace(stack, Store, "_take_for_our_own", believe)
