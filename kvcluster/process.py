"""The process around a node: its signals and its log.

Ctrl+C means "stop cleanly", a second one "now". Everything else about stopping is the node's.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from kvcluster.log_stream import LogStream

log = logging.getLogger("kvcluster")

_STANDARD_ERROR = 2
_INTERRUPTED = 130


def stop_on_signals() -> asyncio.Future[None]:
    """A future that resolves at the first Ctrl+C or SIGTERM; the second ends the process.

    Not by the loop's own handlers: they go with the loop, and a Ctrl+C in the last moment of the
    process would be a traceback.
    """
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()
    asked = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(_INTERRUPTED)
        asked = True
        loop.call_soon_threadsafe(stop.set_result, None)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    return stop


def set_up_log(level: str) -> None:
    """One line an event, on standard error, and nothing waits for whoever reads it."""
    _open_standard_files()
    encoding = sys.stderr.encoding if sys.stderr else "utf-8"
    sys.stderr = stream = LogStream(_STANDARD_ERROR, encoding)
    atexit.register(stream.drain)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d  %(message)s", "%H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(level.upper())


def end_at_once(code: int) -> NoReturn:
    """End the process, as soon as its last words are written."""
    if isinstance(sys.stderr, LogStream):
        sys.stderr.drain()
    os._exit(code)


def _open_standard_files() -> None:
    """Give those that were closed to /dev/null, or a file of ours would be standard error.

    What C code has to complain of would stand in the journal then.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(fd)
