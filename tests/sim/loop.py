"""One event loop for a whole cluster, in which each process can be frozen, slowed and ended.

Everything that a process does happens in its *life*: a context variable that its tasks, timers and
callbacks inherit. So the loop knows to whom a callback belongs, and can do to one life what a
system does to one process. SIGSTOP: its callbacks are kept, and run at once when it goes on, while
the clock ran on for everybody. A slow disk: work that it hands to its threads takes longer. A
kill: its tasks are cancelled, and what they still do reaches nobody.

Rejected: one loop for each process, stepped in turn. It is the same with more code, and a future
that belongs to two loops is not allowed.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.storage.virtual_loop import VirtualLoop

T = TypeVar("T")

_LIFE: contextvars.ContextVar[Life | None] = contextvars.ContextVar("life", default=None)
_ROUNDS_OF_CANCELLING = 100


class Life:
    """One life of one process, from its start to its end."""

    def __init__(self, name: str, work_s: Callable[[], float]) -> None:
        self.name = name
        self.work_s = work_s
        """How long the next piece of work takes in a thread, in seconds."""
        self.frozen = False
        self.ended = False
        """Nothing that it still does reaches anybody."""
        self.gone = False
        """It does nothing any more."""
        self.held: list[asyncio.Handle] = []
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.context = contextvars.copy_context()
        self.context.run(_LIFE.set, self)

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

    def freeze(self, life: Life) -> None:
        """SIGSTOP. What is queued already is replaced, not removed: the loop counts it."""
        life.frozen = True
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
        """SIGCONT. What came meanwhile runs now; as in a real loop messages first, then timers."""
        life.frozen = False
        self._frozen.pop(life, None)
        held, life.held = life.held, []
        held.sort(key=lambda handle: isinstance(handle, asyncio.TimerHandle))
        self._ready.extend(held)

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
