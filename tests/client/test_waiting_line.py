"""The waiting line: who leaves together, and that no operation overtakes another on its key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
