"""Small histories by chance, right ones and wrong ones, to hold the checker against its slow twin.

Drawn blindly nearly all would be wrong, in ways that any checker sees. So most come from a register
that really is one: operations of a few clients overlap, each takes effect at a moment between its
begin and its end, some are unknown, some versions grow alone. Then, in half of them, one thing is
changed: a moment, a value, a version, an ending.
"""

from __future__ import annotations

import random

from kvcluster.model.condition import Condition
from kvcluster.model.entry import Entry, Version, make_version
from kvcluster.model.operation import Kind
from tests.linear.tried import FOREVER, Ended, Shown, Tried

_VALUES = ("a", "b")
_NO_VERSION = Version(b"")


def version(number: int) -> Version:
    """One of few versions."""
    return make_version(number, 0)


def draw(rng: random.Random, most: int = 8) -> list[Tried]:
    """A history of so many operations at most."""
    history = _Drawn(rng).history(rng.randint(2, most))
    for _ in range(rng.choice([0, 1, 2, 4])):
        _spoil(rng, history)
    return history


class _Drawn:
    """A register, and what clients do with it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._held: Entry | None = None
        self._unknown = rng.choice([0.1, 0.4, 0.7])
        self._versions = iter(range(1, 100))

    def history(self, count: int) -> list[Tried]:
        """Operations in the order in which they take effect; how they overlap is by chance."""
        rng = self._rng
        spread = rng.choice([0, 15, 60])
        moments = [100 * place for place in range(1, count + 1)]
        history = []
        for moment in moments:
            began = moment - rng.randint(1, 40 + 4 * spread)
            ended = moment + rng.randint(1, 40 + 4 * spread)
            history.append(self._one(began, ended))
        return _in_a_row(history)

    def _one(self, began: int, ended: int) -> Tried:
        rng = self._rng
        if rng.random() < 0.15 and self._held is not None:
            self._held = (self._held[0], version(next(self._versions)))
        kind = rng.choice([Kind.PUT, Kind.PUT, Kind.GET, Kind.DELETE])
        tried = Tried(kind, began, value=rng.choice(_VALUES), ended=ended, how=Ended.DONE)
        if kind is Kind.GET:
            tried.shown = self._shown()
            return tried
        tried.condition = self._condition()
        if tried.condition is not None and not tried.condition.holds(self._held):
            tried.how, tried.shown = Ended.MISMATCH, self._shown()
        else:
            self._write(tried)
        return tried

    def _write(self, tried: Tried) -> None:
        rng = self._rng
        new = version(next(self._versions))
        tried.version = new
        if tried.kind is Kind.DELETE and rng.random() < 0.5:
            tried.found = self._held is not None and self._held[0] is not None
        happens = True
        if rng.random() < self._unknown:
            tried.how, tried.ended, tried.found = Ended.UNKNOWN, FOREVER, None
            tried.version = rng.choice([new, None, None])
            happens = rng.random() < 0.6
        if happens:
            self._held = (tried.value if tried.kind is Kind.PUT else None, new)

    def _shown(self) -> Shown:
        if self._held is None:
            return Shown(None, _NO_VERSION)
        forgotten = self._held[0] is None and self._rng.random() < 0.5
        return Shown(self._held[0], _NO_VERSION if forgotten else self._held[1])

    def _condition(self) -> Condition | None:
        rng = self._rng
        held = self._held[1] if self._held is not None else version(1)
        return rng.choice(
            [
                None,
                Condition.absent(),
                Condition.exists(),
                Condition.none(),
                Condition.value(rng.choice(_VALUES)),
                Condition.version(rng.choice([held, version(rng.randint(1, 5))])),
            ]
        )


def _in_a_row(history: list[Tried]) -> list[Tried]:
    """The same with a place in one row of events for each begin and each end."""
    ends = [it.ended for it in history if it.ended != FOREVER]
    times = sorted([it.began for it in history] + ends)
    for it in history:
        it.began = times.index(it.began)
        it.ended = times.index(it.ended) if it.ended != FOREVER else FOREVER
    return history


def _spoil(rng: random.Random, history: list[Tried]) -> None:
    """Change one thing."""
    tried = rng.choice(history)
    match rng.randrange(6):
        case 0:
            tried.began = rng.randint(-1, tried.began)
        case 1 if tried.ended != FOREVER:
            tried.ended = rng.randint(tried.began + 1, max(tried.began + 1, tried.ended))
        case 2 | 3 if tried.shown is not None:
            value = rng.choice([tried.shown.value, *_VALUES, None])
            tried.shown = Shown(value, version(rng.randint(1, 6)))
        case 3 | 4 if tried.writes:
            tried.version = version(rng.randint(1, 6))
        case 4 | 5 if tried.found is not None:
            tried.found = not tried.found
        case _ if tried.writes:
            tried.value = rng.choice(_VALUES)
        case _:
            pass
