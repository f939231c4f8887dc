"""The table: counts that stay right, and entries that the garbage collector does not see."""

from __future__ import annotations

import gc
import random

from kvcluster.model.entry import ZERO, Entry, Verdict, make_version
from kvcluster.storage.table import Table


def test_counts_stay_right_whatever_replaces_what() -> None:
    """Values over tombstones, tombstones over values, old over new: live and dead add up."""
    table, rng = Table(), random.Random(1)
    twin: dict[str, Entry] = {}
    for _ in range(5_000):
        key = str(rng.randrange(50))
        value = None if rng.random() < 0.4 else str(rng.random())
        entry: Entry = (value, make_version(rng.randrange(1_000), rng.randrange(1_000)))
        if table.apply(key, entry).stores:
            twin[key] = entry
    assert dict(table.items()) == twin
    assert table.live == sum(value is not None for value, _ in twin.values())
    assert table.tombstones == sum(value is None for value, _ in twin.values())
    assert len(table) == len(twin)


def test_conflict_of_two_nodes_is_an_alarm_and_of_two_people_is_not() -> None:
    """One version with two values means damage, unless both were written by hand."""
    table, version = Table(), make_version(1, 1)
    table.apply("k", ("a", version))
    assert table.apply("k", ("b", version)) is Verdict.CONFLICT_WON
    assert table.conflicts == 1
    table.apply("hand", ("a", ZERO))
    assert table.apply("hand", ("b", ZERO)) is Verdict.CONFLICT_WON
    assert table.conflicts == 1


def test_overwriting_leaves_nothing_for_the_garbage_collector_to_find_later() -> None:
    """Each overwrite frees one tuple for each it makes, so the collector would not come by itself:

    it would find them all at once, much later, and stop the node for as long as that takes.
    """
    table = Table()
    try:
        for turn in range(2):
            for number in range(30_000):
                table.apply(str(number), ("v", make_version(turn, number)))
            if turn == 0:
                table.freeze()  # as after loading
        young = sum(type(each) is tuple for each in gc.get_objects(generation=0))
    finally:
        gc.unfreeze()
    assert young < 5_000
