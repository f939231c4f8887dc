"""The parser of client.py: its commands, their arguments, and which options stand where.

Options may stand before or after the command. A value that begins with a dash comes after `--`,
as everywhere; a value `-` alone is standard input, a file `-` standard input or output.

What an argument may be is decided in console/arguments.py, what the help says in manual.py; what
follows from all of it in kvcluster/command_line.py. `complete` on an argument is what completion.py
reads.

The lines of `client.py shell` are parsed by the same commands, so nothing is said twice. There they
have no program in front, and words of their own about it: `exit` instead of `completion`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from kvcluster.commands import epilogs, manual, parameters
from kvcluster.commands.parameters import Add
from kvcluster.commands.synonyms import no_such_option
from kvcluster.console.arguments import nodes, one_node, seconds
from kvcluster.console.escaping import shown
from kvcluster.console.program import Program, ShowVersion
from kvcluster.console.screen import Exit, columns, complain, folded

DEFAULT_TIMEOUT_S = 5.0
STATUS_TIMEOUT_S = 2.0
"""A look at all nodes does not wait so long for a frozen one."""
FOR_ALL_NODES = (None, "demo", "status")
"""Commands that have no use for --node."""
WITHOUT_NODES = ("up", "completion", "help", "exit", "quit", "clear")
"""Commands that ask nobody."""

_OPTIONS = ("cluster", "node", "timeout", "output")


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are not broken within a word by a narrow terminal."""

    def error(self, message: str) -> NoReturn:
        """Show how it is used, and say what is wrong."""
        self.print_usage(sys.stderr)
        self.refuse(f"error: {message}")

    def refuse(self, sentence: str) -> NoReturn:
        """Say what is wrong, and end."""
        complain(f"{self.prog}: {sentence}")
        self.exit(Exit.BAD_USAGE)


class _Page(_Parser):
    """The parser of the words before the command: its help is a page by hand."""

    page = ""

    def format_help(self) -> str:
        """The page."""
        return folded(self.page, columns())


class Command(_Parser):
    """The parser of one command."""

    instead: tuple[str, str] | None = None
    """An option, and the argument that may be left out where it is given."""
    _given: Sequence[str] = ()

    def format_help(self) -> str:
        """What argparse makes of it, with what stands below folded as well."""
        return folded(super().format_help(), columns())

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and remember what, for sentences."""
        self._given = list(args or ())
        args = self._options_first(self._given)
        option, argument = self.instead or ("", "")
        spared = [it for it in self._actions if it.dest == argument and option in self._options]
        # Not by nargs="?": there argparse takes the value "--" for none.
        for action in spared:
            action.required = False
        try:
            return super().parse_known_args(args, namespace)
        finally:
            for action in spared:
                action.required = True

    def _options_first(self, words: list[str]) -> list[str]:
        """The same words, if an option stands between arguments: argparse loses those behind it."""
        end = words.index("--") if "--" in words else len(words)
        options: list[str] = []
        arguments: list[str] = []
        between = behind = False
        left = iter(words[:end])
        for word in left:
            if self._parse_optional(word) is None:
                between |= behind
                arguments.append(word)
                continue
            behind = bool(arguments)
            options.append(word)
            action = self._option_string_actions.get(word)
            if action is not None and action.nargs == argparse.OPTIONAL:
                return words  # what stands behind it may be its value
            if action is not None and action.nargs is None:
                options += [value] if (value := next(left, None)) is not None else []
        if not between and not (behind and words[end + 1 :]):
            return words
        return [*options, "--", *arguments, *words[end + 1 :]]

    def error(self, message: str) -> NoReturn:
        """Say what is wrong; where an argument was taken for an option, that first."""
        super().error(self.reason(message))

    def reason(self, message: str) -> str:
        """What is wrong, for people: argparse only says that an argument is missing."""
        if "are required" in message and (unknown := self._unknown_options()):
            return too_many(unknown)
        return message

    def _unknown_options(self) -> list[str]:
        return [it for it in self._options if it not in self._option_string_actions]

    @property
    def _options(self) -> list[str]:
        """The words that are meant as options, without their values."""
        words = list(self._given)
        before = words[: words.index("--")] if "--" in words else words
        return [it.split("=")[0] for it in before if len(it) > 1 and it[0] == "-"]


def build(program: Program) -> _Page:
    """The parser of a program."""
    usage = f"{program.name} [OPTIONS] COMMAND ..."
    parser = _Page(prog=program.name, usage=usage, allow_abbrev=False)
    parser.page = manual.page(program)
    parser.add_argument("--version", action=ShowVersion)
    subparsers: Any = parser.add_subparsers(
        dest="command", metavar="COMMAND", prog=program.name, parser_class=Command
    )
    add = add_commands(parser, subparsers, program.default_cluster, program.name)
    parameters.add_up(add)
    add("shell", "type these commands at a prompt, with history and Tab", epilogs.SHELL)
    completion = add("completion", "print what makes a shell complete", epilogs.COMPLETION)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")
    for other in program.others:
        front = f"{program.name} {other.name}"
        subparsers.add_parser(
            other.name, prog=front, help=other.text, parents=[other.parser(front)], add_help=False
        )
    add_help(add, subparsers)
    return parser


def add_commands(
    parser: argparse.ArgumentParser, subparsers: Any, default_cluster: str, front: str
) -> Add:
    """Add the common options and the commands about keys and the cluster; how to add one more.

    `front`: what stands before a command where it is typed.
    """
    _add_options(parser, default_cluster, dict.fromkeys(_OPTIONS))

    def add(name: str, text: str, epilog: str) -> Command:
        command: Command = subparsers.add_parser(
            name,
            prog=f"{front} {name}".strip(),
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=epilog.replace(manual.PROGRAM, front) if front else epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        # An option that is not given here must not undo one given before the command.
        given = dict.fromkeys(_OPTIONS, argparse.SUPPRESS)
        if name not in WITHOUT_NODES:
            _add_options(command, default_cluster, given, node=name not in FOR_ALL_NODES)
        return command

    parameters.add_all(add)
    return add


def add_help(add: Add, subparsers: Any) -> None:
    """Add the command that shows what all the others do."""
    helps = add("help", "show what a command does", epilogs.HELP)
    names = tuple(subparsers.choices)
    helps.add_argument("about", nargs="?", choices=names, metavar="COMMAND", help="which command")


def too_many(surplus: Sequence[str]) -> str:
    """What is wrong with words that no parser knows what to do with."""
    for word in surplus:
        if word.startswith("-"):
            return no_such_option(word)
    return f'"{shown(surplus[0])}" is one word too many; a text with spaces stands in quotes'


def commands_of(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The parsers of the commands, for their usage and their help."""
    (found,) = (it for it in parser._actions if isinstance(it, argparse._SubParsersAction))
    choices: Mapping[str, argparse.ArgumentParser] = found.choices
    return choices


def _add_options(
    parser: argparse.ArgumentParser,
    default_cluster: str,
    defaults: Mapping[str, str | None],
    *,
    node: bool = True,
) -> None:
    parser.add_argument(
        "--cluster",
        type=nodes,
        metavar="H:P,...",
        default=defaults["cluster"],
        help=f"the nodes (default: KV_NODES or {default_cluster})",
    )
    parser.add_argument(
        "--node",
        type=one_node,
        metavar="H:P",
        default=defaults["node"],
        help="ask this node" if node else argparse.SUPPRESS,
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        default=defaults["timeout"],
        help="seconds to wait for an answer"
        f" (default: {DEFAULT_TIMEOUT_S:g}; status: {STATUS_TIMEOUT_S:g})",
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "json"),
        default=defaults["output"],
        help="how results are printed (default: text)",
    )
