"""What may stand at the cursor: a command, an option, one of a few words, a file, a node or a key.

The parser knows all of it already: what an argument is called in its usage says what it is. So this
walks the words before the cursor as argparse would, without its errors: a line that is being typed
is hardly ever right.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kvcluster.shell.grammar import Grammar

KEYS = ("KEY", "PREFIX", "P")
NODES = ("H:P", "H:P,...")
FILES = ("FILE",)


@dataclass(frozen=True)
class Expected:
    """What may come; whoever offers it compares it with what is there."""

    command: argparse.ArgumentParser | None = None
    """The parser of the command that stands in the line."""
    argument: argparse.Action | None = None
    """The argument or option that is being typed."""
    words: Mapping[str, str] | None = None
    """Words to choose from, with what each means."""

    @property
    def name(self) -> str:
        """What its usage calls the argument, so what it is: one of KEYS, NODES, FILES, or else."""
        return str(self.argument.metavar) if self.argument is not None else ""


def expected(grammar: Grammar, before: Sequence[str], typed: str) -> Expected:
    """What may stand behind these words, where something is typed already."""
    walk = _Walk(grammar)
    for word in before:
        walk.pass_by(word)
    return walk.here(typed)


class _Walk:
    """Goes along a line, and knows at each place what comes next."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._command: argparse.ArgumentParser | None = None
        self._lost = False
        """Behind a command that does not exist."""
        self._only_arguments = False
        """Behind "--"."""
        self._option: argparse.Action | None = None
        """The option whose value comes now."""
        self._count = 0

    def pass_by(self, word: str) -> None:
        """Go behind a word."""
        if self._option is not None:
            self._option = None
        elif self._is_option(word):
            self._only_arguments = word == "--"
            option = self._options.get(word)
            self._option = option if option is not None and option.nargs != 0 else None
        elif self._command is None:
            self._command = self._grammar.commands.get(word)
            self._lost = self._command is None
        else:
            self._count += 1

    def here(self, typed: str) -> Expected:
        """What comes here."""
        if self._lost:
            return Expected()
        if self._option is not None:
            return self._value_of(self._option)
        if self._is_option(typed):
            options = self._options.items()
            offered = {name: it.help or "" for name, it in options if it.help != argparse.SUPPRESS}
            return Expected(self._command, self._options.get(typed), offered)
        if self._command is None:
            commands = self._grammar.commands
            return Expected(words={it: commands[it].description or "" for it in commands})
        return self._value_of(self._argument)

    def _is_option(self, word: str) -> bool:
        return word.startswith("-") and not self._only_arguments

    def _value_of(self, argument: argparse.Action | None) -> Expected:
        choices = argument.choices if argument is not None else None
        words = dict.fromkeys(map(str, choices), "") if choices is not None else None
        return Expected(self._command, argument, words)

    @property
    def _options(self) -> Mapping[str, argparse.Action]:
        parser = self._command or self._grammar
        return {name: it for it in parser._actions for name in it.option_strings}

    @property
    def _argument(self) -> argparse.Action | None:
        """The argument that stands next; the last one may come many times."""
        assert self._command is not None
        arguments = [it for it in self._command._actions if not it.option_strings]
        if self._count < len(arguments):
            return arguments[self._count]
        return arguments[-1] if arguments and arguments[-1].nargs in ("+", "*") else None
