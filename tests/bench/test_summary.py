"""Ratios and goals as they come out of results."""

from __future__ import annotations

import pytest

from bench.cases import BY_NAME, CASES, OURS, Goal, is_met
from bench.report.results import Document
from bench.report.summary import Line, changes, doubts, goals, lines
from tests.bench.made_up import FACTS, made_up


def _line(results: Document, case: str, row: str) -> Line:
    (found,) = [line for line in lines(results, BY_NAME[case]) if line.row == row]
    return found


def test_ours_comes_first_and_is_compared_with_nobody() -> None:
    """Whoever reads a table looks for it there."""
    first, second = lines(made_up("puts-64", etcd=[10], ours=[20]), BY_NAME["puts-64"])
    assert (first.row, first.ratio) == (OURS, None)
    assert second.ratio is not None
    assert second.ratio.median == 2.0


def test_a_ratio_is_the_median_of_ratios() -> None:
    """A machine that was slow in one round was slow for both."""
    line = _line(made_up("puts-64", ours=[20, 2, 30], etcd=[10, 1, 10]), "puts-64", "etcd")
    assert line.ratio is not None
    assert (line.ratio.median, line.ratio.low, line.ratio.high) == (2.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("case", "ours", "etcd", "met"),
    [("puts-64", 25, 10, True), ("puts-64", 24, 10, False), ("put-one", 1.6, 1, True)],
)
def test_a_goal_is_met_from_its_factor_on(case: str, ours: float, etcd: float, met: bool) -> None:
    """More is better for rates, less for times."""
    ((_, line),) = goals(made_up(case, ours=[ours], etcd=[etcd]))
    assert line.goal is not None
    assert line.reached is not None
    assert is_met(line.goal, BY_NAME[case], line.reached) is met


def test_a_goal_without_a_rival_is_about_our_own_figure() -> None:
    """Memory a key is what it is."""
    ((case, line),) = goals(made_up("memory", ours=[280], etcd=[600]))
    assert (case.name, line.row, line.reached) == ("memory", OURS, 280)


def test_a_goal_whose_rival_was_not_there_is_not_judged() -> None:
    """Neither met nor missed."""
    assert list(goals(made_up("puts-64", ours=[20]))) == []


def test_another_checkout_is_told_as_before_and_after() -> None:
    """With how many rounds it was better in: one lucky round is no speed-up."""
    (change,) = changes(made_up("put-one", ours=[1, 2, 3], ours_before=[2, 4, 2], etcd=[1, 1, 1]))
    assert (change.row, change.ratio.median, change.won) == ("ours@before", 0.5, 2)
    assert change.processor is not None
    assert change.processor.median == 1.0


@pytest.mark.parametrize(
    ("form", "busy", "doubted"),
    [("full form", 0.1, ""), ("short form", 0.1, "short"), ("full form", 2.0, "2.0 times")],
)
def test_a_run_that_proves_nothing_says_so(form: str, busy: float, doubted: str) -> None:
    """Its figures stand in docs until a better one replaces them."""
    why = doubts({**FACTS, "form": form, "busy": busy})
    assert doubted in why
    assert bool(doubted) == bool(why)


def test_every_goal_is_about_a_row_that_its_case_can_have() -> None:
    """A goal beside a rival whose name was changed would never be judged again."""
    rivals = {"etcd", "Redis", "bare gRPC"}
    beside = {"AsyncClient", "1,000 keys", "orjson.loads", ""}
    for case in CASES:
        assert {goal.row for goal in case.goals} <= rivals | beside, case.name
        assert all(isinstance(goal, Goal) for goal in case.goals)
