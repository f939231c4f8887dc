"""Ctrl+C for a program that has to clean up: it comes when it does no harm, and never gets lost.

Ignoring the signal meanwhile would be simpler, and wrong twice: the user's wish is forgotten, and
a process started in that moment inherits the deafness.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
