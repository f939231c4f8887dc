"""A meter: how far a long command has come, how fast it goes, and how long it will take.

It is drawn on standard error while that is a terminal, and is gone when the command has ended: the
sentence that remains says all. In a pipe or a log there is none, and the library that draws it is
not even loaded.
"""

from __future__ import annotations

import collections
import sys
import time
from pathlib import PurePath
from typing import TYPE_CHECKING

from kvcluster.view.wording import duration

if TYPE_CHECKING:
    from rich.progress import Progress

_WINDOW_S = 5.0
_NAME_CHARACTERS = 20


class Rate:
    """How much came within the last seconds. It is told what time it is."""

    def __init__(self) -> None:
        self._seen: collections.deque[tuple[float, float]] = collections.deque()

    def add(self, now_s: float, count: float) -> None:
        """By now it is so much in all."""
        self._seen.append((now_s, count))
        while len(self._seen) > 2 and self._seen[0][0] < now_s - _WINDOW_S:
            self._seen.popleft()

    @property
    def per_s(self) -> float:
        """Count per second, 0 while there is nothing to compare."""
        if len(self._seen) < 2:
            return 0.0
        (since_s, before), (now_s, count) = self._seen[0], self._seen[-1]
        return (count - before) / (now_s - since_s) if now_s > since_s else 0.0


class Meter:
    """A context in which progress is shown. `total`: in the unit of `done`; None: unknown."""

    def __init__(self, name: str, total: float | None, *, noun: str = "keys") -> None:
        self._total = total
        self._noun = noun
        self._done, self._count = 0.0, 0
        self._speed, self._rate = Rate(), Rate()
        self._bar: Progress | None = None
        if sys.stderr is not None and sys.stderr.isatty():
            self._bar = _bar(self, timed=total is not None)
            name = PurePath(name).name
            if len(name) > _NAME_CHARACTERS:
                name = name[: _NAME_CHARACTERS - 1] + "…"
            self._task = self._bar.add_task(name, total=total)

    def __enter__(self) -> Meter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: float, count: int) -> None:
        """So far: `done` of the total, and so many keys or calls."""
        self._done, self._count = done, count
        if self._bar is not None:
            self._bar.update(self._task, completed=done)

    def line(self, now_s: float) -> str:
        """What stands behind the bar. It is asked for anew each moment: a rate sinks by itself."""
        self._speed.add(now_s, self._done)
        self._rate.add(now_s, self._count)
        line = f"{self._count:,} {self._noun}  {self._rate.per_s:,.0f}/s"
        if self._total is not None and self._speed.per_s > 0:
            line += f"  {duration((self._total - self._done) / self._speed.per_s)} left"
        return line


def _bar(meter: Meter, *, timed: bool) -> Progress:
    from rich import progress
    from rich.console import Console
    from rich.table import Column
    from rich.text import Text

    class _Line(progress.ProgressColumn):
        """What the meter says."""

        def render(self, task: progress.Task) -> Text:
            return Text(meter.line(time.monotonic()), no_wrap=True)

    columns: list[str | progress.ProgressColumn] = ["{task.description}"]
    if timed:
        columns += [
            progress.BarColumn(None, table_column=Column(ratio=1)),
            progress.TaskProgressColumn(),
        ]
    columns.append(_Line())
    if not timed:
        columns.append(progress.TimeElapsedColumn())
    return progress.Progress(*columns, console=Console(stderr=True), transient=True, expand=timed)


def speed(count: int, elapsed_s: float) -> str:
    """What a command did, for its last sentence: "in 35 s (28,571 keys/s)"."""
    took = f"{elapsed_s:.1f} s" if elapsed_s < 10 else duration(elapsed_s)
    if 60 <= elapsed_s < 3600:
        took = f"{elapsed_s // 60:.0f} min {elapsed_s % 60:.0f} s"
    rate = f" ({count / elapsed_s:,.0f} keys/s)" if count >= 100 and elapsed_s > 0 else ""
    return f"in {took}{rate}"
