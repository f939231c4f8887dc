"""Bugs planted into when keys expire, and into what is left of them."""

from __future__ import annotations

import contextlib
from typing import Any
from unittest.mock import patch

from kvcluster.cluster.peers.timekeeper import Timekeeper
from kvcluster.cluster.requests.scan_pages import cut_scan_page
from kvcluster.cluster.writing.replica import Receiver
from kvcluster.model.batch_writes import BatchWrites
from kvcluster.model.clock import COUNTER_BITS
from kvcluster.model.entry import is_tombstone, judge, version_of
from kvcluster.model.slots import slot_of
from kvcluster.model.wheel import Wheel
from kvcluster.storage.lives import Lives
from kvcluster.storage.recovery import _Replay
from kvcluster.storage.table import Table, to_message
from tests.sim.planting import planted, replace

_CONFIRMED = (
    "cluster/test_expiring.py::test_a_tombstone_is_confirmed_and_dropped_only_after_its_time"
)


@planted(pinned_by=_CONFIRMED)
def confirm_what_is_still_shown_here(stack: contextlib.ExitStack) -> None:
    """The primary says that it has expired, and who is asked has it in that version."""
    replace(stack, Receiver, "_not_buried", lambda self, entries: [])


@planted(pinned_by=_CONFIRMED)
def drop_what_has_not_expired_here(stack: contextlib.ExitStack) -> None:
    """The primary says that all have confirmed it."""

    def is_buried(self: Any, key: str, version: bytes) -> bool:
        held = self.get(key)
        expires = bool(self.expires_ms(key))
        return held is not None and held[1] == version and (expires or is_tombstone(held))

    replace(stack, Table, "is_buried", is_buried)


@planted(
    found_by=84, pinned_by="cluster/test_expiring.py::test_one_mad_clock_of_three_changes_nothing"
)
def let_keys_expire_by_the_hybrid_clock(stack: contextlib.ExitStack) -> None:
    """It follows whoever is furthest ahead."""

    def hybrid_ms(self: Any) -> int:
        now: int = self._clock.now(self.wall_ms())
        return now >> COUNTER_BITS

    replace(stack, Timekeeper, "town_ms", hybrid_ms)


@planted(pinned_by="cluster/test_expiring.py::test_one_mad_clock_of_three_changes_nothing")
def let_keys_expire_by_the_own_clock(stack: contextlib.ExitStack) -> None:
    """Nobody else is asked what time it is."""
    replace(stack, Timekeeper, "town_ms", Timekeeper.wall_ms)


@planted(found_by=3)
def lose_expiries_in_the_journal(stack: contextlib.ExitStack) -> None:
    """A start takes keys and values from it, and versions."""
    apply = _Replay._apply

    def apply_without(self: Any, frame: Any) -> None:
        for entry in frame.entries:
            entry.ClearField("expires_ms")
        apply(self, frame)

    replace(stack, _Replay, "_apply", apply_without)


@planted(found_by=3)
def lose_expiries_in_the_versions_file(stack: contextlib.ExitStack) -> None:
    """They are written, and nobody reads them."""
    stack.enter_context(patch("kvcluster.storage.versions._expiries", lambda pieces: {}))


@planted(found_by=3)
def lose_expiries_in_pulls(stack: contextlib.ExitStack) -> None:
    """What is fetched from a peer comes without."""
    replace(stack, Table, "message", lambda self, key, entry: to_message(key, entry))


@planted(
    found_by=34,
    pinned_by="cluster/test_expiring.py::test_a_write_that_is_renewed_keeps_its_expiry",
)
def lose_the_expiry_of_a_renewed_write(stack: contextlib.ExitStack) -> None:
    """It takes a newer version, and is permanent."""
    renew = BatchWrites.renew

    def renew_without(self: Any, key: str) -> Any:
        self._expiries[key] = [0] * len(self._expiries[key])
        return renew(self, key)

    replace(stack, BatchWrites, "renew", renew_without)


@planted(found_by=33)
def count_the_life_of_a_renewed_write_anew(stack: contextlib.ExitStack) -> None:
    """A put on its way for long, of a value that its client has given up, lives for longer."""
    renew = BatchWrites.renew

    def renew_anew(self: Any, key: str) -> Any:
        self._expiries[key] = [ms and ms + 2_000 for ms in self._expiries[key]]
        return renew(self, key)

    replace(stack, BatchWrites, "renew", renew_anew)


class _Raw:
    """A table in which nobody looks whether a key has expired."""

    def __init__(self, table: Table) -> None:
        self.keys = table.keys
        self._table = table

    def get(self, key: str) -> Any:
        """What is held."""
        return self._table.slot(slot_of(key)).get(key)

    def expires_ms(self, key: str) -> int:
        """When it expires."""
        return self._table.expires_ms(key)


@planted(found_by=9)
def scan_what_has_expired(stack: contextlib.ExitStack) -> None:
    """The index has the key, and the sweep will see to that."""

    def cut(table: Table, *arguments: Any) -> Any:
        raw: Any = _Raw(table)
        return cut_scan_page(raw, *arguments)

    stack.enter_context(patch("kvcluster.cluster.requests.scans.cut_scan_page", cut))


@planted(found_by=0)
def forget_to_sweep_a_key_that_was_touched(stack: contextlib.ExitStack) -> None:
    """It is taken out of the wheel with its old time, and not put in with the new one."""
    add, remove = Wheel.add, Wheel.remove
    touched = set[str]()

    def add_once(self: Any, key: str, expires_ms: int) -> None:
        if key not in touched:
            add(self, key, expires_ms)

    def remove_for_ever(self: Any, key: str, expires_ms: int) -> None:
        if key not in touched:
            remove(self, key, expires_ms)
        touched.add(key)

    replace(stack, Wheel, "add", add_once)
    replace(stack, Wheel, "remove", remove_for_ever)


@planted(
    pinned_by="storage/test_lives.py::test_a_tombstone_before_its_time_is_none_to_lean_on",
)
def keep_for_ever_what_went_too_early(stack: contextlib.ExitStack) -> None:
    """Equal versions are the same, whoever has a value."""

    def judge_versions(new: Any, held: Any, now_ms: int) -> Any:
        same = version_of(new.entry) == version_of(held.entry)
        return judge(held.entry if same else new.entry, held.entry)

    stack.enter_context(patch("kvcluster.storage.table.judge_lives", judge_versions))


@planted(
    pinned_by="storage/test_lives.py::"
    "test_a_table_with_expiries_is_what_it_should_be_after_each_step",
)
def let_go_of_a_value_that_a_condition_sees(stack: contextlib.ExitStack) -> None:
    """The lock's next holder begins before the last one has stopped."""
    stack.enter_context(patch("kvcluster.storage.lives.LINGER_MS", 0))


@planted(
    found_by=0,
    pinned_by="storage/test_lives.py::test_a_put_without_a_life_takes_the_expiry_away",
)
def keep_the_expiry_of_what_was_overwritten(stack: contextlib.ExitStack) -> None:
    """A put that says nothing about it leaves it as it is."""
    replace_life = Lives.replace

    def replace_and_keep(self: Any, key: str, before: Any, after: Any, expires_ms: int) -> None:
        kept = self.expiries.get(key, 0) if after is not None else 0
        replace_life(self, key, before, after, expires_ms or kept)

    replace(stack, Lives, "replace", replace_and_keep)
