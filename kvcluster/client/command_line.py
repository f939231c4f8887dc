"""The arguments of client.py, and where each of them leads.

Options may stand before or after the command. A value that begins with a dash comes after `--`,
as everywhere; a value `-` alone is read from standard input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from kvcluster.client import commands, demo
from kvcluster.client.screen import run_calmly
from kvcluster.errors import BadSetting
from kvcluster.model.members import parse_members, split_address

DEFAULT_TIMEOUT_S = 5.0
_TIMEOUT_LIMIT_S = 24 * 3600.0

_OPTIONS = ("cluster", "node", "timeout")

_EPILOG = """\
examples:
  client.py                            the demo, against all nodes
  client.py put city "Hà Nội"          store a value
  client.py get city                   print it
  client.py put note - < note.txt      store what standard input says
  client.py put degrees -- -7          a value that begins with a dash
  client.py get city --node localhost:50052

exit codes:
  0  done
  1  the key is not there (get); a step did not hold, or no node is up (demo)
  2  bad usage, or a key or value that the cluster does not take
  3  no node could be reached, or the outcome is unknown; standard error says which
"""


def run(arguments: Sequence[str] | None, default_cluster: str) -> int:
    """Run client.py; return its exit code. Bad usage exits by itself, with code 2."""
    return run_calmly(lambda: _run(arguments, default_cluster))


def _run(arguments: Sequence[str] | None, default_cluster: str) -> int:
    parser = _parser(default_cluster)
    options = parser.parse_args(arguments)
    if options.node and options.cluster:
        parser.error("--node asks one node and --cluster all of them; give one of the two")
    nodes: tuple[str, ...] = options.node or options.cluster or parse_members(default_cluster)
    match options.command:
        case "put":
            value = _standard_input(parser) if options.value == "-" else options.value
            return commands.put(nodes, options.key, value, timeout_s=options.timeout)
        case "get":
            return commands.get(nodes, options.key, timeout_s=options.timeout)
        case "delete":
            return commands.delete(nodes, options.key, timeout_s=options.timeout)
    if options.node:
        parser.error("--node goes with put, get and delete; the demo takes --cluster")
    return demo.run(nodes, timeout_s=options.timeout, default=not options.cluster)


def _parser(default_cluster: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="client.py",
        description="Ask the key-value cluster. Without a command: the scripted demo.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_options(parser, default_cluster, cluster=None, node=None, timeout=DEFAULT_TIMEOUT_S)
    subparsers = parser.add_subparsers(dest="command", metavar="demo | put | get | delete")

    def add(name: str, text: str, **arguments: str) -> None:
        command = subparsers.add_parser(name, help=text, description=text, allow_abbrev=False)
        for argument, meaning in arguments.items():
            command.add_argument(
                argument, metavar=argument.upper(), type=_text, action=_Word, help=meaning
            )
        # An option that is not given here must not undo one given before the command.
        _add_options(command, default_cluster, **dict.fromkeys(_OPTIONS, argparse.SUPPRESS))

    add("demo", "put, get and delete on every node, each step checked")
    add("put", "store a value under a key", key="the key", value="the value; -: standard input")
    add("get", "print the value of a key", key="the key")
    add("delete", "remove a key", key="the key")
    return parser


def _add_options(
    parser: argparse.ArgumentParser, default_cluster: str, **defaults: str | float | None
) -> None:
    parser.add_argument(
        "--cluster",
        type=_members,
        metavar="H:P,H:P,...",
        default=defaults["cluster"],
        help=f"the nodes (default: {default_cluster})",
    )
    parser.add_argument(
        "--node",
        type=_one_node,
        metavar="H:P",
        default=defaults["node"],
        help="ask this node only (default: the first of the cluster that answers)",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        default=defaults["timeout"],
        help=f"seconds to wait for an answer (default: {DEFAULT_TIMEOUT_S:g})",
    )


class _Word(argparse.Action):
    """Stores an argument, also a second "--", which argparse before Python 3.13 loses."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values if isinstance(values, str) else "--")


def address(text: str) -> str:
    """An argument that is host:port."""
    try:
        split_address(text)
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def seconds(text: str) -> float:
    """An argument that is a time to wait."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _TIMEOUT_LIMIT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0, at most a day")
    return value


def _one_node(text: str) -> tuple[str, ...]:
    return (address(text),)


def _members(text: str) -> tuple[str, ...]:
    try:
        return parse_members(text)
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _text(text: str) -> str:
    # Bytes of a command line that are no UTF-8 arrive as lone surrogates.
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid UTF-8") from None
    return text


def _standard_input(parser: argparse.ArgumentParser) -> str:
    if sys.stdin is None:
        _refuse_input(parser, "it is closed")
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        _refuse_input(parser, f"it is not valid UTF-8 (at byte {error.start:,})")


def _refuse_input(parser: argparse.ArgumentParser, why: str) -> NoReturn:
    parser.error(f"cannot take the value from standard input: {why}")
