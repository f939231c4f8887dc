"""The pulse: how all nodes are, asked every two seconds while the prompt stands.

It is for the foot of the screen. There a person sees what is wrong, and when it is over, without
asking for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kvcluster.shell.whereabouts import KNOCK_S
from kvcluster.view.health import Health, ask_health

_INTERVAL_S = 2.0

Look = Sequence[Health]
"""What all of them said at a time."""


class Pulse:
    """Looks at the nodes again and again while the prompt stands."""

    def __init__(self, nodes: Callable[[], Sequence[str]], tell: Callable[[Look], None]) -> None:
        """Make it. `tell`: what to do with each look, in the thread of the pulse."""
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
