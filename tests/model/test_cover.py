"""Covers: each slot is read once, from somebody who holds it and can be read."""

from __future__ import annotations

import pytest

from kvcluster.model.slots import SLOTS, Placement

FIVE = ("a:1", "b:2", "c:3", "d:4", "e:5")


@pytest.mark.parametrize(
    "readable", [FIVE, FIVE[1:], FIVE[:2], FIVE[3:4], ()], ids=lambda names: f"{len(names)} read"
)
def test_each_slot_is_read_once_from_a_replica(readable: tuple[str, ...]) -> None:
    """Twice, and a scan gives a key twice; from a stranger, and it lacks the key."""
    placement = Placement(FIVE, 3)
    cover = placement.cover("a:1", readable)
    assert set(cover.by_member) <= set(readable)
    read = [slot for slots in cover.by_member.values() for slot in slots]
    assert sorted([*read, *cover.uncovered]) == list(range(SLOTS))
    for name, slots in cover.by_member.items():
        assert slots <= placement.held(name)
    for slot in cover.uncovered:
        assert not set(placement.replicas(slot)) & set(readable)


def test_a_member_reads_what_it_holds_from_itself() -> None:
    """Anything else would be a call for nothing."""
    placement = Placement(FIVE, 3)
    assert placement.cover("b:2", FIVE).by_member["b:2"] == placement.held("b:2")
    everywhere = Placement(FIVE, 5)
    assert everywhere.cover("b:2", FIVE).by_member == {"b:2": frozenset(range(SLOTS))}
