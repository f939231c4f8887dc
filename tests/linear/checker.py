"""Whether a history of one key is linearizable: is there an order in which all can have happened?

Each operation must have taken effect at one moment between its begin and its end, one after the
other (Herlihy and Wing, "Linearizability: A Correctness Condition for Concurrent Objects", 1990).
We look for the order by trying what may come next, as in Wing and Gong, "Testing and Verifying
Concurrent Objects" (1993), and never go on twice from the same configuration, which is what has
happened together with what is held then (Lowe, "Testing for linearizability", 2017).

What makes it quick, and loses nothing:

- **Versions.** What has a known version has its place: writes in the order of their versions, and
  behind each write those who were shown it. So of all these only one may come next. This also
  makes the checker stricter: versions must grow in the order in which things happen.
- **What happened** is written as the number of operations up to which, by their begin, all of them
  did, and a few bits behind it. At a quiet moment, when nothing is under way, no bits are left, so
  long histories cost as much as many short ones.
- **Unknown ones**, which may have happened or not, happen only right before somebody who can tell:
  what nobody was shown, and nobody's condition was judged on, need not have happened; nor what
  fulfils a condition that was fulfilled already. Of several that are alike the earliest happens
  first.

The question is NP-complete all the same (Gibbons and Korach, "Testing Shared Memories", 1997), so
there is a budget. A history that exceeds it is *undecided*, which is a failure: else whatever the
checker is too weak for would pass.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kvcluster.model.entry import Version
from tests.linear.register import EMPTY, Held, Register, observes
from tests.linear.tried import Ended, Tried

_BUDGET = 300_000
"""Configurations; some seconds."""
_TOLD = 12


@dataclass(frozen=True)
class Judgement:
    """What the checker says of a history. `why` is empty if an order was found."""

    why: str = ""
    undecided: bool = False
    tried: int = 0
    """How many configurations it took."""

    @property
    def holds(self) -> bool:
        """Whether the history is linearizable, for certain."""
        return not self.why


class _At(NamedTuple):
    """A configuration: what has happened, and what is held then."""

    upto: int
    """All certain operations before this one happened, in the order of their begin."""
    beyond: int
    """Which of those from there on did, too: a bit for each."""
    placed: int
    """How many of those that have a version did."""
    unknown: int
    """Which of the unknown ones did: a bit for each."""
    before: Held | None
    """What was held before the last one, if that was an unknown one: the next must be able to tell
    that it happened."""
    held: Held


class Checker:
    """Judges one history. `first`: what was held before it."""

    def __init__(
        self, history: Sequence[Tried], *, first: Held = EMPTY, settles: bool = True
    ) -> None:
        self._certain = sorted((it for it in history if it.is_certain), key=lambda it: it.began)
        # Of a read nobody knows the end of: nothing follows from it.
        self._unknown = sorted(
            (it for it in history if it.how is Ended.UNKNOWN and it.writes),
            key=lambda it: it.began,
        )
        self._first = first
        owned = [it.version for it in history if it.writes and it.version is not None]
        self._register = Register(owned, settles=settles)
        self._placed = sorted(
            (place for place, it in enumerate(self._certain) if rank(it) is not None),
            key=lambda place: (rank(self._certain[place]), self._certain[place].began),
        )
        self._alike = [self._first_alike(place) for place in range(len(self._unknown))]

    def judge(self, budget: int = _BUDGET) -> Judgement:
        """Look for an order, through so many configurations at most."""
        start = _At(0, 0, 0, 0, before=None, held=self._first)
        seen, stack, deepest = {start}, [start], start
        while stack:
            at = stack.pop()
            if at.upto == len(self._certain):
                return Judgement(tried=len(seen))
            if at.placed + at.upto > deepest.placed + deepest.upto:
                deepest = at
            if len(seen) > budget:
                why = f"undecided after {len(seen):,} configurations; {self._told(deepest)}"
                return Judgement(why, undecided=True, tried=len(seen))
            for after in self.next(at):
                if after not in seen:
                    seen.add(after)
                    stack.append(after)
        return Judgement(self._told(deepest), tried=len(seen))

    def next(self, at: _At) -> Iterator[_At]:
        """Where one more operation leads. The likeliest comes last."""
        window, helpful = self.window(at), []
        for place, tried in enumerate(self._unknown):
            if self.may_happen(place, tried, at, window):
                held = self._after(tried, at)
                if held is None:
                    continue
                after = at._replace(unknown=at.unknown | 1 << place, before=at.held, held=held)
                if any(self._register.after(self._certain[it], held) for it in window):
                    helpful.append(after)
                else:
                    yield after
        yield from helpful
        chosen = self._placed[at.placed] if at.placed < len(self._placed) else -1
        for place in window:
            tried = self._certain[place]
            if rank(tried) is not None and place != chosen:
                continue
            held = self._after(tried, at)
            if held is not None:
                yield self._happened(at, place, held)

    def _after(self, tried: Tried, at: _At) -> Held | None:
        """What is held after an operation; None: it cannot come next, or without the unknown one
        just before it all would be the same, or freer.
        """
        if at.before is not None and not observes(tried):
            return None
        held = self._register.after(tried, at.held)
        if held is None or at.before is None:
            return held
        without = self._register.after(tried, at.before)
        return None if without is not None and _is_as_free(without, held) else held

    def window(self, at: _At) -> list[int]:
        """Those that may come next: none that is left ended before they began."""
        places = []
        end = None
        for place in range(at.upto, len(self._certain)):
            tried = self._certain[place]
            if end is not None and tried.began > end:
                break
            if not at.beyond >> place - at.upto & 1:
                places.append(place)
                end = tried.ended if end is None else min(end, tried.ended)
        assert end is not None, "asked for what comes behind the end"
        return [place for place in places if self._certain[place].began <= end]

    def may_happen(self, place: int, tried: Tried, at: _At, window: Sequence[int]) -> bool:
        """Whether an unknown one may come next."""
        if at.unknown >> place & 1:
            return False
        if self._alike[place] >= 0 and not at.unknown >> self._alike[place] & 1:
            return False
        if any(self._certain[each].ended < tried.began for each in window):
            return False
        if tried.version is None or at.placed == len(self._placed):
            return True
        following = rank(self._certain[self._placed[at.placed]])
        return following is None or (tried.version, False) < following

    def _happened(self, at: _At, place: int, held: Held) -> _At:
        upto, beyond = at.upto, at.beyond | 1 << place - at.upto
        while beyond & 1:
            upto, beyond = upto + 1, beyond >> 1
        placed = at.placed + (rank(self._certain[place]) is not None)
        return _At(upto, beyond, placed, at.unknown, before=None, held=held)

    def _first_alike(self, place: int) -> int:
        """The place of the last one before it that is the same but for its begin; -1: none."""
        tried = self._unknown[place]
        for other in reversed(range(place)):
            it = self._unknown[other]
            same = it.kind is tried.kind and it.value == tried.value
            if same and it.condition == tried.condition and it.version is tried.version is None:
                return other
        return -1

    def _told(self, at: _At) -> str:
        """How far it came, for people."""
        number = at.upto + at.beyond.bit_count()
        lines = [f"after {number} operations {at.held.value!r:.24} is held, in version"]
        lines[0] += f" {at.held.version.hex() or 'none'}{'' if at.held.exact else ' or above'},"
        lines[0] += " and none of these can come next:"
        lines += [f"  {self._certain[place]}" for place in self.window(at)][:_TOLD]
        used = [it for place, it in enumerate(self._unknown) if not at.unknown >> place & 1]
        lines += [f"  {it}" for it in used][:_TOLD]
        return "\n".join(lines)


def rank(tried: Tried) -> tuple[Version, bool] | None:
    """Its place among all that have a version: behind a write come those who were shown it."""
    if tried.shown is not None:
        return (tried.shown.version, True) if tried.shown.version else None
    return (tried.version, False) if tried.version is not None else None


def _is_as_free(one: Held, other: Held) -> bool:
    """Whether whatever may follow where the other is held may follow where this one is."""
    lower = not one.exact and one.version <= other.version
    return one == other or (lower and one.value == other.value)


def _rank(tried: Tried) -> tuple[Version, bool]:
    ranked = rank(tried)
    assert ranked is not None
    return ranked


def went_back(history: Sequence[Tried]) -> str:
    """Whether somebody was shown something older than what was known before he asked.

    The search finds that as well; this says it in one sentence. Empty: nobody was.
    """
    ended = [it for it in history if it.is_certain and rank(it) is not None]
    ended.sort(key=lambda it: it.ended)
    newest: list[Tried] = []  # of each prefix of these
    for tried in ended:
        best = newest[-1] if newest else tried
        newest.append(max(best, tried, key=_rank))
    ends = [tried.ended for tried in ended]
    for tried in ended:
        before = bisect_left(ends, tried.began)
        if before and (_rank(newest[before - 1])[0], True) > _rank(tried):
            return f"went back: {tried}\n  behind {newest[before - 1]}"
    return ""


def judge(history: Sequence[Tried], *, settles: bool = True, budget: int = _BUDGET) -> Judgement:
    """Whether a history of a key that was never seen before is linearizable."""
    found = Checker(history, settles=settles).judge(budget)
    back = "" if found.holds else went_back(history)
    if back:
        return Judgement(f"{back}\n{found.why}", found.undecided, found.tried)
    return found
