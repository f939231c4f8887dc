"""Settings: where numbers stand, and what is refused on a command line, in which words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvcluster.config import CEILINGS, Settings
from kvcluster.errors import BadSetting
from kvcluster.server.overrides import with_overrides

ROOT = Path(__file__).parents[1]
FACTS = {"_PAIR_BYTES"}
"""Numbers of a node's parts that nobody decides."""


@pytest.mark.parametrize(("name", "most"), CEILINGS.items())
def test_limit_over_what_peers_take_is_refused(name: str, most: int) -> None:
    """A node that allowed its clients more would acknowledge what no other node would keep."""
    with pytest.raises(BadSetting, match=f"{name} may be at most {most}, got '{most + 1}'"):
        with_overrides(Settings(), [f"{name}={most + 1}"])


@pytest.mark.parametrize("name", ["key_limit_bytes", "value_limit_bytes"])
def test_limit_that_peers_just_take_is_taken(name: str) -> None:
    """Whatever got in somewhere can be read where the limits are this high."""
    assert getattr(with_overrides(Settings(), [f"{name}={CEILINGS[name]}"]), name) == CEILINGS[name]


def test_numbers_that_decide_are_settings() -> None:
    """One in a module can be turned by nobody, and is found by nobody who looks for it."""
    places = [*ROOT.glob("kvcluster/cluster/**/*.py"), *ROOT.glob("kvcluster/server/metrics/*.py")]
    assert places
    for path in [*places, ROOT / "kvcluster" / "server" / "listening.py"]:
        assert set(_numbers_in(path)) <= FACTS, path


def _numbers_in(path: Path) -> Iterator[str]:
    """The names that a module gives to numbers."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign):
            value = ast.unparse(node.value)
            if value.replace("_", "").replace(".", "").isdecimal():
                yield from map(ast.unparse, node.targets)
