"""The other end of a loading process: who starts it, asks, and ends it."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Sequence
from types import TracebackType

from bench.load.client import Spec
from bench.load.jobs import Closed, Count, Figures, Job, Steady, to_line
from bench.systems.processes import Place, Processes, PromiseBroken, SystemFailed

_PATIENCE_S = 60.0
"""To connect, or beyond the time that a job takes by its own account."""
_BULK_PATIENCE_S = 600.0


class Driver:
    """A process that loads one system. Use it as a context."""

    def __init__(self, place: Place, kind: str, spec: Spec) -> None:
        self.first_error = ""
        """What the first call said that failed, of the last job; empty if none did."""
        self._processes = Processes(place)
        self._name = f"load of {kind}"
        self._process = self._processes.start(
            self._name,
            [*place.module("bench.load"), kind, json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Driver:
        try:
            self._answer(_PATIENCE_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._processes.close()

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def ask(self, job: Job, pids: Sequence[int]) -> Figures:
        """Have a job done. `pids`: the system's processes. Raises SystemFailed, PromiseBroken."""
        assert self._process.stdin is not None
        line = f"{','.join(map(str, pids))} {to_line(job)}\n"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):  # it has ended, or was closed
            raise self._failed("ended") from None
        if isinstance(job, Closed | Count | Steady):
            return self._answer(job.seconds + _PATIENCE_S)
        return self._answer(_BULK_PATIENCE_S)

    def _answer(self, patience_s: float) -> Figures:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], patience_s)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            self.close()  # an answer that came later would be taken for that to the next question
            raise self._failed("ended" if readable else f"said nothing for {patience_s:g} s")
        answer = json.loads(line)
        if "broken" in answer:
            raise PromiseBroken(answer["broken"])
        if "failed" in answer:
            raise SystemFailed(answer["failed"])
        self.first_error = answer.pop("first_error", "")
        return {name: float(value) for name, value in answer.items()}

    def _failed(self, what: str) -> SystemFailed:
        return SystemFailed(f"the {self._name} {what}: {self._processes.last_words(self._name)}")
