"""Background: one event loop in a thread, shared by all synchronous clients of the process.

So a call from any thread is a call into that loop: what threads ask for at the same time travels
together there, as if one asynchronous program had asked. One loop for all of them and not one for
each, since gRPC's asyncio half has a single thread that serves every loop of a process.

The thread is a daemon. A program that forgets to close its client still ends.

What a thread hands over is a callback, and what it waits for is a lock: the operation is made in
the thread, begun in the loop, and its outcome put where the thread waits (`Receipt`). Threads that
hand over something at the same time wake the loop once. A coroutine for each call, as `run` makes,
costs a task and two futures on top; that is left to what asks more than once: pages, statuses.

Whoever waits for the loop waits as long as it lives, and no longer. In it every operation has its
deadline. Where it is known not to run (`engine.py`) nobody begins to wait; and if something comes
late, the loop is asked for a sign of life.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from kvcluster.client import engine
from kvcluster.client.pending import Answer, Pending
from kvcluster.client.session import Make, Session
from kvcluster.errors import BadRequest, KvError, OutcomeUnknown, Unavailable

_LATE_S = 0.5
"""So much later than it should a result may come before the loop is asked whether it runs."""
_SIGN_OF_LIFE_S = 1.0

T = TypeVar("T")


class Background:
    """An event loop that runs in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._handed: deque[Callable[[], None]] = deque()
        self._is_due = False
        self._thread = threading.Thread(target=self._serve, name="kvcluster", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._loop.close()
            raise BadRequest(f"no thread can be started in this process ({error})") from None

    def run(self, work: Coroutine[Any, Any, T], within_s: float, *, writes: bool = False) -> T:
        """Have something done in the loop, and wait for it. Ctrl+C cancels it there.

        `within_s`: by then it should have ended. Raises BadRequest where the loop cannot run; if it
        does not run any more, Unavailable or, for what `writes`, OutcomeUnknown.
        """
        future = self._start(work)
        try:
            while True:
                concurrent.futures.wait([future], within_s + _LATE_S)
                if future.done():
                    return future.result()
                if not self._runs():
                    raise _lost(writes)
        finally:
            future.cancel()  # which does nothing if it is done

    def answer_to(
        self, session: Session, make: Make, timeout_s: float | None, retry_unknown: bool | None
    ) -> Answer:
        """Have an operation carried out in the loop, and wait for its answer, as `run` does.

        Raises BadRequest, Unavailable, OutcomeUnknown.
        """
        self._check()
        receipt = Receipt()
        operation = session.operation(make, timeout_s, retry_unknown, receipt.tell)
        ended = False
        try:
            self.call(partial(session.begin, operation))
            self._wait_for(receipt, operation)
            ended = True
        finally:
            if not ended:
                self.call(partial(session.give_up, operation))
        return receipt.answer()

    def call(self, work: Callable[[], None]) -> None:
        """Have something done in the loop that waits for nothing, and do not wait for it.

        Works are done in the order in which they are handed over. No lock is held meanwhile:
        whoever calls may be a `__del__` in the middle of another call.
        """
        self._handed.append(work)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        self._is_due = False  # before the look: what comes behind it wakes the loop again
        try:
            while self._handed:
                self._handed.popleft()()
        finally:
            if self._handed:  # one has raised, which the event loop reports
                self._loop.call_soon(self._take)

    def _wait_for(self, receipt: Receipt, operation: Pending) -> None:
        while not receipt.comes_within(operation.timeout_s + _LATE_S):
            if not self._runs():
                raise _lost(operation.writes)

    def _start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        try:
            self._check()
        except BadRequest:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _check(self) -> None:
        engine.check()
        if threading.get_ident() == self._thread.ident:
            raise BadRequest(
                "a client was called from its own event loop, which would wait for itself"
            )

    def _runs(self) -> bool:
        """Whether the loop gives a sign of life."""
        sign = threading.Event()
        self._loop.call_soon_threadsafe(sign.set)
        return sign.wait(_SIGN_OF_LIFE_S)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


class Receipt:
    """Where a thread waits for the outcome of one operation. A lock is all that it takes."""

    __slots__ = ("_come", "_outcome")

    def __init__(self) -> None:
        self._come = threading.Lock()
        self._come.acquire()
        self._outcome: Answer | KvError | None = None

    def tell(self, outcome: Answer | KvError) -> None:
        """This is how it ended. Called once."""
        self._outcome = outcome
        self._come.release()

    def comes_within(self, timeout_s: float) -> bool:
        """Wait for it; whether it came."""
        return self._come.acquire(timeout=timeout_s)

    def answer(self) -> Answer:
        """What came. Raises it where it is an error."""
        outcome, self._outcome = self._outcome, None
        assert outcome is not None
        if isinstance(outcome, KvError):
            try:
                raise outcome
            finally:
                del outcome  # whose traceback would hold this frame, and this frame it
        return outcome


def _lost(writes: bool) -> KvError:
    why = "the thread in which clients work does not run any more"
    return (
        OutcomeUnknown(f"{why}; the write may have happened, or not")
        if writes
        else Unavailable(why)
    )


_lock = threading.RLock()  # its owner may meet a `__del__` that wants it, too
_background: Background | None = None


def background() -> Background:
    """The one of this process, made at the first call. Raises BadRequest where none can work."""
    global _background  # noqa: PLW0603  # one a process is what it is for
    engine.check()  # which refuses before the lock that a forked child may find held for ever
    with _lock:
        if _background is None:
            _background = Background()
        return _background
