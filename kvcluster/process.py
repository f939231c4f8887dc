"""The process around a node: its signals, its log, its open files.

Ctrl+C means "stop cleanly", a second one "now". Everything else about stopping is the node's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal

log = logging.getLogger("kvcluster")


def stop_on_signals() -> asyncio.Future[None]:
    """A future that resolves at the first Ctrl+C or SIGTERM; the second ends the process."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()

    def on_signal() -> None:
        if stop.done():
            os._exit(130)
        stop.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return stop


def raise_file_limit() -> None:
    """Take as many open files as the system allows: each client connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def set_up_log(level: str) -> None:
    """One line an event, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d  %(message)s", "%H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(level.upper())
