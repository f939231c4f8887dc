"""The protocol in small: with all of its rules every history is linearizable, without one not.

`python -m tests.linear.play` plays more of them.
"""

from __future__ import annotations

import pytest

from tests.linear.play import SORTS, Play, first_broken, tell
from tests.linear.rules import ALL

_HISTORIES = 150
_ENOUGH = 1500

FOUND_BY = {
    "reads_hand_over": "promises",
    "mismatch_is_chosen": "promises",
    "handing_over_respects_promises": "crashes",
    "superseded_is_not_stored": "crashes",
    "accepts_are_not_renewed": "any",
    "nothing_is_run_again": "any",
    "each_has_a_version": "any",
    "promises_wait": "any",
    "lost_disks_abstain": "lost disks",
    "old_messages_are_refused": "tombstones",
}
"""Rules whose absence shows in one of some hundred histories, and of which sort."""


@pytest.mark.parametrize("sort", SORTS)
def test_every_history_is_linearizable(sort: str) -> None:
    """A protocol that loses an update even in a model needs no implementation."""
    broken = first_broken(range(_HISTORIES), ALL, sort)
    assert broken is None, tell(broken, ALL, sort)


@pytest.mark.parametrize("rule", FOUND_BY)
def test_each_rule_is_needed(rule: str) -> None:
    """A rule that nothing misses is not understood, or the model does not reach what it is for."""
    assert first_broken(range(_ENOUGH), ALL.without(rule), FOUND_BY[rule]) is not None


def test_histories_are_dense_enough() -> None:
    """Most operations end, many conditions fail, some outcomes are unknown."""
    ended = sum((Play(seed).play().ended for seed in range(100)), Play(0).play().ended)
    assert ended["done"] > 600
    assert ended["the condition did not hold"] > 150
    assert 100 < ended["perhaps done"] < ended["done"]
