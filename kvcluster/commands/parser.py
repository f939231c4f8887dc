"""The parser of client.py: its commands, their arguments, and which options stand where.

Options may stand before or after the command. A value that begins with a dash comes after `--`,
as everywhere; a value `-` alone is standard input, a file `-` standard input or output.

Which commands there are and what each takes is in command.py and their files, what an argument may
be in console/arguments.py, what the page of help says in manual.py. What follows from all of it is
in kvcluster/command_line.py.

The lines of `client.py shell` are parsed by the same commands, so nothing is said twice. There they
have no program in front, and words of their own about it: `exit` instead of `completion`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

from kvcluster.commands import manual
from kvcluster.commands.command import LOOK_TIMEOUT_S, TIMEOUT_S, Asks, Command, named, names
from kvcluster.commands.identity import add_identity
from kvcluster.commands.synonyms import no_such_option
from kvcluster.console.arguments import nodes, one_node, seconds
from kvcluster.console.program import Program, ShowVersion
from kvcluster.console.screen import Exit, columns, complain, folded, shown

_HELP = """\
examples:
  client.py help
  client.py help import
"""


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

    program: Program

    def format_help(self) -> str:
        """The page."""
        return folded(manual.page(self.program), columns())


class CommandParser(_Parser):
    """The parser of one command."""

    instead: tuple[str, str] | None = None
    """See `Command`."""
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


def build(program: Program, only: Collection[str] | None = None) -> _Page:
    """The parser of a program. `only`: the commands that the words may be about; None: all."""
    usage = f"{program.name} [OPTIONS] COMMAND ..."
    parser = _Page(prog=program.name, usage=usage, allow_abbrev=False)
    parser.program = program
    parser.add_argument("--version", action=ShowVersion)
    add_options(parser, program.default_cluster)
    subparsers: Any = parser.add_subparsers(
        dest="command", metavar="COMMAND", prog=program.name, parser_class=CommandParser
    )
    for name in (name for name in names() if only is None or name in only):
        add_command(subparsers, name, named(name), program.default_cluster, program.name)
    for other in (it for it in program.others if only is None or it.name in only):
        front = f"{program.name} {other.name}"
        subparsers.add_parser(
            other.name, prog=front, help=other.text, parents=[other.parser(front)], add_help=False
        )
    add_help(subparsers, names_of(program), program.name)
    return parser


def names_of(program: Program) -> list[str]:
    """All its commands."""
    return [*names(), *(it.name for it in program.others), "help"]


def add_command(
    subparsers: Any, name: str, command: Command, default_cluster: str, front: str
) -> None:
    """Add a command. `front`: what stands before it where it is typed."""
    parser = add_parser(subparsers, name, command.text, command.epilog, front)
    if command.asks is not Asks.NOBODY:
        node = command.asks is not Asks.ALL_NODES
        add_options(parser, default_cluster, behind=True, node=node, identity=bool(front))
    for argument in command.arguments:
        argument(parser)
    parser.instead = command.instead


def add_help(subparsers: Any, choices: Collection[str], front: str) -> None:
    """Add the command that shows what all the others do; these are all."""
    helps = add_parser(subparsers, "help", "show what a command does", _HELP, front)
    helps.add_argument("about", nargs="?", choices=choices, metavar="COMMAND", help="which command")


def add_parser(subparsers: Any, name: str, text: str, epilog: str, front: str) -> CommandParser:
    """Add a command without arguments; the same words as in `Command`."""
    parser: CommandParser = subparsers.add_parser(
        name,
        prog=f"{front} {name}".strip(),
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=epilog.replace(manual.PROGRAM, front) if front else epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


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


def add_options(
    parser: argparse.ArgumentParser,
    default_cluster: str,
    *,
    behind: bool = False,
    node: bool = True,
    identity: bool = True,
) -> None:
    """Add the options of all commands.

    `behind`: those that stand behind the command; one that is not given there must not undo one
    that was given before. `node`: whether --node is told of. `identity`: whether those are
    there by which a program shows who it is; a line of the shell has them from the shell.
    """
    default = argparse.SUPPRESS if behind else None
    parser.add_argument(
        "--cluster",
        type=nodes,
        metavar="H:P,...",
        default=default,
        help=f"the nodes (default: KV_NODES or {default_cluster})",
    )
    parser.add_argument(
        "--node",
        type=one_node,
        metavar="H:P",
        default=default,
        help="ask this node" if node else argparse.SUPPRESS,
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        default=default,
        help=f"seconds to wait for an answer (default: {TIMEOUT_S:g}; status: {LOOK_TIMEOUT_S:g})",
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "json"),
        default=default,
        help="how results are printed (default: text)",
    )
    if identity:
        add_identity(parser, default)
