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
    command: argparse.ArgumentParser | None = None
    option: argparse.Action | None = None
    """The option whose value comes now."""
    arguments, only_arguments = 0, False
    for word in before:
        if option is not None:
            option = None
        elif word.startswith("-") and not only_arguments:
            only_arguments = word == "--"
            option = _options(command or grammar).get(word)
            option = None if option is None or option.nargs == 0 else option
        elif command is not None:
            arguments += 1
        elif (command := grammar.commands.get(word)) is None:
            return Expected()  # nobody knows what stands behind a command that does not exist
    if option is not None:
        return _value_of(command, option)
    if typed.startswith("-") and not only_arguments:
        options = _options(command or grammar)
        return Expected(command, options.get(typed), _told(options))
    if command is None:
        return Expected(words={name: it.description or "" for name, it in grammar.commands.items()})
    return _value_of(command, _argument(command, arguments))


def _options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {name: it for it in parser._actions for name in it.option_strings}


def _told(options: Mapping[str, argparse.Action]) -> dict[str, str]:
    helps = {name: it.help or "" for name, it in options.items()}
    return {name: text for name, text in helps.items() if text != argparse.SUPPRESS}


def _argument(command: argparse.ArgumentParser, count: int) -> argparse.Action | None:
    """The argument behind so many others; the last one may come many times."""
    arguments = [it for it in command._actions if not it.option_strings]
    if count < len(arguments):
        return arguments[count]
    return arguments[-1] if arguments and arguments[-1].nargs in ("+", "*") else None


def _value_of(
    command: argparse.ArgumentParser | None, argument: argparse.Action | None
) -> Expected:
    choices = argument.choices if argument is not None else None
    words = dict.fromkeys(map(str, choices), "") if choices is not None else None
    return Expected(command, argument, words)
