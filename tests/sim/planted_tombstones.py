"""Bugs planted into the long way of a tombstone to where it may be forgotten."""

from __future__ import annotations

import contextlib
from typing import Any

from kvcluster.cluster.repair.holding import Holding
from kvcluster.model.tombstones import Tombstones
from kvcluster.storage.digests import Digests
from kvcluster.storage.table import Table
from tests.sim.planting import planted, replace


@planted(
    pinned_by="model/test_tombstones.py::test_a_newer_tombstone_of_the_key_starts_anew",
)
def count_confirmations_of_an_older_tombstone(stack: contextlib.ExitStack) -> None:
    """A key that was deleted twice has one grave."""
    look = Tombstones.look

    def look_at_keys(self: Any, slot: int, replicas: Any, tombstones: Any, *rest: Any) -> None:
        tombstones, graves = list(tombstones), self._slots.get(slot, {})
        for key, version in tombstones:
            if key in graves:
                graves[key] = (version, *graves[key][1:])
        look(self, slot, replicas, tombstones, *rest)

    replace(stack, Tombstones, "look", look_at_keys)


@planted(pinned_by="model/test_tombstones.py::test_the_primary_forgets_last")
def let_the_primary_forget_first(stack: contextlib.ExitStack) -> None:
    """Nobody is left who would see to it that all others drop it, too."""
    let_go = Tombstones._let_go

    def forget_and_let_go(self: Any, tombstone: Any, *rest: Any) -> None:
        let_go(self, tombstone, *rest)
        work = rest[-1]
        if tombstone not in work.forget:
            work.add(work.forget, tombstone)

    replace(stack, Tombstones, "_let_go", forget_and_let_go)


@planted(
    pinned_by="cluster/test_anti_entropy.py::"
    "test_write_captured_before_a_delete_cannot_land_after_the_drop"
)
def wait_for_nothing_before_a_drop(stack: contextlib.ExitStack) -> None:
    """Everybody holds it, so it may go; whatever is still on its way."""
    init = Tombstones.__init__
    replace(stack, Tombstones, "__init__", lambda self, name, wait_s: init(self, name, 0.0))


@planted(found_by=23)
def drop_whatever_the_version(stack: contextlib.ExitStack) -> None:
    """The key is asked for, and what is there goes, be it newer."""

    def drop(self: Any, key: str, version: bytes) -> bool:
        held = self.get(key)
        if held is None:
            return False
        self._forget(key, held)
        return True

    replace(stack, Table, "drop", drop)


@planted(
    pinned_by="storage/test_digests.py::"
    "test_dropping_a_tombstone_changes_no_digest_and_dropping_a_value_does"
)
def drop_without_a_new_digest(stack: contextlib.ExitStack) -> None:
    """The slot is taken for unchanged."""
    replace_entry = Digests.replace

    def replace_if_stored(self: Any, slot: int, key: int, before: Any, after: Any) -> None:
        if after is not None:
            replace_entry(self, slot, key, before, after)

    replace(stack, Digests, "replace", replace_if_stored)


@planted(
    pinned_by="storage/test_digests.py::"
    "test_an_entry_that_is_delivered_twice_does_not_cancel_itself_out"
)
def leave_the_old_entry_in_the_digest(stack: contextlib.ExitStack) -> None:
    """The new one is put in, and what it replaces is not taken out."""
    replace_entry = Digests.replace

    def put_in(self: Any, slot: int, key: int, before: Any, after: Any) -> None:
        replace_entry(self, slot, key, None if after else before, after)

    replace(stack, Digests, "replace", put_in)


@planted(
    pinned_by="cluster/test_anti_entropy.py::"
    "test_digest_that_damage_has_spoilt_is_made_anew_where_it_differs"
)
def believe_a_digest_that_differs(stack: contextlib.ExitStack) -> None:
    """It is not read again, so slots differ for ever that hold the same."""
    replace(stack, Digests, "doubt", lambda self, slots: None)


@planted(
    pinned_by="cluster/test_anti_entropy.py::"
    "test_tombstone_that_was_replaced_while_others_were_waited_for_is_not_handed_on"
)
def hand_on_what_a_round_saw_before(stack: contextlib.ExitStack) -> None:
    """A tombstone that was replaced, or dropped, while a round waited for somebody silent."""
    replace(stack, Holding, "_still_held", lambda self, tombstones: tombstones)
