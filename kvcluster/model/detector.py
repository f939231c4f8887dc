"""The detector: is a member alive? Decided from what was heard of it and when.

                      answered
        ┌──────────────────────────────────────┐
        ▼                                      │
      ALIVE ── refused, or 1.5 s silent ──▶ SUSPECT ── 3 s silent ──▶ DEAD
        ▲  └────────────── it said that it stops ────────────────────▶ │
        └──────────────────────── answered ────────────────────────────┘

UNKNOWN is where every member begins, and it leaves it by the same arrows as ALIVE does.

It is like waiting for a colleague who is late: for a moment you do nothing, then you stop counting
on them (SUSPECT: writes go on without it), and at last you plan without them (DEAD). Whoever says
goodbye at the door is not waited for at all.

Only answers to calls of our own count as signs of life. A member that reaches us while we cannot
reach it is a one-way cut, and counting on it would stall every write. What it sends makes us ask
it at once, which is enough to notice a return.

Rejected: an accrual detector (Hayashibara et al., 2004), whose threshold is a number that nobody
can explain at night; and asking others about the member (SWIM, Das et al., 2002), which pays off
with hundreds of members.
"""

from __future__ import annotations

import enum


class Liveness(enum.Enum):
    """What this node thinks of a member."""

    UNKNOWN = "unknown"  # not heard yet
    ALIVE = "alive"  # answers
    SUSPECT = "suspect"  # silent for a moment, or refused a connection
    DEAD = "dead"  # silent for long, or said that it stops


class Sign(enum.Enum):
    """What may change the mind of this node about a member."""

    ANSWERED = "it answered"
    REFUSED = "it refused a connection, or what we asked"
    SILENT = "it did not answer for a moment"
    LONG_SILENT = "it did not answer for long"
    LEFT = "it said that it stops"


_U, _A, _S, _D = Liveness.UNKNOWN, Liveness.ALIVE, Liveness.SUSPECT, Liveness.DEAD

TRANSITIONS: dict[Sign, dict[Liveness, Liveness]] = {
    Sign.ANSWERED: {_U: _A, _A: _A, _S: _A, _D: _A},
    Sign.REFUSED: {_U: _S, _A: _S, _S: _S, _D: _D},
    Sign.SILENT: {_U: _S, _A: _S, _S: _S, _D: _D},
    Sign.LONG_SILENT: {_U: _D, _A: _D, _S: _D, _D: _D},
    Sign.LEFT: {_U: _D, _A: _D, _S: _D, _D: _D},
}
assert all(set(TRANSITIONS[sign]) == set(Liveness) for sign in Sign)


class Detector:
    """What is thought of one member. Times are seconds of any steady clock."""

    def __init__(self, now_s: float, *, suspect_after_s: float, dead_after_s: float) -> None:
        self._suspect_after_s = suspect_after_s
        self._dead_after_s = dead_after_s
        self._listening_since_s = now_s  # silence cannot be older than our listening
        self.state = Liveness.UNKNOWN
        self.since_s = now_s
        """Since when it is in this state."""
        self.answered_s: float | None = None
        """When it last answered; None if it never did."""

    def take(self, sign: Sign, now_s: float) -> bool:
        """A sign came; return whether the state changed."""
        if sign is Sign.ANSWERED:
            self.answered_s = self._listening_since_s = now_s
        before, self.state = self.state, TRANSITIONS[sign][self.state]
        if self.state is before:
            return False
        self.since_s = now_s
        return True

    def look(self, now_s: float) -> Sign | None:
        """The sign that the time passed without an answer has become, if it has."""
        silent_s = self.silent_s(now_s)
        if silent_s >= self._dead_after_s:
            return Sign.LONG_SILENT
        return Sign.SILENT if silent_s >= self._suspect_after_s else None

    def silent_s(self, now_s: float) -> float:
        """How long it has not answered, as far as this node was listening."""
        return now_s - self._listening_since_s

    def listen_anew(self, now_s: float) -> None:
        """The silence until now says nothing: this process was stopped, or the member was."""
        self._listening_since_s = now_s
