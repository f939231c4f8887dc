"""Each planted bug is found: a simulator that finds nothing proves nothing.

One seed is known that finds each; if the code has changed so much that it does not any more, the
first few hundred are tried. That its history holds without the bug is shown by `test_sim.py`.
"""

from __future__ import annotations

import pytest

from tests.sim.planted import PLANTED
from tests.sim.run import play, prepared, search

_WITHIN = 500


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bug_is_found(bug: str) -> None:
    """A history that holds without the bug breaks with it."""
    seed = PLANTED[bug].found_by
    with prepared():
        found = play(seed, bug=bug)
        if not found.broken:
            others = search(bug, range(_WITHIN))
            assert others is not None, f"not found in {_WITHIN} seeds"
