"""Conditions: each holds of what it names, and of nothing else."""

from __future__ import annotations

import pytest

from kvcluster.model.condition import Condition, Holds
from kvcluster.model.entry import Entry, make_version

OLD, NEW = make_version(1, 1), make_version(2, 1)
HELD: dict[str, Entry | None] = {
    "never seen": None,
    "deleted": (None, NEW),
    "v": ("v", NEW),
    "v, older": ("v", OLD),
    "empty": ("", NEW),
}
WHERE = {
    Condition.absent(): {"never seen", "deleted"},
    Condition.exists(): {"v", "v, older", "empty"},
    Condition.version(NEW): {"v", "empty"},
    Condition.value("v"): {"v", "v, older"},
    Condition.value(""): {"empty"},
    Condition.none(): set(HELD),
}


@pytest.mark.parametrize("condition", WHERE, ids=str)
def test_a_condition_holds_where_it_says(condition: Condition) -> None:
    """A tombstone's version is that of no value, and an empty value is one."""
    assert {name for name, held in HELD.items() if condition.holds(held)} == WHERE[condition]


def test_every_condition_is_among_these() -> None:
    """One that is added is tried."""
    assert {condition.what for condition in WHERE} == set(Holds)
