"""An event loop in virtual time: a run of minutes takes milliseconds, and each run is the same.

It is its own selector: where a real loop would sleep, the clock jumps. When every task waits and
no timer is set, nothing can ever happen again, and it says so instead of hanging. Work for a
thread runs in the loop, one step later, so nothing depends on threads being scheduled.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from kvcluster.storage.disk import DiskThread, Then, attempt

T = TypeVar("T")

_STEPS_AT_ONE_TIME = 1_000_000


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module. `complaints` are the errors that nobody looked at."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._now_s = 0.0
        self._steps_at_now = 0
        self.complaints: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.complaints.append(context))

    def time(self) -> float:
        """The virtual time, in seconds."""
        return self._now_s

    def skip(self, duration_s: float) -> None:
        """Let time pass in which nothing runs, as if the process had been stopped."""
        self._now_s += duration_s

    def select(self, timeout: float | None) -> list[object]:
        """What the loop does when it has nothing to do."""
        if timeout is None:
            raise RuntimeError("deadlock: every task waits, and no timer is set")
        self._now_s += timeout
        self._steps_at_now = 0 if timeout > 0 else self._steps_at_now + 1
        if self._steps_at_now > _STEPS_AT_ONE_TIME:
            raise RuntimeError("livelock: somebody works for ever without letting time pass")
        return []

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run the work in the loop, one step later."""
        done: asyncio.Future[T] = self.create_future()
        self.hand_over(_work, done, func, args)
        return done

    def hand_over(self, callback: Callable[..., object], *args: Any) -> None:
        """How work gets to a thread."""
        self.call_soon(callback, *args)

    def _process_events(self, event_list: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class VirtualThread(DiskThread):
    """The thread of a disk in virtual time: the loop does the work itself, as late as it says."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._virtual = loop

    def hand_over(self, work: Callable[[], Any], then: Then) -> None:
        """See DiskThread."""
        # In a step of its own, for a process may be stopped in the middle of its work.
        self._virtual.hand_over(lambda: self._virtual.call_soon(then, *attempt(work)))

    def end(self) -> None:
        """See DiskThread. What it has in hand is done later, as if it had been quicker."""


def _work(done: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
    try:
        result = func(*args)
    except Exception as error:
        if not done.done():
            done.set_exception(error)
    else:
        if not done.done():
            done.set_result(result)


async def in_time(work: Awaitable[T], timeout_s: float) -> T:
    """What it gives, or TimeoutError.

    It is `asyncio.wait_for`, except that its steps are the same in every Python: since 3.12 those
    of wait_for are others, and a history would hang on the Python on which it is played.
    """
    task = asyncio.ensure_future(work)
    try:
        if timeout_s > 0:
            await asyncio.wait([task], timeout=timeout_s)
    except asyncio.CancelledError:
        await _end(task)
        raise
    if not task.done():
        await _end(task)
        if task.cancelled():
            raise asyncio.TimeoutError
    return task.result()


async def _end(task: asyncio.Future[Any]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait([task])


def run(work: Coroutine[Any, Any, T], loop: VirtualLoop | None = None) -> T:
    """Run to the end in virtual time; fail if an error was dropped on the way."""
    loop = loop or VirtualLoop()
    try:
        result = loop.run_until_complete(work)
        gc.collect()
        assert not loop.complaints, loop.complaints
        return result
    finally:
        loop.close()
