"""The parser of a line: the commands of client.py, and one sentence for each mistake.

argparse was made for programs that end: it prints a usage of four lines and leaves. Here a mistake
is an error with a sentence, and the usage stands at the foot of the screen already.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import NoReturn

from kvcluster.commands.command import WISHES, offered
from kvcluster.commands.parser import (
    CommandParser,
    add_command,
    add_help,
    add_options,
    add_parser,
    too_many,
)
from kvcluster.commands.synonyms import NoSuch, in_our_words
from kvcluster.shell.help_text import page, without_program

ENDS = ("exit", "quit")
"""Words that end the shell."""
_HELP = {"-h", "--help"}
_END = """\
examples:
  exit
  quit

exit codes:
  0  it ends; a script ends with the code of its last line that failed
"""
_CLEAR = """\
examples:
  clear

exit codes:
  0  the screen is empty, and no key is gone
"""


class Mistake(Exception):
    """A line does not say what to do. The text is a sentence."""


class _Parser(CommandParser):
    """The parser of one command."""

    def error(self, message: str) -> NoReturn:
        """Raise Mistake."""
        raise Mistake(f"{self.prog}: {self.reason(message)} (help {self.prog} tells more)")

    def format_help(self) -> str:
        """As client.py has it, without that word."""
        return without_program(super().format_help())


class Grammar(argparse.ArgumentParser):
    """The parser of a line."""

    def __init__(self, default_cluster: str, given: Mapping[str, object]) -> None:
        """Make it. `given`: options that hold for every line that does not say otherwise."""
        super().__init__(prog="", allow_abbrev=False)
        subparsers = self.add_subparsers(
            dest="command", metavar="COMMAND", required=True, parser_class=_Parser
        )
        add_options(self, default_cluster)
        for wish in WISHES:
            for name, command in offered(wish, in_shell=True):
                add_command(subparsers, name, command, default_cluster, front="")
        for name in ENDS:
            add_parser(subparsers, name, "end the shell", _END, front="")
        add_parser(subparsers, "clear", "clear the screen", _CLEAR, front="")
        add_help(subparsers, [*subparsers.choices, "help"], front="")
        self.set_defaults(**given)
        self.commands: Mapping[str, argparse.ArgumentParser] = subparsers.choices
        """The parser of each command."""

    def error(self, message: str) -> NoReturn:
        """Raise Mistake."""
        raise Mistake(f"{message} (help tells more)")

    def format_help(self) -> str:
        """The page of the shell."""
        return page()

    def understand(self, words: Sequence[str]) -> argparse.Namespace:
        """What a line says. Raises Mistake; and SystemExit, as argparse does, after a --help."""
        try:
            words = in_our_words(words, self.commands)
        except NoSuch as mistake:
            raise Mistake(str(mistake)) from None
        if not _HELP.union(self.commands).intersection(words):
            raise Mistake("A line has a command, and this one has none; help shows all commands.")
        options, surplus = self.parse_known_args(words)
        if surplus:
            self.commands[options.command].error(too_many(surplus))
        return options
