"""One event loop for a whole cluster, in which each process can be frozen, slowed and ended.

Everything that a process does happens in its *life*: a context variable that its tasks, timers and
callbacks inherit. So the loop knows to whom a callback belongs, and can do to one life what a
system does to one process. SIGSTOP: its callbacks are kept, and run at once when it goes on, while
the clock ran on for everybody. Its machine sleeps: the same, but the clock of its timers stands
still, so each goes off that much later. A slow disk: work that it hands to its threads takes
longer. A kill: its tasks are cancelled, and what they still do reaches nobody.

So `time()` is another for each life that has slept. Who belongs to none, and whoever needs to know
how late it really is, asks `now_s`.

Rejected: one loop for each process, stepped in turn. It is the same with more code, and a future
that belongs to two loops is not allowed.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import enum
import heapq
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.storage.virtual_loop import VirtualLoop

T = TypeVar("T")

_LIFE: contextvars.ContextVar[Life | None] = contextvars.ContextVar("life", default=None)
_ROUNDS_OF_CANCELLING = 100
_LISTENS_S = 0.3
"""A machine that goes to sleep stops its processes before its network."""
_ROUNDING_S = 1e-9
"""More than what adding and subtracting loses: no timer goes off before its time has come."""


class Stop(enum.Enum):
    """How a process may be held, by what stands still meanwhile."""

    FROZEN = "frozen"  # nothing: SIGSTOP
    SUSPENDED = "suspended"  # the clock of its timers: a laptop
    PAUSED = "paused"  # every clock but the wall: a virtual machine


class Life:
    """One life of one process, from its start to its end."""

    def __init__(self, name: str, work_s: Callable[[], float]) -> None:
        self.name = name
        self.work_s = work_s
        """How long the next piece of work takes in a thread, in seconds."""
        self.frozen = False
        self.stop = Stop.FROZEN
        """How it is held, while it is."""
        self.held_s = 0.0
        """Since when."""
        self.timers_slept_s = 0.0
        """For how long the clock of its timers has stood still."""
        self.steady_slept_s = 0.0
        """For how long its steady clock has."""
        self.ended = False
        """Nothing that it still does reaches anybody."""
        self.gone = False
        """It does nothing any more."""
        self.held: list[asyncio.Handle] = []
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.context = contextvars.copy_context()
        self.context.run(_LIFE.set, self)

    def is_deaf(self, now_s: float) -> bool:
        """Whether its machine sleeps, and no message gets through to it any more."""
        return self.frozen and self.stop is not Stop.FROZEN and now_s > self.held_s + _LISTENS_S

    def run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task in this life."""
        return self.context.run(asyncio.get_running_loop().create_task, work)

    async def end(self) -> None:
        """Cancel every task until none is left."""
        self.ended = True
        for _ in range(_ROUNDS_OF_CANCELLING):
            if not self.tasks:
                break
            for task in list(self.tasks):
                task.cancel()  # again if need be: wait_for may swallow a cancellation
            await asyncio.sleep(0)
        assert not self.tasks, f"{self.name} does not end: {list(self.tasks)}"
        self.gone = True


def current_life() -> Life | None:
    """The life that is running now; None outside of all."""
    return _LIFE.get()


class _Ready(collections.deque[asyncio.Handle]):
    """The loop's queue, which holds back what belongs to a frozen life."""

    holds_back = True

    def append(self, handle: asyncio.Handle) -> None:
        """Take a callback in."""
        life = _life_of(handle)
        if life is None or not self.holds_back or not (life.frozen or life.gone):
            super().append(handle)
        elif not life.gone:
            life.held.append(handle)


class SimLoop(VirtualLoop):
    """A loop in virtual time that knows lives."""

    def __init__(self) -> None:
        super().__init__()
        self._ready: _Ready = _Ready()
        self._frozen: dict[Life, None] = {}
        self._nobody = contextvars.copy_context()
        self.set_task_factory(_make_task)

    @property
    def now_s(self) -> float:
        """The time in the world, whoever asks."""
        return self._now_s

    def time(self) -> float:
        """What the clock of the timers says in the life that is running now."""
        life = _LIFE.get()
        if life is None or not life.timers_slept_s:
            return self._now_s
        return self._now_s - life.timers_slept_s + _ROUNDING_S

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer, at a time of the life that is running now."""
        life = _LIFE.get()
        when += life.timers_slept_s if life else 0.0
        return super().call_at(when, callback, *args, context=context)

    def freeze(self, life: Life, stop: Stop = Stop.FROZEN) -> None:
        """Hold a life. What is queued already is replaced, not removed: the loop counts it."""
        life.frozen, life.stop, life.held_s = True, stop, self._now_s
        self._frozen[life] = None
        queued = list(self._ready)
        self._ready.clear()
        for handle in queued:
            if _life_of(handle) is life:
                life.held.append(handle)
                self._ready.append(asyncio.Handle(_nothing, (), self, self._nobody))
            else:
                self._ready.append(handle)

    def thaw(self, life: Life) -> None:
        """Let it go on. What came meanwhile runs now: messages first, as in a real loop, and then
        the timers that are due.
        """
        slept_s = 0.0 if life.stop is Stop.FROZEN or not life.frozen else self._now_s - life.held_s
        life.frozen = False
        self._frozen.pop(life, None)
        held, life.held = life.held, []
        timers = [handle for handle in held if isinstance(handle, asyncio.TimerHandle)]
        self._ready.extend(it for it in held if not isinstance(it, asyncio.TimerHandle))
        if slept_s:
            self._put_off(life, timers, slept_s)
        else:
            self._ready.extend(timers)

    def _put_off(self, life: Life, due: list[asyncio.TimerHandle], slept_s: float) -> None:
        """The timers of a life slept, those that seemed due meanwhile included."""
        life.timers_slept_s += slept_s
        life.steady_slept_s += slept_s if life.stop is Stop.PAUSED else 0.0
        timers: list[Any] = self._scheduled  # type: ignore[attr-defined]
        for timer in due:
            if not timer.cancelled():
                timer._scheduled = True  # type: ignore[attr-defined]
                timers.append(timer)
        for timer in timers:
            if _life_of(timer) is life:
                timer._when += slept_s
        heapq.heapify(timers)

    def later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> None:
        """Call something that belongs to no life."""
        if self._ready.holds_back:
            self.call_later(delay_s, callback, *args, context=self._nobody)

    def hand_over(self, callback: Callable[..., object], *args: Any) -> None:
        """Work for a thread: it is done after as long as the life's disk takes."""
        life = _LIFE.get()
        self.call_later(life.work_s() if life and not life.ended else 0.0, callback, *args)

    def clear_away(self) -> None:
        """End whatever is left of a history that was given up."""
        self._ready.holds_back = False
        self._steps_at_now = 0  # a livelock is over, or this would break off, too
        for life in list(self._frozen):
            self.thaw(life)
        for _ in range(_ROUNDS_OF_CANCELLING):
            tasks = asyncio.all_tasks(self)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.run_until_complete(asyncio.wait(tasks, timeout=0.01))


def _life_of(handle: asyncio.Handle) -> Life | None:
    context: contextvars.Context = handle._context  # type: ignore[attr-defined]
    return context.get(_LIFE)


def _make_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    life = _LIFE.get()
    if life is not None:
        life.tasks[task] = None
        task.add_done_callback(life.tasks.pop)
    return task


def _nothing() -> None:
    pass
