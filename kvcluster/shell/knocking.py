"""How the nodes are: asked before a command, at the beginning, and while somebody thinks.

Before a command only the current node is asked, for a second at most: a frozen node costs that
second and not the timeout of the command, and a write is sent only to a node that answered just
now. If it does not serve, all others are asked at once, and the first that does is enough.

While the prompt stands, a pulse asks all of them every two seconds, for the foot of the screen.
There a person sees what is wrong, and when it is over, without asking for it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kvcluster.shell.whereabouts import Whereabouts
from kvcluster.terminal.health import Health, ask_health

KNOCK_S = 1.0
"""How long a node may take to say how it is."""
_INTERVAL_S = 2.0

Look = Sequence[Health]
"""What all of them said at a time."""


def look_around(place: Whereabouts) -> list[Health]:
    """How all nodes that may be asked are; also those that only the answers name."""
    first = place.asked
    answers = list(_answers(first))
    place.learn(answers)
    answers += _answers([node for node in place.asked if node not in first])
    return sorted(answers, key=lambda answer: place.known.index(answer.address))


def until_one_serves(nodes: Sequence[str]) -> list[Health]:
    """The answers of nodes, in the order in which they come; the first that serves is the last."""
    answers = []
    for answer in _answers(nodes):
        answers.append(answer)
        if answer.serving:
            break
    return answers


def _answers(nodes: Sequence[str]) -> Iterator[Health]:
    """The answers as they come, each asked for in a thread of its own.

    Also where only one is asked: where Ctrl+C breaks off a call that is just being made, gRPC may
    wait for ever to close it. So who waits here waits for a queue, and the call has its own end.
    """
    came: queue.SimpleQueue[Health | Exception] = queue.SimpleQueue()

    def ask(node: str) -> None:
        try:
            came.put(ask_health([node], KNOCK_S)[0])
        except Exception as error:  # a bug of ours; nobody should wait for ever because of it
            came.put(error)

    for node in nodes:
        threading.Thread(target=ask, args=[node], name="knock", daemon=True).start()
    for _ in nodes:
        answer = came.get()
        if isinstance(answer, Exception):
            raise answer
        yield answer


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
