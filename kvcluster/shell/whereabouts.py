"""Whereabouts: which node the shell talks to, which others there are, and the sentence for a move.

A person wants to know whom they are talking to, so the shell names its node in the prompt. It stays
with that one as long as it serves. When it does not, the library moves to another that does
(client/roster.py), and the shell says so in one line, with the reason; a node that comes back does
not call it home, since two moves are more to read than one. With --node the shell is pinned: that
node is asked and no other, whatever happens.
"""

from __future__ import annotations

import re

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.client.raw import RawClient
from kvcluster.client.words import status_word
from kvcluster.view.health import Health

KNOCK_S = 1.0
"""How long a node may take to say how it is."""


class Whereabouts:
    """The node that is asked, and the others."""

    def __init__(self, store: RawClient, *, pinned: bool) -> None:
        self.pinned = pinned
        self._store = store
        self.current = store.addresses[0]

    @property
    def known(self) -> tuple[str, ...]:
        """All nodes, in the order in which they became known."""
        return self._store.addresses

    @property
    def asked(self) -> tuple[str, ...]:
        """The nodes for a command about one key: the current one first."""
        if self.pinned:
            return (self.current,)
        return (self.current, *(node for node in self.known if node != self.current))

    def settle(self) -> str:
        """Be with a node that serves, if there is one; the sentence for a move, else empty."""
        found = self._store.settle(2 * KNOCK_S)
        if found is None or found == self.current:
            return ""
        left, self.current = self.current, found
        reason = self._store.reasons.get(left) or "it does not serve yet"
        return f"{left}: {_briefly(reason)}; moved to {found}."


def _briefly(reason: str) -> str:
    """The beginning of a reason, for a line that shall fit 80 columns."""
    return re.split("[,;]", reason)[0]


def predicament(answer: Health) -> str:
    """What is wrong with a node that does not serve, as words behind its name."""
    if answer.said is not None:
        return f"is {status_word(answer.said.status)}"
    assert isinstance(answer.outcome, CallFailed)
    return f"does not answer ({_why(answer.outcome)})"


def _why(failure: CallFailed) -> str:
    if failure.kind is FailureKind.TIMED_OUT:
        return "frozen or cut off"
    text = str(failure)
    return _briefly(text) if failure.kind is FailureKind.UNREACHABLE else text
