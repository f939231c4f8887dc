"""Settings: where numbers stand, and what is refused on a command line, in which words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvcluster.config import Settings
from kvcluster.errors import BadSetting
from kvcluster.server.overrides import CEILINGS, with_overrides

ROOT = Path(__file__).parents[1]
_NUMBERS = re.compile(r"[\d., ()*+/-]+")
FACTS = {
    "_PAIR_BYTES",  # by the format of a message
    "_LOOKS",  # into how many the time of a slow message is divided
    "_LITTLE",  # a share below another
    "_SUMMARY_INTERVAL_S",  # the unit of log_rate_per_s
    "_AT_ONCE",  # a slice of work
    "_QUEUE_BYTES",  # of the log, which there is before there are settings
    "_BACKLOG",  # of the audit, in lines
    "_DRAIN_S",  # of the log of a process that ends
    "_TIMEOUT_S",  # of one that does not begin
    "(_OK, _CANCELLED)",  # codes of gRPC and of a process
    "(_CANCELLED, _UNIMPLEMENTED)",
    "_MOST_DOUBLINGS",  # of a time that is a setting
    "_CLEARLY",  # in ages that are a setting
    "_PATIENCE",  # in tries of that time
    "_LINGER_S",  # of a stream that has said goodbye
    "_INTERRUPTED",
    "_STANDARD_ERROR",
    "_COLUMNS",
}
"""Numbers of a node and its process that nobody decides, or not by a setting of the node."""


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
    rooms = ("cluster", "server")
    found = [name for room in rooms for name in _numbers_in(ROOT / "kvcluster" / room)]
    assert set(found) <= FACTS


def _numbers_in(room: Path) -> Iterator[str]:
    """The names that modules give to numbers."""
    for path in room.glob("**/*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and _NUMBERS.fullmatch(ast.unparse(node.value)):
                yield from map(ast.unparse, node.targets)
