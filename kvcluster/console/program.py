"""A program: which one somebody types, and how it ends in good order.

They type `client.py` in a checkout, or `kvcluster`, which is installed. Both have the same
commands. `kvcluster` has in addition what is a script of its own in a checkout (`server`), and
shows its help where `client.py`, as the mission has it, plays the demo.

Every program ends through `run_calmly`: Ctrl+C, a closed pipe and a full disk are ordinary ways to
end, and none of them prints a stack trace. What cannot be written is told, and never with exit
code 0.

While a program is being loaded there is nothing to clean up yet. An exception that comes then comes
into the middle of an import, and where that is in a callback Python prints it and forgets it. So
until `raise_interrupts` Ctrl+C ends a program where it stands (doorstep.py). Later it comes when it
does no harm (`postponed`), and never gets lost. Ignoring the signal meanwhile would be simpler, and
wrong twice: the wish is forgotten, and a process started in that moment inherits the deafness.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kvcluster.console import streams
from kvcluster.console.screen import Exit, complain
from kvcluster.doorstep import end_at_once

_SIZE = re.compile("0*[1-9][0-9]{0,3}")
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_SIGNALS = tuple(signal.Signals[name] for name in _NAMES if hasattr(signal, name))
"""Those that there are: Windows has not all of them."""


@dataclass(frozen=True)
class Other:
    """A command with a parser of its own, which it also sees to."""

    name: str
    text: str
    """What it does, as the end of "it will ..."."""
    parser: Callable[[str], argparse.ArgumentParser]
    """Makes its parser, from what stands in front of its arguments."""
    run: Callable[[Sequence[str]], int]
    """Does it, from the words behind its name; returns the exit code."""


@dataclass(frozen=True)
class Program:
    """What is told to who types its name, and what else it has."""

    name: str
    default_cluster: str
    alone: str | None
    """The command that its name alone means; None: its help."""
    others: tuple[Other, ...] = ()

    def other(self, words: Sequence[str]) -> Other | None:
        """The other command that a command line begins with."""
        return next((it for it in self.others if words[:1] == [it.name]), None)


def typed() -> str:
    """How the program that runs is typed: "python client.py", "kvcluster"."""
    name = Path(sys.argv[0]).name
    if name == "__main__.py":
        return "python -m kvcluster"
    return f"python {name}" if name.endswith(".py") else name


def client(default_cluster: str) -> Program:
    """client.py."""
    return Program("client.py", default_cluster, alone="demo")


class ShowVersion(argparse.Action):
    """The action of `--version`: prints ours and that of Python, which bug reports lack, and ends.

    To find ours costs time, which nobody else should spend: it is looked up when it is asked for.
    """

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="print the version")

    def __call__(
        self, parser: argparse.ArgumentParser, *_: Any, option_string: str | None = None
    ) -> NoReturn:
        """Print it, and end."""
        from importlib import metadata

        try:
            version = metadata.version("kvcluster")
        except metadata.PackageNotFoundError:
            version = "of a folder that was not installed"
        print(f"kvcluster {version}, Python {sys.version.split()[0]}", flush=True)
        parser.exit()


def run_calmly(work: Callable[[], int]) -> int:
    """Do the work and return its exit code, whatever happens to the terminal meanwhile."""
    streams.take_over()
    _forget_absurd_sizes(os.environ)
    try:
        code = _code_of(work)
        streams.flush()
    except (KeyboardInterrupt, streams.BrokenOff):
        with contextlib.suppress(OSError), streams.in_no_time():
            complain("Interrupted.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.CLOSED_PIPE
    except OSError as error:
        with contextlib.suppress(OSError):  # it may be standard error that takes no more
            complain(f"Cannot go on: {error.strerror or error}.")
        return Exit.UNKNOWN
    return code


def _code_of(work: Callable[[], int]) -> int:
    try:
        return int(work())
    except SystemExit as end:  # argparse has shown a help, or what is wrong with the arguments
        return end.code if isinstance(end.code, int) else Exit.DONE


def _forget_absurd_sizes(environment: MutableMapping[str, str]) -> None:
    """Take away sizes of the screen that are none: who draws would believe them, and draw nothing.

    Where nothing is said, the terminal is asked, and one that does not know has 80 columns.
    """
    for name in ("COLUMNS", "LINES"):
        if name in environment and not _SIZE.fullmatch(environment[name]):
            del environment[name]


def raise_interrupts() -> None:
    """Have Ctrl+C raise KeyboardInterrupt, where it would have ended the program (doorstep.py)."""
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def treat_all_alike() -> None:
    """Have `kill` and a closed terminal do what Ctrl+C does: raise KeyboardInterrupt."""
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Let the body run to its end; an interrupt that came meanwhile is raised after it."""
    came = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in _SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt
