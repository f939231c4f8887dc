"""The parser of client.py: its commands, their arguments, and which options stand where.

Options may stand before or after the command. A value that begins with a dash comes after `--`,
as everywhere; a value `-` alone is standard input, a file `-` standard input or output.

What an argument may be is decided in arguments.py, what the help says in manual.py; what follows
from all of it in command_line.py. `complete` on an argument is what completion.py reads.

The lines of `client.py shell` are parsed by the same commands, so nothing is said twice. There they
have no program in front, and words of their own about it: `exit` instead of `completion`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kvcluster.config import VALUE_CEILING_BYTES
from kvcluster.terminal import manual
from kvcluster.terminal.arguments import Word, nodes, one_node, path, seconds, valid, whole_number
from kvcluster.terminal.escaping import shown
from kvcluster.terminal.version import Version

DEFAULT_TIMEOUT_S = 5.0
STATUS_TIMEOUT_S = 2.0
"""A look at all nodes does not wait so long for a frozen one."""
INTERVAL_S = 2.0
"""Between two looks of status --watch."""
FOR_ALL_NODES = (None, "demo", "status")
"""Commands that have no use for --node."""
WITHOUT_NODES = ("completion", "help", "exit", "quit")
"""Commands that ask nobody."""

_OPTIONS = ("cluster", "node", "timeout", "output")
_FILES = {"bash": "_shtab_compgen_files", "zsh": "_files"}
_MANY = 1_000_000_000

Add = Callable[..., argparse.ArgumentParser]


class _Page(argparse.ArgumentParser):
    """The parser of the words before the command: its help is a page by hand."""

    page = ""

    def format_help(self) -> str:
        """The page."""
        return self.page


def build(default_cluster: str) -> argparse.ArgumentParser:
    """The parser of client.py. `default_cluster`: what the help says of --cluster."""
    parser = _Page(prog="client.py", usage="client.py [OPTIONS] COMMAND ...", allow_abbrev=False)
    parser.page = manual.PAGE.replace("{nodes}", default_cluster)
    parser.add_argument("--version", action=Version)
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", prog="client.py", parser_class=argparse.ArgumentParser
    )
    add = add_commands(parser, subparsers, default_cluster)
    add("shell", "type these commands at a prompt, with history and Tab", manual.SHELL)
    completion = add("completion", "print what makes a shell complete", manual.COMPLETION)
    completion.add_argument("shell", choices=("bash", "zsh"), help="which shell")
    add_help(add, subparsers)
    return parser


def add_commands(
    parser: argparse.ArgumentParser, subparsers: Any, default_cluster: str, front: str = "client.py"
) -> Add:
    """Add the common options and the commands about keys and the cluster; how to add one more.

    `front`: what stands before a command where it is typed.
    """
    _add_options(parser, default_cluster, dict.fromkeys(_OPTIONS))

    def add(name: str, text: str, epilog: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = subparsers.add_parser(
            name,
            prog=f"{front} {name}".strip(),
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        # An option that is not given here must not undo one given before the command.
        given = dict.fromkeys(_OPTIONS, argparse.SUPPRESS)
        if name not in WITHOUT_NODES:
            _add_options(command, default_cluster, given, node=name not in FOR_ALL_NODES)
        return command

    _add_keys(add)
    _add_many_keys(add)
    _add_cluster(add)
    return add


def add_help(add: Add, subparsers: Any) -> None:
    """Add the command that shows what all the others do."""
    helps = add("help", "show what a command does", manual.HELP)
    names = tuple(subparsers.choices)
    helps.add_argument("about", nargs="?", choices=names, metavar="COMMAND", help="which command")


def too_many(surplus: Sequence[str]) -> str:
    """What is wrong with words that no parser knows what to do with."""
    for word in surplus:
        if word.startswith("-"):
            return f'there is no option "{shown(word)}"'
    return f'"{shown(surplus[0])}" is one word too many; a text with spaces stands in quotes'


def of_command(parser: argparse.ArgumentParser, name: str | None) -> argparse.ArgumentParser:
    """The parser of one command, for its usage and its help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and name:
            found: argparse.ArgumentParser = action.choices[name]
            return found
    return parser


def _add_keys(add: Add) -> None:
    put = add("put", "store a value under a key", manual.PUT)
    _word(put, "key", "the key")
    _word(put, "value", "the value; -: standard input")
    get = add("get", "print the value of a key", manual.GET)
    _words(get, "+", "the keys")
    get.add_argument(
        "-v", "--verbose", action="store_true", help="say on standard error which node answered"
    )
    delete = add("delete", "remove keys", manual.DELETE)
    _words(delete, "*", "the keys")
    delete.add_argument(
        "--prefix", type=valid, metavar="P", help="remove every key that begins with P"
    )
    delete.add_argument("--yes", action="store_true", help="do not ask before that")
    _word(add("locate", "show which nodes hold a key", manual.LOCATE), "key", "the key")


def _add_many_keys(add: Add) -> None:
    scan = add("scan", "print pairs in the order of their keys", manual.SCAN)
    scan.add_argument(
        "prefix", nargs="?", default="", type=valid, metavar="PREFIX", help="only keys like this"
    )
    scan.add_argument("--keys-only", action="store_true", help="leave the values out")
    scan.add_argument("--count", action="store_true", help="print only how many there are")
    scan.add_argument("--limit", type=whole_number(1, _MANY), metavar="N", help="end after so many")
    scan.add_argument(
        "--start-after", type=valid, default="", metavar="KEY", help="only keys behind this one"
    )
    for name, text, epilog in (
        ("import", "store the pairs of a file", manual.IMPORT),
        ("export", "write pairs to a file", manual.EXPORT),
    ):
        command = add(name, text, epilog)
        where = "input" if name == "import" else "output"
        file = command.add_argument(
            "file", metavar="FILE", type=path, action=Word, help=f"the file; -: standard {where}"
        )
        file.complete = _FILES  # type: ignore[attr-defined]
        command.add_argument(
            "--format", choices=("json", "jsonl"), help="of the file (default: as its name says)"
        )
        command.add_argument(
            "--restart", action="store_true", help="begin anew, whatever was done before"
        )
        if name == "import":
            command.add_argument(
                "--skip-bad", action="store_true", help="leave out lines that cannot be stored"
            )
        else:
            command.add_argument(
                "--prefix", type=valid, default="", metavar="P", help="only keys like this"
            )
            command.add_argument(
                "--force", action="store_true", help="replace a file that is there"
            )


def _add_cluster(add: Add) -> None:
    status = add("status", "show all nodes, and what they say of each other", manual.STATUS)
    status.add_argument("--watch", action="store_true", help="go on showing them until Ctrl+C")
    top = add("top", "watch the cluster in the terminal, live", manual.TOP)
    for watching in (status, top):
        watching.add_argument(
            "--interval",
            type=seconds,
            metavar="S",
            help=f"seconds between two looks (default: {INTERVAL_S:g})",
        )
    add("demo", "put, get and delete on every node, each step checked", manual.DEMO)
    bench = add("bench", "measure how fast your cluster is", manual.BENCH)
    bench.add_argument(
        "--duration", type=seconds, default=10.0, metavar="S", help="seconds (default: 10)"
    )
    for option, default, least, most, text in (
        ("--clients", 50, 1, 10_000, "calls at a time"),
        ("--value-size", 100, 0, VALUE_CEILING_BYTES, "bytes of a value"),
        ("--keys", 10_000, 1, 10_000_000, "how many keys"),
        ("--reads", 80, 0, 100, "percent of the calls that read"),
    ):
        bench.add_argument(
            option,
            type=whole_number(least, most),
            default=default,
            metavar="N",
            help=f"{text} (default: {default:,})",
        )
    bench.add_argument(
        "--prefix",
        type=valid,
        default="bench/",
        metavar="P",
        help="its keys begin with this and a random word (default: bench/)",
    )
    bench.add_argument("--keep", action="store_true", help="do not remove its keys at the end")


def _word(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    parser.add_argument(name, metavar=name.upper(), type=valid, action=Word, help=text)


def _words(parser: argparse.ArgumentParser, count: str, text: str) -> None:
    parser.add_argument("keys", metavar="KEY", nargs=count, type=valid, help=text)


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
