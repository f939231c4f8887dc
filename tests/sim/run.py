"""Playing many seeds: the same real code, without what only costs time here.

Garbage is collected between histories and not in them, where its moment would depend on what was
played before.
"""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Collection, Iterator
from unittest.mock import patch

from tests.sim.broken import MISWRITTEN
from tests.sim.history import History, Result
from tests.sim.planted import PLANTED, switched_on

_WITHIN = 500
_MISWRITTEN = tuple(f"{kind.__name__}: " for kind in MISWRITTEN)


class _NoCollector:
    """Stands in for the module gc."""

    @staticmethod
    def collect(generation: int = 2) -> int:
        """Do nothing."""
        return generation * 0

    @staticmethod
    def isenabled() -> bool:
        """It is not: a simulation has switched it off."""
        return False

    @staticmethod
    def disable() -> None:
        """Do nothing."""

    @staticmethod
    def freeze() -> None:
        """Do nothing."""


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """Make this process ready to play histories."""
    log = logging.getLogger("kvcluster")
    level, collects = log.level, gc.isenabled()
    log.setLevel(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        with (
            patch("kvcluster.storage.garbage.gc", _NoCollector),
        ):
            yield
    finally:
        gc.unfreeze()
        if collects:
            gc.enable()
        log.setLevel(level)


def play(seed: int, *, only: Collection[int] | None = None, bug: str = "") -> Result:
    """Play one seed, with all of its faults or with some, with a planted bug or without."""
    with switched_on(bug):
        result = History(seed, only).play()
    gc.collect()
    return result


def search(bug: str, seeds: Collection[int]) -> Result | None:
    """The first history that a planted bug breaks.

    Raises AssertionError if the planted bug itself does not run: it proves nothing.
    """
    for seed in seeds:
        result = play(seed, bug=bug)
        assert not result.broken.startswith(_MISWRITTEN), f"{bug}: {result.broken}"
        if result.broken:
            return result
    return None


def is_stale(bug: str) -> bool:
    """Whether a bug that one of the first seeds finds is not found by the one known for it."""
    plant = PLANTED[bug]
    return plant.is_soon_found and search(bug, [plant.found_by or 0]) is None


def find(bug: str) -> Result | None:
    """A history that a planted bug breaks: that of the seed known for it, or else the first.

    What becomes of a seed hangs on the code: one is known for the code of some day, and no more.
    """
    known = PLANTED[bug].found_by
    return search(bug, range(_WITHIN) if known is None else [known, *range(_WITHIN)])
