"""Each planted bug is found: a simulator that finds nothing proves nothing.

Here stand those that one of the first seeds finds. One is known for each, the same on every Python;
if it does not any more, because the code has changed, others are tried. That their histories hold
without the bug is shown by `test_sim.py`. `make sim PLANTED=all` looks for all of them, and some
are pinned by tests of their own.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.sim.planted import PLANTED, switched_on
from tests.sim.run import find, prepared

_LONG_SEARCH_S = 600


@pytest.mark.timeout(_LONG_SEARCH_S)
@pytest.mark.parametrize("bug", [name for name, plant in PLANTED.items() if plant.is_soon_found])
def test_planted_bug_is_found(bug: str) -> None:
    """A history that holds without the bug breaks with it."""
    with prepared():
        found = find(bug)
    assert found is not None, "in none of some hundred seeds"
    if found.seed != PLANTED[bug].found_by:  # which is right, and costs a search each time
        told = f"found by seed {found.seed} now: see make sim PLANTED=stale FIRST=0"
        warnings.warn(told, stacklevel=1)


@pytest.mark.parametrize("bug", PLANTED)
def test_every_bug_can_be_planted(bug: str) -> None:
    """One whose place in the code is gone would be looked for in vain, for hours."""
    with switched_on(bug):
        pass


@pytest.mark.parametrize("bug", [name for name, plant in PLANTED.items() if plant.pinned_by])
def test_tests_that_pin_planted_bugs_are_there(bug: str) -> None:
    """They are named as pytest names them."""
    file, _, test = PLANTED[bug].pinned_by.partition("::")
    assert f"def {test}(" in (Path(__file__).parents[1] / file).read_text()
