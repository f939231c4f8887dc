"""Whereabouts: which node the shell talks to, and how all of them are while nobody types.

A person wants to know whom they are talking to, so the shell names its node in the prompt. It stays
with that one as long as it serves. When it does not, the library moves to another that does
(client/roster.py), and the shell says so in one line, with the reason; a node that comes back does
not call it home, since two moves are more to read than one. With --node the shell is pinned: that
node is asked and no other, whatever happens.

While the prompt stands, these nodes are asked every two seconds how they are, for the foot of the
screen. There a person sees what is wrong, and when it is over, without asking for it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kvcluster.client.raw import RawClient
from kvcluster.view.health import Health, ask_health

KNOCK_S = 1.0
"""How long a node may take to say how it is."""
_INTERVAL_S = 2.0

Look = Sequence[Health]
"""What all nodes said at a time."""


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
        assert not self.pinned
        left, self.current = self.current, found
        reason = self._store.reasons.get(left) or "it is slow or does not serve yet"
        return f"{left}: {briefly(reason)}; moved to {found}."


def briefly(reason: str) -> str:
    """The beginning of a reason, for a line that shall fit 80 columns."""
    return re.split("[,;]", reason)[0]


class Pulse:
    """Looks at the nodes again and again while the prompt stands."""

    def __init__(self, nodes: Callable[[], Sequence[str]], tell: Callable[[Look], None]) -> None:
        """`nodes`: whom to ask. `tell`: what to do with each look, in the thread of the pulse."""
        self._nodes = nodes
        self._tell = tell
        self._prompting = threading.Event()
        self._pause = threading.Event()
        """Set to end the pause between two looks: what was before a command is old behind it."""
        self._ended = False
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """While the body runs, from now on."""
        if self._thread.ident is None:
            self._thread.start()
        self._prompting.set()
        self._pause.set()
        try:
            yield
        finally:
            self._prompting.clear()

    def end(self) -> None:
        """Ask no more. A look that is on its way at a frozen node is not waited for."""
        self._ended = True
        self._pause.set()
        self._prompting.set()

    def _beat(self) -> None:
        while True:
            self._prompting.wait()
            if self._ended:
                return
            self._tell(ask_health(self._nodes(), KNOCK_S))
            self._pause.wait(_INTERVAL_S)
            self._pause.clear()
