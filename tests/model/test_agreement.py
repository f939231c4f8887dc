"""Which settings of two nodes make them refuse each other, and which are only told."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.config import MIB, Settings, message_limit_for
from kvcluster.model.agreement import Terms, conflict, difference

OURS = Terms.of(Settings())
SILENT = Terms(
    key_limit_bytes=0, value_limit_bytes=0, message_age_limit_s=0.0, tombstone_wait_s=0.0
)


def _conflict(theirs: Terms) -> str:
    one, other = conflict("a:1", theirs, "b:2", OURS), conflict("b:2", OURS, "a:1", theirs)
    assert bool(one) is bool(other), "one of them alone would refuse"
    return one


def test_nodes_with_the_same_settings_agree() -> None:
    """As shipped, and with an older program that tells nothing."""
    for theirs in (OURS, SILENT):
        assert not _conflict(theirs)
        assert not difference("a:1", theirs, "b:2", OURS)


def test_a_node_that_forgets_deletes_while_another_takes_what_is_older_is_refused() -> None:
    """Each of the two alone is sound; together they bring deleted keys back."""
    hasty = replace(OURS, tombstone_wait_s=6.0, message_age_limit_s=3.0)
    assert _conflict(hasty) == (
        "a:1 forgets deletes after 6 s (tombstone_wait_s), which must be at least twice the 30 s"
        " that b:2 takes messages for (message_age_limit_s)"
    )
    patient = replace(OURS, message_age_limit_s=40.0, tombstone_wait_s=80.0)
    assert "b:2 forgets deletes after 60 s" in _conflict(patient)


def test_settings_that_differ_and_keep_the_rule_both_ways_are_fine() -> None:
    """So they can be changed, a node at a time."""
    assert not _conflict(replace(OURS, tombstone_wait_s=120.0))
    assert not _conflict(replace(OURS, message_age_limit_s=10.0, tombstone_wait_s=60.0))


def test_a_node_that_stores_what_another_cannot_receive_is_refused() -> None:
    """The other would never be whole again."""
    large = replace(OURS, value_limit_bytes=32 * MIB)
    assert _conflict(large) == (
        "a:1 takes values of up to 33,554,432 bytes (value_limit_bytes), and b:2 messages of up to"
        " 16,777,216"
    )


def test_limits_that_differ_and_fit_are_told() -> None:
    """A client is refused here what is taken there."""
    theirs = replace(OURS, key_limit_bytes=100, value_limit_bytes=2 * MIB)
    assert not _conflict(theirs)
    assert difference("a:1", theirs, "b:2", OURS) == (
        "a:1 takes keys of up to 100 bytes and b:2 of up to 1,024; a:1 takes values of up to"
        " 2,097,152 bytes and b:2 of up to 1,048,576"
    )


_TERMS = st.builds(
    Terms,
    key_limit_bytes=st.integers(0, 2_000),
    value_limit_bytes=st.integers(0, 64 * MIB),
    message_age_limit_s=st.floats(0, 100),
    tombstone_wait_s=st.floats(0, 100),
)


@given(_TERMS, _TERMS)
def test_both_sides_judge_alike(one: Terms, other: Terms) -> None:
    """If only one of two refused, the other would count on it for nothing."""
    assert bool(conflict("a", one, "b", other)) is bool(conflict("b", other, "a", one))
    if not conflict("a", one, "b", other) and one.value_limit_bytes and other.value_limit_bytes:
        limits = {message_limit_for(it.value_limit_bytes) for it in (one, other)}
        assert len(limits) == 1
