"""The arguments of client.py, and where each of them leads.

Options may stand before or after the command. A value that begins with a dash comes after `--`,
as everywhere; a value `-` alone is read from standard input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from kvcluster.client import commands, demo
from kvcluster.client.screen import run_calmly
from kvcluster.errors import BadSetting
from kvcluster.model.members import parse_members, split_address

DEFAULT_TIMEOUT_S = 5.0
_STATUS_TIMEOUT_S = 2.0
"""A look at all nodes does not wait so long for a frozen one."""
_TIMEOUT_LIMIT_S = 24 * 3600.0

_COMMANDS = "demo | put | get | delete | locate | status"
_NODE_HELP = "ask this node only (default: the first of the cluster that answers)"
_FOR_ALL_NODES = (None, "demo", "status")
_OPTIONS = ("cluster", "node", "timeout")

_EPILOG = """\
examples:
  client.py                            the demo, against all nodes
  client.py put city "Hà Nội"          store a value
  client.py get city                   print it
  client.py put note - < note.txt      store what standard input says
  client.py put degrees -- -7          a value that begins with a dash
  client.py get city --node localhost:50052
  client.py locate city                which nodes hold it
  client.py status                     all nodes, and what they say of each other

exit codes:
  0  done; every node answers and serves, and no two disagree (status)
  1  the key is not there (get); a step did not hold, or no node is up (demo);
     a node does not answer or serve, or nodes disagree (status)
  2  bad usage, or a key or value that the cluster does not take
  3  no node could be reached, or the outcome is unknown; standard error says which
"""

_STATUS_EPILOG = """\
columns:
  state         what the node says of itself or, if it does not answer, what the
                others say of it
  keys, size    what it holds
  primary/held  of how many slots it is the primary, and how many it holds
  JSON age      how long ago its JSON file was last complete
  uptime        since it was started

Below the table stands what is unusual, and where nodes disagree. Members that
only the answers name are asked as well.

exit codes:
  0  every node answers and serves, and no two disagree
  1  otherwise
  3  no node answers
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
    if options.node and options.command in _FOR_ALL_NODES:
        parser.error("--node goes with put, get, delete and locate; demo and status take --cluster")
    timeout_s: float = options.timeout or DEFAULT_TIMEOUT_S
    match options.command:
        case "put":
            value = _standard_input(parser) if options.value == "-" else options.value
            return commands.put(nodes, options.key, value, timeout_s=timeout_s)
        case "get":
            return commands.get(nodes, options.key, timeout_s=timeout_s, verbose=options.verbose)
        case "delete":
            return commands.delete(nodes, options.key, timeout_s=timeout_s)
        case "locate":
            return commands.locate(nodes, options.key, timeout_s=timeout_s)
        case "status":
            return _status(nodes, options.timeout or _STATUS_TIMEOUT_S)
    return demo.run(nodes, timeout_s=timeout_s, default=not options.cluster)


def _status(nodes: tuple[str, ...], timeout_s: float) -> int:
    # It draws with rich, which takes 50 ms to import; put and get need not wait for that.
    from kvcluster.client import status

    return status.run(nodes, timeout_s=timeout_s)


def _parser(default_cluster: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="client.py",
        description="Ask the key-value cluster. Without a command: the scripted demo.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_options(parser, default_cluster, cluster=None, node=None, timeout=None)
    subparsers = parser.add_subparsers(dest="command", metavar=_COMMANDS)

    def add(name: str, text: str, *, epilog: str = "", **arguments: str) -> argparse.ArgumentParser:
        command = subparsers.add_parser(
            name,
            help=text,
            description=text,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        for argument, meaning in arguments.items():
            command.add_argument(
                argument, metavar=argument.upper(), type=_text, action=_Word, help=meaning
            )
        # An option that is not given here must not undo one given before the command.
        given = dict.fromkeys(_OPTIONS, argparse.SUPPRESS)
        _add_options(command, default_cluster, for_all_nodes=name in _FOR_ALL_NODES, **given)
        return command

    _add_commands(add)
    return parser


def _add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    add("demo", "put, get and delete on every node, each step checked")
    add("put", "store a value under a key", key="the key", value="the value; -: standard input")
    get = add("get", "print the value of a key", key="the key")
    get.add_argument(
        "-v", "--verbose", action="store_true", help="say on standard error which node answered"
    )
    add("delete", "remove a key", key="the key")
    add("locate", "show which nodes hold a key", key="the key")
    add("status", "show all nodes, and what they say of each other", epilog=_STATUS_EPILOG)


def _add_options(
    parser: argparse.ArgumentParser,
    default_cluster: str,
    *,
    for_all_nodes: bool = False,
    **defaults: str | None,
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
        help=argparse.SUPPRESS if for_all_nodes else _NODE_HELP,
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        default=defaults["timeout"],
        help="seconds to wait for an answer"
        f" (default: {DEFAULT_TIMEOUT_S:g}; status: {_STATUS_TIMEOUT_S:g})",
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
