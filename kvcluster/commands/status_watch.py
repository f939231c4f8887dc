"""`client.py status --watch`: the table again and again, until Ctrl+C.

In a terminal it is drawn over itself, on the same screen, so that what was there before stays and
the last look remains when it ends. In a pipe each look is a block with the time above it, or an
object on a line with `--output json`; a look without any answer is told as well, and not the end.

Between two looks lies the interval, whatever the look itself takes: a cluster in trouble is not
asked more often than one that is well.
"""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Sequence

from kvcluster.commands.status import as_fields, look
from kvcluster.console.output import emit
from kvcluster.console.screen import Exit, say
from kvcluster.console.streams import has_hung_up
from kvcluster.view.census import census
from kvcluster.view.health import ask_cluster


def run(nodes: Sequence[str], *, timeout_s: float, interval_s: float, json: bool) -> int:
    """Show the cluster until Ctrl+C, which is the ordinary end."""
    try:
        if json:
            _repeat(lambda: _emit(nodes, timeout_s), interval_s)
        elif sys.stdout is not None and sys.stdout.isatty():
            _draw(nodes, timeout_s, interval_s)
        else:
            _repeat(lambda: say(f"{_now()}\n{look(nodes, timeout_s=timeout_s)}\n"), interval_s)
    except KeyboardInterrupt:
        pass
    return Exit.DONE


def _repeat(show: Callable[[], None], interval_s: float) -> None:
    while True:
        show()
        time.sleep(interval_s)


def _draw(nodes: Sequence[str], timeout_s: float, interval_s: float) -> None:
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False, vertical_overflow="ellipsis") as live:

        def show() -> None:
            if has_hung_up(sys.stdout.fileno()):  # nothing is drawn then, and nothing complains
                raise OSError(errno.EIO, "the terminal is gone")
            table = look(nodes, timeout_s=timeout_s)
            head = f"{_now()}, every {interval_s:g} s; Ctrl+C ends"
            live.update(Text.from_ansi(f"{head}\n\n{table}"), refresh=True)

        _repeat(show, interval_s)


def _emit(nodes: Sequence[str], timeout_s: float) -> None:
    now_s = time.time()
    emit(time_s=round(now_s, 3), **as_fields(census(ask_cluster(nodes, timeout_s)), now_s=now_s))


def _now() -> str:
    return time.strftime("%H:%M:%S")
