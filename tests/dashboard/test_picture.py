"""The field of slots: true to the shares, and never silent about what is lost."""

from __future__ import annotations

from collections import Counter

import pytest

from kvcluster.dashboard.ink import marks
from kvcluster.dashboard.picture import Fate, Slot, cells, drawn, legend, slots_of
from kvcluster.model.slots import SLOTS, placement_of
from tests.view.views import NAMES, A, B, C

from demo_pb2 import Configuration

FIVE = tuple(f"node-{n}:50051" for n in range(5))


def configured(members: tuple[str, ...] = NAMES, replicas: int = 2) -> Configuration:
    """A cluster."""
    return Configuration(members=members, replicas=replicas, slots=SLOTS)


def test_every_slot_has_its_primary_and_its_fate() -> None:
    """The picture would show another placement than that of the cluster."""
    placement = placement_of(NAMES, 2)
    for index, slot in enumerate(slots_of(configured(), {A})):
        homes = placement.replicas(index)
        assert slot.primary == homes[0]
        if homes[0] == A:
            assert slot.fate is Fate.WELL
        else:
            assert slot.fate is (Fate.AWAY if A in homes else Fate.LOST)


@pytest.mark.parametrize("count", [64, 256, 512, 4096])
def test_the_picture_is_true_to_the_shares(count: int) -> None:
    """A node with a few slots more than others would seem to have everything."""
    all_slots = slots_of(configured(FIVE), set(FIVE))
    shown = Counter(cell.primary for cell in cells(all_slots, count))
    for name, slots in Counter(slot.primary for slot in all_slots).items():
        assert abs(shown[name] - slots * count / SLOTS) <= 3


def test_a_cell_is_true_to_one_of_its_slots() -> None:
    """A cell would show a node that has nothing there."""
    all_slots = slots_of(configured(FIVE), set(FIVE[:2]))
    for index, cell in enumerate(cells(all_slots, 512)):
        assert cell in all_slots[index * 8 : index * 8 + 8]


def test_a_lost_slot_is_seen_among_many_that_are_well() -> None:
    """One slot without a replica would vanish in a cell of sixty-four."""
    all_slots = [Slot(A, Fate.WELL)] * SLOTS
    all_slots[1000] = Slot(B, Fate.LOST)
    found = cells(all_slots, 64)
    assert [index for index, cell in enumerate(found) if cell.fate is Fate.LOST] == [1000 // 64]


def test_each_fate_has_a_sign_of_its_own() -> None:
    """Without colours, a slot whose primary is away would look like one that is well."""
    away = legend(slots_of(configured(), {A, B}), marks(NAMES), 16).plain
    lost = legend(slots_of(configured(replicas=1), {A, B}), marks(NAMES), 16).plain
    assert "▒ primary away 1," in away
    assert "×" not in away
    assert "× no replica 1," in lost
    rows = "".join(row.plain for row in drawn(slots_of(configured(), {A}), 64, 4, marks(NAMES)))
    assert {"a", "▒", "×"} <= set(rows)
    assert not {"b", "c"} & set(rows)


@pytest.mark.parametrize(
    "configuration",
    [
        None,
        Configuration(),
        Configuration(members=NAMES, replicas=3, slots=8192),
    ],
)
def test_no_picture_of_what_is_not_known(configuration: Configuration | None) -> None:
    """A cluster with other slots would be drawn wrong, or end the dashboard."""
    assert slots_of(configuration, {C}) == ()


def test_more_replicas_than_nodes_are_drawn_all_the_same() -> None:
    """A node with an odd configuration would end the dashboard."""
    assert len(slots_of(configured((A,), replicas=9), {A})) == SLOTS
