"""Each planted bug is found: a simulator that finds nothing proves nothing.

One seed is known that finds each; if the code has changed so much that it does not any more, the
first few hundred are tried. That its history holds without the bug is shown by `test_sim.py`.
"""

from __future__ import annotations

import pytest

from tests.sim.planted import PLANTED
from tests.sim.run import play, prepared, search
from tests.sim.test_sim import SEEDS

FOUND_BY = {
    "acknowledge before fsync": 0,
    "forget to sync the folder": 0,
    "rename the json before its versions": 24,
    "delete segments before the checkpoint stands": 8,
    "drop tombstones when digests agree": 1,
    "drop tombstones by age": 5,
    "apply an older version": 1,
    "serve while syncing": 3,
    "forget the notes at a restart": 7,
    "answer a pull without counting the puller": 7,
    "execute what waited while stopped": 88,
    "reuse a version after a restart": 3,
    "send an old captured entry late": 68,
    "note nobody who missed a write": 3,
    "let the first write of a batch stand": 1,
    "scan what may be old": 3,
}
_WITHIN = 500


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bug_is_found(bug: str) -> None:
    """A history that holds without the bug breaks with it."""
    seed = FOUND_BY[bug]
    assert seed in SEEDS, "else nothing shows that its history holds"
    with prepared():
        found = play(seed, bug=bug)
        if not found.broken:
            others = search(bug, range(_WITHIN))
            assert others is not None, f"not found in {_WITHIN} seeds"
