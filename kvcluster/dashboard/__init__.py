"""`client.py top`: the cluster live, on one screen, for the person on call.

    app.py             looks, draws, and takes keys; the only file with Textual in it beside
    widgets.py           the parts of the screen and the boxes over it,
    deeds.py             and put, get and delete for a person
    put_options.py         what may be said of a put besides
    watching.py        asks every node again and again, and waits for none
    source.py            how a node is asked: over gRPC, or by a test
    hearing.py           what may be said of a node whose answer is late
    look.py            all that is known at one moment
    troubles.py          what is wrong, until it is known to be over
    rates.py             what was asked of a node between two looks, and how long it took
    drawing.py         from a look and a size to the screen, as values
    layout.py            how many lines each part gets
    headline.py          the one sentence that matters
    nodes_table.py       a row for each node
    matters.py           what is wrong or goes on now
    picture.py           the slots as a field of cells
    following.py         one key at each of its replicas
    ink.py               signs, colours, and text that steers no terminal
    events.py          what a look finds that the one before it did not know, and the log

What decides takes values and returns values, and is tested so. What the nodes' answers mean, and in
which words it is said, is that of `client.py status`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, cast

from kvcluster.console.screen import Exit, complain, somebody_is_there


def run(nodes: tuple[str, ...], *, timeout_s: float, interval_s: float) -> int:
    """Show the cluster until the person quits; return the exit code."""
    if not (_in_terminal() or _in_browser()):
        complain(
            "The dashboard needs a terminal; in a pipe use `status --watch` or `status -o json`."
        )
        return Exit.BAD_USAGE
    try:
        from kvcluster.dashboard.app import Dashboard
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        complain("The dashboard needs Textual: pip install textual")
        return Exit.BAD_USAGE
    from kvcluster.dashboard.source import Network

    app = Dashboard(nodes, interval_s, lambda: Network(nodes, timeout_s))
    with _signals_given_back(), _drawn_whole():
        app.run(mouse=False)
    return app.return_code or Exit.DONE  # what it was ended by; 1: it broke, and has told why


def _in_terminal() -> bool:
    """Whether a person sits in front of it. Textual draws on standard error, not on output."""
    return somebody_is_there() and sys.stderr is not None and sys.stderr.isatty()


def _in_browser() -> bool:
    """Whether another program shows it, as `textual serve` does: it says so, and needs pipes."""
    return bool(os.environ.get("TEXTUAL_DRIVER"))


@contextlib.contextmanager
def _signals_given_back() -> Iterator[None]:
    """Textual keeps the signals of job control, and a shell that goes on after it would draw the
    dashboard's screen whenever it is brought back to the foreground.
    """
    names = ("SIGTSTP", "SIGCONT", "SIGTTIN", "SIGTTOU", "SIGWINCH")
    with contextlib.ExitStack() as afterwards:
        for number in (signal.Signals[name] for name in names if hasattr(signal, name)):
            afterwards.callback(signal.signal, number, signal.getsignal(number))
        yield


@contextlib.contextmanager
def _drawn_whole() -> Iterator[None]:
    """Textual draws on Python's own standard error, which may lose half (console/streams.py)."""
    before = sys.__stderr__
    sys.__stderr__ = cast(Any, sys.stderr)  # type: ignore[misc]
    try:
        yield
    finally:
        sys.__stderr__ = before  # type: ignore[misc]
