"""The parser of a line: the commands of client.py, their help, and one sentence for each mistake.

argparse was made for programs that end: it prints a usage of four lines and leaves. Here a mistake
is an error with a sentence, and the usage stands at the foot of the screen already.

`help` shows one page, which is grouped by wishes, as that of client.py is, and fits 80 columns. The
help of a command is that of client.py, without that word in front, and without the examples that
need another shell, with its pipes and files.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from kvcluster.commands.command import CLUSTER, FEW_KEYS, MANY_KEYS, WISHES, offered
from kvcluster.commands.manual import told
from kvcluster.commands.parser import (
    CommandParser,
    add_command,
    add_help,
    add_options,
    add_parser,
    too_many,
)
from kvcluster.commands.synonyms import NoSuch, in_our_words

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

_PAGE = """\
{commands}
this shell:
  help [COMMAND]        this page, or all about a command
  clear                 clear the screen
  exit, quit            end it; so does Ctrl+D

options, before or after the command:
  --cluster H:P,...     ask these nodes, this time
  --node H:P            ask this node, this time
  --timeout S           seconds to wait for an answer
  -o, --output FORMAT   text or json
  -h, --help            after a command: all about that command

keys:
  Tab                   complete a command, an option, a file or a key
  Up, Down, Ctrl+R      go through what was typed before
  Right                 take the suggestion that stands behind the cursor
  Ctrl+C                cancel the command that runs, or clear the line

words:
  put city "Hà Nội"     quotes keep spaces together, as in other shells
  put degrees -- -7     a value that begins with a dash
   put pin 1234         a line that begins with a space is not remembered

The prompt names the node that is asked. When it does not answer, the next
command moves to another, and says so. Pipes and redirections there are none.
"""

_OF_ANOTHER_SHELL = re.compile(r"  .*client\.py.* [<>|] |  .*\| client\.py|  client\.py$")
"""Examples that cannot be typed here; the last is client.py alone."""


class Mistake(Exception):
    """A line does not say what to do. The text is a sentence."""


class _Parser(CommandParser):
    """The parser of one command."""

    def error(self, message: str) -> NoReturn:
        """Raise Mistake."""
        raise Mistake(f"{self.prog}: {self.reason(message)} (help {self.prog} tells more)")

    def format_help(self) -> str:
        """As client.py has it, without that word."""
        lines = super().format_help().split("\n")
        kept = "\n".join(line for line in lines if not _OF_ANOTHER_SHELL.match(line))
        return kept.replace("client.py ", "")


class Grammar(argparse.ArgumentParser):
    """The parser of a line."""

    def __init__(self, default_cluster: str, given: Mapping[str, object]) -> None:
        """Make it. `given`: options that hold for every line that does not say otherwise."""
        super().__init__(prog="", allow_abbrev=False)
        subparsers = self.add_subparsers(
            dest="command", metavar="COMMAND", required=True, parser_class=_Parser
        )
        add_options(self, default_cluster, identity=False)
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
        return _PAGE.replace("{commands}", told((FEW_KEYS, MANY_KEYS, CLUSTER), in_shell=True))

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
