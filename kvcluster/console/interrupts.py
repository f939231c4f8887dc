"""Ctrl+C for a program that has to clean up: it comes when it does no harm, and never gets lost.

Ignoring the signal meanwhile would be simpler, and wrong twice: the user's wish is forgotten, and
a process started in that moment inherits the deafness.

The other way round, while a program is being loaded there is nothing to clean up yet. An exception
that comes then comes into the middle of an import, and where that is in a callback Python prints it
and forgets it. So until `raise_them` Ctrl+C ends such a program where it stands (doorstep.py).
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from kvcluster.doorstep import end_at_once

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_SIGNALS = tuple(signal.Signals[name] for name in _NAMES if hasattr(signal, name))
"""Those that there are: Windows has not all of them."""


def raise_them() -> None:
    """Have Ctrl+C raise KeyboardInterrupt, where it would have ended the program (doorstep.py)."""
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def treat_all_alike() -> None:
    """Have `kill` and a closed terminal do what Ctrl+C does: raise KeyboardInterrupt."""
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Let the body run to its end; an interrupt that came meanwhile is raised after it."""
    came = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in _SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt
