"""The process around a node: its signals and its log.

Ctrl+C means "stop cleanly", a second one "now". Everything else about stopping is the node's.
"""

from __future__ import annotations

import asyncio
import logging
import os
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


def set_up_log(level: str) -> None:
    """One line an event, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d  %(message)s", "%H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(level.upper())
