"""Planting bugs: what a tired person might write, put into the real code while a history is played.

If one is not found, the simulator proves little. The bugs stand in planted_*.py, by where they are.
To see how soon each is found: `make sim PLANTED=all`, or one of them by its name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True)
class Plant:
    """A bug. A history finds it, or a test of its own pins it, or both."""

    plant: Callable[[contextlib.ExitStack], None]
    found_by: int | None
    """A seed whose history holds without it and breaks with it: the first from 0 on, or one near
    that which takes less time; none if there was none among some hundred. It moves with each
    change of the code: `make sim PLANTED=stale FIRST=0` tells which have, and new ones."""
    pinned_by: str
    """The test that fails with it: "cluster/test_x.py::test_y"."""

    @property
    def is_soon_found(self) -> bool:
        """Whether it is found by one of the first seeds, and so in a moment, whatever changes."""
        return self.found_by is not None and self.found_by < _SOON


_SOON = 20

PLANTED: dict[str, Plant] = {}


def planted(
    *, found_by: int | None = None, pinned_by: str = ""
) -> Callable[[Callable[[contextlib.ExitStack], None]], Callable[[contextlib.ExitStack], None]]:
    """Put a bug on the list, under its function's name."""

    def register(
        plant: Callable[[contextlib.ExitStack], None],
    ) -> Callable[[contextlib.ExitStack], None]:
        name = plant.__name__.replace("_", " ")
        assert name not in PLANTED
        PLANTED[name] = Plant(plant, found_by, pinned_by)
        return plant

    return register


@contextlib.contextmanager
def switched_on(name: str) -> Iterator[None]:
    """Play with a bug (no bug: an empty name)."""
    with contextlib.ExitStack() as stack:
        if name:
            PLANTED[name].plant(stack)
        yield


def replace(stack: contextlib.ExitStack, owner: Any, name: str, new: Any) -> None:
    """Put something else in the place of a method or a value, until the stack is unwound."""
    stack.enter_context(patch.object(owner, name, new))
