"""What a tour stands on: commands that are shown and really run, each with a check.

Every command is a process of its own, as a person would start it, and is printed as they would
type it (the servers with longer options than are shown). A check is a line with a tick or a cross.
"""

from __future__ import annotations

import itertools
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from kvcluster.commands.demo.local_cluster import ROOT, LocalCluster
from kvcluster.console.screen import CROSS, TICK, Exit, counted, say

_FILE_PATIENCE_S = 10.0
"""A file on disk follows a write by about a second."""
_POLL_INTERVAL_S = 0.1


class Checklist:
    """Steps with a tick or a cross, and how many of them held."""

    def __init__(self) -> None:
        self.held = 0
        self.total = 0

    def check(self, step: str, *, expected: str, got: str, held: bool | None = None) -> bool:
        """Print a step. It holds if it went as expected, unless `held` says otherwise."""
        held = expected == got if held is None else held
        self.total += 1
        self.held += held
        if held:
            say(f"  {TICK} {step}  as expected: {got}")
        else:
            say(f"  {CROSS} {step}  expected {expected}, got {got}")
        return held

    @property
    def all_held(self) -> bool:
        """Whether there were steps and every one of them held."""
        return self.held == self.total > 0

    @property
    def summary(self) -> str:
        """One clause: how many steps held."""
        if self.all_held:
            return f"{TICK} All {counted(self.total, 'step')} held"
        missed = self.total - self.held
        return f"{CROSS} {missed} of {counted(self.total, 'step')} did not hold"


class Stage:
    """A local cluster, the headings and the checks of those who act on it."""

    def __init__(
        self, cluster: LocalCluster, checklist: Checklist, headings: Iterator[int] | None = None
    ) -> None:
        self.cluster = cluster
        self.checklist = checklist
        self.headings = headings or itertools.count(1)

    def heading(self, text: str) -> None:
        """Begin a part."""
        line = f"{next(self.headings)}. {text}"
        say(f"\n{line}\n{'-' * len(line)}")

    def start(self, number: int) -> None:
        """Start a server; it is not ready yet."""
        options = "".join(f" {option}" for option in self.cluster.options)
        say(
            f"$ python server.py {self.cluster.ports[number]}{options} --cluster ... --data-dir ..."
        )
        self.cluster.start(number)

    def ask(self, *command: str, code: int = Exit.DONE) -> None:
        """Run client.py, show what it prints, and check its exit code."""
        self.show(command[0], "client.py", *command, code=code)

    def ask_status(self, *, code: int = Exit.DONE) -> None:
        """Show the whole cluster; the first node names the others."""
        self.ask("status", "--cluster", self.cluster.nodes[0], code=code)

    def show(self, name: str, *command: str, code: int = Exit.DONE) -> None:
        """Run a command that shows its own output; its exit code must be as expected."""
        done = self._run(command)
        self.checklist.check(
            name, expected=f"exit code {int(code)}", got=f"exit code {done.returncode}"
        )

    def check(
        self,
        *command: str,
        node: str,
        prints: str,
        says: tuple[str, ...] = (),
        code: int = Exit.DONE,
    ) -> None:
        """Run client.py against one node: what it must print and, on standard error, say first.

        `says`: each of these will do; none: nothing is expected there.
        """
        error = subprocess.PIPE if says else None
        done = self._run(("client.py", *command, "--node", node), subprocess.PIPE, error)
        self.checklist.check(
            "it prints",
            expected=_printed(prints, code),
            got=_printed(done.stdout.strip(), done.returncode),
        )
        if says:
            said = done.stderr.partition("\n")[0]
            self.checklist.check("and says", expected=says[0], got=said, held=said in says)

    def wait_for_files(self, contents: Sequence[Mapping[str, str]]) -> None:
        """Wait until the JSON file of each node holds what it should, or patience ends."""
        deadline = time.monotonic() + _FILE_PATIENCE_S
        while any((self.cluster.data(n) or {}) != data for n, data in enumerate(contents)):
            if time.monotonic() >= deadline:
                return
            time.sleep(_POLL_INTERVAL_S)

    def _run(
        self, command: tuple[str, ...], out: int | None = None, error: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        say(f"$ python {shlex.join(command)}")
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
            encoding="utf-8",
            check=False,
        )


def _printed(text: str, code: int) -> str:
    return f"{text or 'nothing'}{f', exit code {int(code)}' if code else ''}"
