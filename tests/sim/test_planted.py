"""Each planted bug is found: a simulator that finds nothing proves nothing.

One seed is known that finds each; if it does not any more, because the code has changed or the
Python is another, the first few hundred are tried. That its history holds without the bug is shown
by `test_sim.py`.
"""

from __future__ import annotations

import pytest

from tests.sim.planted import PLANTED
from tests.sim.run import find, prepared

_LONG_SEARCH_S = 600


@pytest.mark.timeout(_LONG_SEARCH_S)
@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bug_is_found(bug: str) -> None:
    """A history that holds without the bug breaks with it."""
    with prepared():
        assert find(bug) is not None, "in none of some hundred seeds"
