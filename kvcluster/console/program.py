"""Which program somebody types: `client.py` in a checkout, or `kvcluster`, which is installed.

Both have the same commands. `kvcluster` has in addition what is a script of its own in a checkout
(`server`), and shows its help where `client.py`, as the mission has it, plays the demo.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn


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
