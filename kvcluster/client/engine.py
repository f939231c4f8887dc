"""The engine: gRPC's asyncio half, of which a process has one, and what it needs to run.

It has a thread of its own, which waits in C and wakes event loops. Where that thread cannot run,
nothing comes back, and every call would wait for ever or be unknown at its timeout. So it is looked
at before anything is asked:

- **After a fork** the thread is gone, and what it held is in no order. The child is told; what it
  does all the same may also be its end (SIGSEGV).
- **While the interpreter ends** all threads but one are frozen, without a word. Whoever calls from
  a `__del__` then is told.
- **Under gevent's patches** a new thread is a greenlet. One that waits in C holds up all others,
  for ever. Everything else here works with greenlets: loops wait in gevent's hub, and so do
  callers. So the engine alone is given a real thread.
- **Where something else replaces threads**, the caller is told.
- **Where a process may have few files open**, gRPC dies of it (SIGSEGV). The caller is told as the
  system does: `OSError`, too many open files.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import grpc

from kvcluster.errors import BadRequest

_FORKED = (
    "this process was forked after a client was used in it, and gRPC does not survive that;"
    ' start processes with subprocess, or with multiprocessing\'s "spawn"'
)
_ENDING = (
    "the interpreter is ending, and runs no thread any more; use clients before that, or in a"
    " function that is registered with atexit"
)
_NO_THREADS = (
    "threads of this process are no threads (eventlet's patches, perhaps), and gRPC needs one;"
    " use clients in a process without these patches"
)

_FILES = 16
"""What an event loop (3), gRPC and a connection (11, as measured) open."""

_used_in: int | None = None
"""The process in which a client was used first; a child of it has the same."""
_needs_real_thread = False


def is_lost() -> bool:
    """Whether nothing that was begun in this process can come to its end any more."""
    return sys.is_finalizing() or _used_in not in (None, os.getpid())


def check() -> None:
    """Raise BadRequest if no client can work in this process, or none any more.

    Raises OSError at the first time, if the process may not open what it takes.
    """
    global _used_in, _needs_real_thread  # a process is used, or is not
    if sys.is_finalizing():
        raise BadRequest(_ENDING)
    if is_lost():
        raise BadRequest(_FORKED)
    if _used_in is None:
        real = _threads_are_real()
        if not real and "gevent.monkey" not in sys.modules:
            raise BadRequest(_NO_THREADS)
        _look_for_room()
        _used_in, _needs_real_thread = os.getpid(), not real


def start() -> None:
    """Have the engine run, if it does not yet. Called in an event loop. Raises as `check`."""
    global _needs_real_thread  # noqa: PLW0603
    check()
    if _needs_real_thread:
        _start_beside_greenlets()
        _needs_real_thread = False


def _look_for_room() -> None:
    """Open as many files as gRPC will, and close them. Raises OSError."""
    opened: list[int] = []
    try:
        while len(opened) < _FILES:
            opened += os.pipe()
    finally:
        for file in opened:
            os.close(file)


def _threads_are_real() -> bool:
    where: list[int] = []
    thread = threading.Thread(target=lambda: where.append(threading.get_native_id()), daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise BadRequest(f"no thread can be started in this process ({error})") from None
    thread.join()
    return where != [threading.get_native_id()]


def _start_beside_greenlets() -> None:
    """Start the engine with a real thread, though threads are greenlets here."""
    _RealThread.begin = sys.modules["gevent.monkey"].get_original("_thread", "start_new_thread")
    greenlets, threading.Thread = threading.Thread, _RealThread  # type: ignore[assignment, misc]
    try:
        grpc.aio.init_grpc_aio()  # it is never told to end, so this one thread is all it starts
    finally:
        threading.Thread = greenlets  # type: ignore[misc]


class _RealThread:
    """What the engine asks of a thread. It runs nothing of Python, so gevent need not know it."""

    begin: Callable[[Callable[[], Any], tuple[()]], int]

    def __init__(self, *, target: Callable[[], Any], daemon: bool) -> None:
        self._target = target

    def start(self) -> None:
        """As a thread's, which does not wait until it runs."""
        type(self).begin(self._target, ())
