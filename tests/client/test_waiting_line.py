"""The waiting line: who leaves together, and that no operation overtakes another on its key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.client.crate import Crate, Freight
from kvcluster.client.pending import Pending
from kvcluster.client.waiting_line import BATCH_OPERATIONS, WaitingLine
from tests.client.asked import Asked


def test_all_who_wait_leave_together() -> None:
    """A thousand puts that travelled one by one would cost a thousand calls."""
    line, asked = WaitingLine(), Asked()
    operations = [asked.put(f"key {number}") for number in range(BATCH_OPERATIONS)]
    for operation in operations:
        line.join(operation)
    assert line.take() == operations
    assert line.take() == []


def test_operations_on_one_key_may_leave_together() -> None:
    """A node keeps their order; one call each would be slow for nothing."""
    line, asked = WaitingLine(), Asked()
    operations = [asked.put("a"), asked.get("a"), asked.put("a")]
    for operation in operations:
        line.join(operation)
    assert line.take() == operations


def test_a_key_on_its_way_holds_others_back() -> None:
    """A second put that left by another call could arrive first."""
    line, asked = WaitingLine(), Asked()
    first, second, other = asked.put("a"), asked.put("a"), asked.put("b")
    line.join(first)
    assert line.take() == [first]
    line.join(second)
    line.join(other)
    assert line.take() == [other]
    line.end(first)
    assert line.take() == [second]


def test_who_was_held_back_goes_before_who_came_later() -> None:
    """The held back one has waited longer, and may be the older of its key."""
    line, asked = WaitingLine(limit=2), Asked()
    first, second, third = asked.put("a"), asked.put("a"), asked.put("a")
    line.join(first)
    line.take()
    line.join(second)
    assert line.take() == []
    line.join(asked.put("b"))
    line.join(third)
    line.end(first)
    assert line.take()[0] is second


def test_a_key_is_free_when_all_its_operations_have_ended() -> None:
    """Of two that left together one may be tried again; what comes later must wait for it."""
    line, asked = WaitingLine(), Asked()
    first, second, third = asked.put("a"), asked.put("a"), asked.put("a")
    for operation in (first, second):
        line.join(operation)
    line.take()
    line.join(third)
    line.end(second)
    line.end(second)
    assert line.take() == []
    line.end(first)
    assert line.take() == [third]


def test_a_batch_has_limits() -> None:
    """A node refuses what is larger, as a whole."""
    line, asked = WaitingLine(limit=10, limit_bytes=1_000), Asked()
    small = [asked.put(f"{number}", "x" * 300) for number in range(4)]
    huge = asked.put("huge", "x" * 5_000)
    for operation in [*small, huge]:
        line.join(operation)
    assert line.take() == small[:3]
    assert line.take() == small[3:]
    assert line.take() == [huge]


def test_who_left_the_line_is_not_taken() -> None:
    """A cancelled put that was sent all the same would happen against its caller's will."""
    line, asked = WaitingLine(), Asked()
    gone, over, stays = asked.put("a"), asked.put("b"), asked.put("c")
    for operation in (gone, over, stays):
        line.join(operation)
    line.leave(gone)
    over.abandon()
    assert line.take() == [stays]


def _crate(*keys: str) -> Crate:
    crate = Crate(Freight.PUT, lambda *_: None, lambda _: [])
    for key in keys:
        crate.add(key, "1", 10, 5.0)
    return crate


def test_a_crate_leaves_alone_when_those_before_it_have() -> None:
    """It is in the line like any other."""
    line, asked = WaitingLine(), Asked()
    before, behind, crate = asked.put("a"), asked.put("b"), _crate("c", "d")
    for traveller in (before, crate, behind):
        line.join(traveller)
    assert line.first_crate is None
    assert line.take() == [before]
    assert line.first_crate is crate
    assert line.take() == []
    assert line.board(crate)
    assert line.first_crate is None
    assert line.take() == [behind]


@pytest.mark.parametrize("keys", ["ab", "bb", "c"])
def test_a_crate_does_not_leave_as_one(keys: str) -> None:
    """With a key that is on its way, or the same twice; and one alone travels as a plain call."""
    line, asked = WaitingLine(), Asked()
    first, crate = asked.put("a"), _crate(*keys)
    line.join(first)
    line.take()
    line.join(crate)
    assert not line.board(crate)
    unpacked, last = [asked.put(key) for key in keys], asked.put("e")
    line.join(last)
    line.unpack(crate, unpacked)
    held_back = [it for it in unpacked if it.key == "a"]
    assert line.take() == [*(it for it in unpacked if it.key != "a"), last]
    line.end(first)
    assert line.take() == held_back


def test_a_crate_on_its_way_holds_its_keys() -> None:
    """A single put that left meanwhile could arrive first."""
    line, asked = WaitingLine(), Asked()
    crate, put, other = _crate("a", "b"), asked.put("b"), _crate("b", "c")
    line.join(crate)
    assert line.board(crate)
    line.join(put)
    assert line.take() == []
    line.join(other)
    assert not line.board(other)
    line.land(crate)
    assert line.take() == [put]


def test_a_crate_is_closed_once_somebody_stands_behind_it() -> None:
    """What would be put in then would come before who came first."""
    line, asked = WaitingLine(), Asked()
    crate = _crate("a", "b")
    line.join(crate)
    assert not crate.closed
    line.join(asked.put("c"))
    assert crate.closed


@given(st.lists(st.sampled_from(["put a", "put b", "put c", "take", "end"]), max_size=60))
def test_order_per_key_holds_whatever_happens(steps: list[str]) -> None:
    """However joining, leaving and ending mix, a key's operations leave in the order they came."""
    line, asked = WaitingLine(limit=2), Asked()
    came: dict[str, list[Pending]] = {"a": [], "b": [], "c": []}
    left: dict[str, list[Pending]] = {"a": [], "b": [], "c": []}
    travelling: list[list[Pending]] = []

    def take() -> None:
        if batch := line.take():
            others = {operation.key for parcel in travelling for operation in parcel}
            assert not others & {operation.key for operation in batch}
            travelling.append(batch)
            for operation in batch:
                left[operation.key].append(operation)

    def end(parcel: list[Pending]) -> None:
        for operation in parcel:
            line.end(operation)

    for step in steps:
        if step == "take":
            take()
        elif step == "end" and travelling:
            end(travelling.pop())
        elif step.startswith("put"):
            operation = asked.put(step[-1])
            came[operation.key].append(operation)
            line.join(operation)
    for _ in range(2 * len(steps)):
        take()
        if travelling:
            end(travelling.pop())
    assert left == came
