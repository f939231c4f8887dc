"""Decisions: operations on one key in one step, as if each had had it to itself."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.condition import Condition
from kvcluster.model.decision import NOTHING, Content, decide
from kvcluster.model.entry import make_version
from kvcluster.model.operation import Kind, Operation

HELD = Content("a", make_version(5, 1))
CONDITIONS = [
    None,
    Condition.none(),
    Condition.absent(),
    Condition.exists(),
    Condition.value("a"),
    Condition.value("b"),
    Condition.version(make_version(5, 1)),
    Condition.version(make_version(4, 1)),
]
OPERATIONS = [
    Operation(kind, "k", value if kind is Kind.PUT else "", condition)
    for kind, value, condition in itertools.product(Kind, "ab", CONDITIONS)
    if kind is not Kind.GET
] + [Operation(Kind.GET, "k", linearizable=True)]


@given(st.lists(st.sampled_from(OPERATIONS), max_size=6), st.sampled_from([NOTHING, HELD]))
def test_together_they_leave_what_one_by_one_they_would(
    operations: list[Operation], held: Content
) -> None:
    """Each sees what the one before left; only the last write has the ballot."""
    versions = [make_version(10 + at, 7) for at in range(len(operations))]
    decision = decide(operations, held, versions)
    value, ballots = held.value, list[bytes]()
    for operation, ruling in zip(operations, decision.rulings, strict=True):
        assert ruling.seen.value == value
        condition = operation.condition
        fits = condition is None or condition.holds(ruling.seen.entry)
        assert ruling.mismatched == (operation.writes and not fits)
        assert ruling.depends == bool(ballots)
        if operation.writes and fits:
            value = operation.made_of(None)
            assert ruling.version
            ballots.append(ruling.version)
        else:
            assert ruling.version is None
    assert decision.left.value == value
    assert decision.writes == bool(ballots)
    assert ballots == sorted(set(ballots))
    if ballots:
        assert ballots[-1] == versions[-1] == decision.left.version


def test_what_has_just_expired_is_not_absent_yet() -> None:
    """Or a lock has two holders while the clocks of nodes differ."""
    gone = Content(None, make_version(5, 1), expires_ms=1_000, lingers=True)
    put = Operation(Kind.PUT, "k", "new", Condition.absent())
    (ruling,) = decide([put], gone, [make_version(10, 7)]).rulings
    assert ruling.mismatched
    later = Content(None, make_version(5, 1), expires_ms=1_000)
    (ruling,) = decide([put], later, [make_version(10, 7)]).rulings
    assert not ruling.mismatched


def test_a_put_without_a_life_makes_the_key_permanent() -> None:
    """As a plain one does; and a tombstone does not expire."""
    held = Content("a", make_version(5, 1), expires_ms=1_000)
    put = Operation(Kind.PUT, "k", "b", Condition.exists())
    assert decide([put], held, [make_version(9, 7)]).left.expires_ms == 0
    put = Operation(Kind.PUT, "k", "b", Condition.exists(), expires_ms=2_000)
    delete = Operation(Kind.DELETE, "k", condition=Condition.value("b"))
    assert decide([put], held, [make_version(9, 7)]).left.expires_ms == 2_000
    both = [make_version(9, 7), make_version(10, 7)]
    assert decide([put, delete], held, both).left == Content(None, both[1])
