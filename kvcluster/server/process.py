"""The process around a node: its signals, its log, its first and its last words.

Ctrl+C means "stop cleanly", a second one "now". Everything else about stopping is the node's.

The first lines of the log say what runs here and where its data is, the last whether it is
complete.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import NoReturn

from kvcluster.errors import DiskFailed
from kvcluster.gateway.gateway import Gateway
from kvcluster.node import Node
from kvcluster.server.log_lines import form_of
from kvcluster.server.log_stream import LogStream

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


def set_up_log(level: str, form_name: str) -> None:
    """One line an event, on standard error, and nothing waits for whoever reads it.

    What Python and the libraries have to say goes the same way.
    """
    _open_standard_files()
    form = form_of(form_name, terminal=os.isatty(_STANDARD_ERROR))
    encoding = form.encoding or (sys.stderr.encoding if sys.stderr else "utf-8")
    sys.stderr = stream = LogStream(_STANDARD_ERROR, encoding, form=form)
    atexit.register(stream.drain)
    handler = _Handler(stream)
    handler.setFormatter(form)
    log.setLevel(level.upper())
    everybody = logging.getLogger()
    everybody.addHandler(handler)
    everybody.setLevel(max(log.level, logging.WARNING))
    logging.getLogger("grpc").propagate = False  # it is for its developers; see kvcluster/__init__
    logging.captureWarnings(True)
    sys.excepthook = _tell_of_the_end
    threading.excepthook = _tell_of_a_thread
    sys.unraisablehook = _tell_what_nobody_takes


class _Handler(logging.Handler):
    """Puts records into the stream, as lines."""

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Never waits."""
        try:
            self._stream.put(self.format(record))
        except Exception:
            self.handleError(record)


def _tell_of_the_end(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    log.critical("BUG  this process ends", exc_info=(kind, error, trace))


def _tell_of_a_thread(told: threading.ExceptHookArgs) -> None:
    name = told.thread.name if told.thread else "a thread"
    log.error("BUG  %s ended", name, exc_info=told.exc_value)


def _tell_what_nobody_takes(told: sys.UnraisableHookArgs) -> None:
    log.error("BUG  %s %r", told.err_msg or "an error in", told.object, exc_info=told.exc_value)


def end_at_once(error: BaseException | None) -> NoReturn:
    """End the process where it stands, as soon as it has said why."""
    _say_why_failed(error)
    if isinstance(sys.stderr, LogStream):
        sys.stderr.drain()
    os._exit(1)


def _open_standard_files() -> None:
    """Give those that were closed to /dev/null, or a file of ours would be standard error.

    What C code has to complain of would stand in the journal then.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(fd)


def say_hello(name: str, addresses: list[str], *told: Iterable[tuple[int, str]]) -> None:
    """Tell the person in front of the terminal what runs here. `told`: levels and sentences."""
    log.info("NODE  %s listens on %s", name, ", ".join(addresses))
    for level, sentence in itertools.chain(*told):
        log.log(level, "NODE  %s", sentence)


def what_it_is(node: Node | Gateway) -> Iterator[tuple[int, str]]:
    """What the log says of it first: levels and sentences."""
    if isinstance(node, Gateway):
        yield from node.told()
        return
    membership, store = node.membership, node.store
    yield logging.INFO, f"its peers are {', '.join(membership.peers) or 'none'}"
    yield (
        logging.INFO,
        f"each key is on {membership.replica_count} of {len(membership.members)} nodes,"
        f" {len(membership.held):,} of 4,096 slots are here",
    )
    holds = "new, empty" if store.found.new else f"keys: {store.table.live:,}"
    yield logging.INFO, f"its data is in {store.path.absolute()}, {holds}"
    if not store.fsync:
        yield logging.WARNING, "--fsync never: a power cut may take acknowledged writes"


def say_goodbye(node: Node | Gateway) -> int:
    """Tell how the stop went; return the exit code."""
    if node.failed.done():
        _say_why_failed(node.failed.exception())
        return 1
    if isinstance(node, Gateway):
        log.info("STOP  goodbye")
    elif error := node.store.checkpointer.last_error:
        log.warning("STOP  %s; what it lacks is in the journal", error)
    else:
        log.info("STOP  %s is complete; goodbye", node.store.path.name)
    return 0


def say_why_refused(sentence: str, log_format: str) -> None:
    """Why it does not start: as any program says what is wrong with its arguments, or as JSON."""
    if log_format == "json":
        log.critical("STOP  %s", sentence)
    else:
        print(sentence, file=sys.stderr)


def _say_why_failed(error: BaseException | None) -> None:
    """A broken disk is told in a sentence; anything else is our bug, with its traceback."""
    trace = None if isinstance(error, DiskFailed) else error
    log.critical("STOP  %s; this node stops at once", error, exc_info=trace)
