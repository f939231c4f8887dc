"""Whereabouts: which node the shell talks to, which others there are, and the sentence for a move.

A person wants to know whom they are talking to, so the shell stays with one node as long as that
one serves, and names it in the prompt. When it does not, the shell moves to the first other that
does, says so in one line, and stays there: a node that comes back does not call it home, since two
moves are more to read than one.

All that a node names as its peers is known from then on, so one address is enough to begin with.
With --node the shell is pinned: that node is asked and no other, whatever happens.

Rejected: the roster of the library. It races nodes and forgets why it left one, which is right for
programs; a person is owed the reason. No clock, no socket in here: answers in, decisions out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kvcluster.client.failure import CallFailed, Kind
from kvcluster.model.members import is_address
from kvcluster.terminal.health import Health
from kvcluster.terminal.wording import status_word

_NODES_LIMIT = 256
"""What nodes name is not trusted to be short."""


class Whereabouts:
    """The node that is asked, and the others."""

    def __init__(self, seeds: Sequence[str], *, pinned: bool) -> None:
        self.current = seeds[0]
        self.pinned = pinned
        self._known = list(seeds)
        self._names: dict[str, str] = {}
        """How a node calls itself, by the address at which it was asked."""

    @property
    def known(self) -> tuple[str, ...]:
        """All nodes, in the order in which they became known."""
        return tuple(self._known)

    @property
    def asked(self) -> tuple[str, ...]:
        """The nodes for a command about one key: the current one first."""
        if self.pinned:
            return (self.current,)
        return (self.current, *self.others)

    @property
    def others(self) -> tuple[str, ...]:
        """All but the current one."""
        return tuple(node for node in self._known if node != self.current)

    def learn(self, answers: Iterable[Health]) -> None:
        """Take from answers what other nodes there are."""
        said = [answer for answer in answers if answer.said is not None]
        self._names |= {it.address: it.said.node for it in said if it.said is not None}
        for answer in said:
            assert answer.said is not None
            for name in [answer.said.node, *(peer.node for peer in answer.said.peers)]:
                self._add(name)

    def begin(self, answers: Sequence[Health]) -> None:
        """Talk to the first node that serves, if one does."""
        self.learn(answers)
        serving = [answer.address for answer in answers if answer.serving]
        if serving and not self.pinned:
            self.current = serving[0]

    def move(self, current: Health, others: Iterable[Health]) -> str:
        """Leave a node that does not serve for one that does; the sentence, empty if none does."""
        found = next((answer.address for answer in others if answer.serving), None)
        if found is None or current.serving:
            return ""
        left, self.current = self.current, found
        return f"{left} {predicament(current)}; moved to {found}."

    def _add(self, name: str) -> None:
        known = name in self._known or name in self._names.values()
        if not known and len(self._known) < _NODES_LIMIT and is_address(name):
            self._known.append(name)


def predicament(answer: Health) -> str:
    """What is wrong with a node that does not serve, as words behind its name."""
    if answer.said is not None:
        return f"is {status_word(answer.said.status)}"
    assert isinstance(answer.outcome, CallFailed)
    return f"does not answer ({_why(answer.outcome)})"


def _why(failure: CallFailed) -> str:
    """In a few words, for a line that shall fit 80 columns."""
    if failure.kind is Kind.TIMED_OUT:
        return "frozen or cut off"
    text = str(failure)
    return text.partition(",")[0] if failure.kind is Kind.UNREACHABLE else text
