"""Open files: each connection of a client is one, and the system sets a limit to them.

At the limit no connection is taken any more, and nobody says so: who connects waits, who is
connected works on, and every check that keeps its connection says that all is well. So a node takes
all that it may have, counts now and then, and warns while there is still room.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
from pathlib import Path

from kvcluster.config import Settings

log = logging.getLogger("kvcluster")

_FOLDER = Path("/dev/fd")
_LITTLE = 0.1
"""So much lower is the share at which enough are free again: a number that goes up and down by less
is told once."""


def raise_file_limit() -> int:
    """Take as many open files as the system allows; return how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


async def watch_open_files(limit: int, settings: Settings) -> None:
    """For ever: warn when nearly all are taken, and say when that is over."""
    if limit == resource.RLIM_INFINITY:
        return
    gauge = Gauge(limit, settings.open_files_scarce)
    while True:
        level, line = gauge.look(await asyncio.to_thread(count_open, limit))
        if line:
            log.log(level, "NODE  %s", line)
        await asyncio.sleep(settings.open_files_interval_s)


def count_open(limit: int) -> int:
    """How many files and sockets this process has open; `limit` where it cannot even look."""
    try:
        return len(list(_FOLDER.iterdir())) - 1  # without the one that is open to look
    except OSError:
        return limit


class Gauge:
    """Decides what is worth a line. Knows no clock and no files."""

    def __init__(self, limit: int, scarce: float) -> None:
        """`scarce`: from which share of the limit on a warning is due."""
        self._limit = limit
        self._scarce = scarce
        self._told = 0  # of the three levels below

    def look(self, count: int) -> tuple[int, str]:
        """A logging level and a line, empty if there is no news."""
        before, self._told = self._told, self._level(count)
        of = f"{count:,} of {self._limit:,} files and connections are open"
        if self._told == 2 > before:
            return logging.ERROR, f"{of}: nobody can connect any more; raise the limit (ulimit -n)"
        if self._told == 1 > before:
            return logging.WARNING, f"{of}; raise the limit (ulimit -n) before nobody can connect"
        if self._told == 0 < before:
            return logging.INFO, f"{of}, enough are free again"
        return logging.DEBUG, ""

    def _level(self, count: int) -> int:
        if count >= self._limit - 1:  # one is needed to look
            return 2
        if count >= self._scarce * self._limit:
            return 1
        return min(self._told, 1) if count > (self._scarce - _LITTLE) * self._limit else 0
