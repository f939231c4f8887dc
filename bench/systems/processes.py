"""Processes of a benchmark: started with a log each, ended whatever happens.

They have sessions of their own, so Ctrl+C reaches the benchmark alone, which then ends them in its
own order. If the benchmark itself is killed, Linux kills them (`setpriv --pdeathsig`): a forgotten
cluster would spoil every later measurement on this machine.

A process finds `bench` in the folder of the run, where a link leads to it, and `kvcluster` in the
tree that it is about. So a load of another checkout's servers uses that checkout's library and this
checkout's benchmark.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_STOP_PATIENCE_S = 60.0
_LOG_LINES = 5
_KILLED_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""It becomes the program that it starts. Where it is not there, a benchmark that is killed by -9
leaves its systems behind."""


class SystemFailed(Exception):
    """A system did not come up, or did not do what was asked. The text tells why."""


class PromiseBroken(SystemFailed):
    """A system has not done what it acknowledged. A run in which that happened is not kept."""


@dataclass(frozen=True)
class Place:
    """Where something runs: a folder for its files, and the checkout whose code it runs."""

    folder: Path
    tree: Path = ROOT

    def made(self) -> Place:
        """With its folder there, and a link to the benchmark in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        link = self.folder / "bench"
        if not link.is_symlink():
            link.symlink_to(ROOT / "bench")
        return self

    def inner(self, name: str) -> Place:
        """A folder of its own in this one."""
        return Place(self.folder / name, self.tree).made()

    def module(self, name: str) -> list[str]:
        """How a module of the benchmark is run here."""
        return [sys.executable, "-m", name]


class Processes:
    """Processes by name. `close` ends them all."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> list[int]:
        """Their numbers, of those that have not ended."""
        return [process.pid for process in self._running.values() if process.poll() is None]

    def pid(self, name: str) -> int:
        """The number of one."""
        return self._running[name].pid

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a process; what it says goes to its log, standard output too unless asked for."""
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [*_KILLED_WITH_US, *command],
                stdin=stdin,
                stdout=log if stdout is None else stdout,
                stderr=log,
                cwd=self.place.folder,
                env={**os.environ, "PYTHONPATH": str(self.place.tree)},
                start_new_session=True,
            )
        return self._running[name]

    def raise_if_ended(self) -> None:
        """Raise SystemFailed if one has ended by itself."""
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                raise SystemFailed(f"{name} ended with {code}: {self.last_words(name)}")

    def last_words(self, name: str) -> str:
        """The end of a log."""
        with contextlib.suppress(OSError):
            lines = self._log(name).read_text("utf-8", "replace").splitlines()
            return " / ".join(line.strip() for line in lines[-_LOG_LINES:]) or "it said nothing"
        return "it has no log"

    def log(self, name: str) -> str:
        """All that a process has said since its folder is there."""
        return self._log(name).read_text("utf-8", "replace")

    def stop(self, name: str, by: signal.Signals = signal.SIGTERM) -> None:
        """End one, gently first."""
        process = self._running.pop(name)
        process.send_signal(by)
        _reap(process)

    def close(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End all, gently first, all at once. An interrupt on the way kills what is left."""
        processes = list(self._running.values())
        self._running.clear()
        try:
            for process in processes:
                if process.stdin is not None:
                    with contextlib.suppress(BrokenPipeError):
                        process.stdin.close()
                process.send_signal(by)
            for process in processes:
                _reap(process)
        finally:
            for process in processes:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()

    def _log(self, name: str) -> Path:
        return self.place.folder / f"{name.replace(' ', '-')}.log"


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
