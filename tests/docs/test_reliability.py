"""What docs/reliability.md lists is what the simulator has."""

from __future__ import annotations

import re

from tests.docs.markdown import ROOT
from tests.docs.prose import section, tables
from tests.sim.planted import PLANTED

_RELIABILITY = ROOT / "docs" / "reliability.md"
_SEED = re.compile(r" \(\d+\)$")


def test_every_planted_bug_is_told_by_its_name() -> None:
    """A person types what stands there behind `make sim PLANTED=`."""
    text = section(_RELIABILITY, "Bugs that it must find")
    table = tables(text)[0]
    told = [_SEED.sub("", name) for row in table[2:] for name in row[1].split("; ")]
    assert sorted(told) == sorted(PLANTED)
    assert f"Each of these {len(PLANTED)} is planted" in text
