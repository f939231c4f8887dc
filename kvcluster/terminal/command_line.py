"""The command line of client.py: from its words to the command that they mean.

What the words may be is in parser.py. Here it is decided which nodes they are about, and each
command is imported only when it is the one: `get` answers in a sixth of a second, and need not
wait for the libraries that draw tables and bars.

The nodes: `--node` or `--cluster`, or else the environment (KV_NODES), or else those that
server.py has built in. Whoever is wrong is named with the value that is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn, TypedDict

from kvcluster.config import VALUE_CEILING_BYTES
from kvcluster.model.members import parse_members
from kvcluster.terminal import interrupts
from kvcluster.terminal import parser as words
from kvcluster.terminal.arguments import ENVIRONMENT, given, nodes
from kvcluster.terminal.screen import run_calmly

Nodes = tuple[str, ...]
Work = Callable[[], int]


class _Common(TypedDict):
    """What every command about a key takes."""

    timeout_s: float
    json: bool


def run(arguments: Sequence[str] | None, default_cluster: str) -> int:
    """Run client.py; return its exit code. `arguments`: None means those it was started with."""
    return run_calmly(lambda: _run(arguments, default_cluster))


def _run(arguments: Sequence[str] | None, default_cluster: str) -> int:
    parser = words.build(default_cluster)
    options, surplus = parser.parse_known_args(given() if arguments is None else arguments)
    if surplus:
        words.of_command(parser, options.command).error(words.too_many(surplus))
    if options.command == "help":
        words.of_command(parser, options.about).print_help()
        return 0
    if options.command == "completion":
        from kvcluster.terminal import completion

        return completion.run(parser, options.shell)
    # What is wrong from here on is shown with the usage of the command that it is about.
    command = words.of_command(parser, options.command)
    asked = given_nodes(command, options) or _default_nodes(command, default_cluster)
    if options.command == "shell":
        from kvcluster.shell import session

        interrupts.raise_them()
        return session.run(options, asked, default_cluster)
    return perform(command, options, asked)


def perform(command: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes) -> int:
    """Do what a command line says, at these nodes; return the exit code.

    `command`: the parser of the command, to which what is wrong with its arguments is told.
    """
    work = _work_of(command, options, asked)
    interrupts.raise_them()  # all that it needs is loaded
    return work()


def given_nodes(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Nodes | None:
    """The nodes that a command line names, if it names some."""
    if options.node and options.cluster:
        parser.error("--node asks one node and --cluster all of them; give one of the two")
    if options.node and options.command in words.FOR_ALL_NODES:
        parser.error("--node goes with commands about keys; demo and status take --cluster")
    given: Nodes | None = options.node or options.cluster
    return given


def _default_nodes(parser: argparse.ArgumentParser, default_cluster: str) -> Nodes:
    text = os.environ.get(ENVIRONMENT, "")
    try:
        return nodes(text) if text else parse_members(default_cluster)
    except argparse.ArgumentTypeError as error:
        parser.error(f"{ENVIRONMENT}: {error}")


def _work_of(parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes) -> Work:
    if options.command in ("put", "get", "delete", "locate"):
        return _one_key(parser, options, asked)
    if options.command in ("scan", "import", "export"):
        return _many_keys(parser, options, asked)
    return _cluster(parser, options, asked)


def _one_key(parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes) -> Work:
    from kvcluster.terminal import commands

    timeout_s: float = options.timeout or words.DEFAULT_TIMEOUT_S
    common: _Common = {"timeout_s": timeout_s, "json": options.output == "json"}
    match options.command:
        case "put":
            return lambda: commands.put(asked, options.key, _value(parser, options.value), **common)
        case "get":
            return partial(commands.get, asked, options.keys, verbose=options.verbose, **common)
        case "locate":
            return partial(commands.locate, asked, options.key, **common)
    if bool(options.keys) == (options.prefix is not None):
        parser.error("give the keys to remove, or --prefix; one of the two")
    if options.prefix is None:
        return partial(commands.delete, asked, options.keys, **common)
    from kvcluster.terminal import clearing

    return partial(clearing.run, asked, options.prefix, agreed=options.yes, **common)


def _many_keys(parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes) -> Work:
    timeout_s: float = options.timeout or words.DEFAULT_TIMEOUT_S
    json = options.output == "json"
    if options.command == "scan":
        from kvcluster.terminal import scanning

        what = scanning.Wanted(
            options.prefix, options.start_after, options.limit, options.keys_only, options.count
        )
        return partial(scanning.run, asked, what, timeout_s=timeout_s, json=json)
    if not options.file:
        parser.error("the name of the file is empty")
    if options.command == "import":
        from kvcluster.terminal import importing

        order = importing.Order(
            asked, options.file, options.format, options.restart, options.skip_bad, timeout_s, json
        )
        return partial(importing.run, order)
    from kvcluster.terminal import exporting

    wanted = exporting.Order(
        asked,
        options.file,
        options.format,
        options.prefix,
        options.restart,
        options.force,
        timeout_s,
        json,
    )
    return partial(exporting.run, wanted)


def _cluster(parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes) -> Work:
    timeout_s: float = options.timeout or words.DEFAULT_TIMEOUT_S
    json = options.output == "json"
    if options.command == "bench":
        from kvcluster.terminal import bench
        from kvcluster.terminal.load import Plan

        plan = Plan(
            duration_s=options.duration,
            clients=options.clients,
            value_bytes=options.value_size,
            keys=options.keys,
            reads_percent=options.reads,
            prefix=options.prefix,
            keep=options.keep,
        )
        return partial(bench.run, asked, plan, timeout_s=timeout_s, json=json)
    if options.command == "status":
        return _status(parser, options, asked, json=json)
    if options.command == "top":
        return _top(parser, options, asked, json=json)
    if json:
        parser.error("the demo is for people; it has no --output json")
    from kvcluster.terminal import demo

    default = not options.cluster and ENVIRONMENT not in os.environ
    return partial(demo.run, asked, timeout_s=timeout_s, default=default)


def _status(
    parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes, *, json: bool
) -> Work:
    from kvcluster.terminal import status

    timeout_s: float = options.timeout or words.STATUS_TIMEOUT_S
    if options.watch:
        from kvcluster.terminal import status_watch

        interval_s: float = options.interval or words.INTERVAL_S
        watch = status_watch.run
        return partial(watch, asked, timeout_s=timeout_s, interval_s=interval_s, json=json)
    if options.interval:
        parser.error("--interval goes with --watch")
    return partial(status.run, asked, timeout_s=timeout_s, json=json)


def _top(
    parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes, *, json: bool
) -> Work:
    if json:
        parser.error("the dashboard is for people; it has no --output json, and status has")
    from kvcluster.dashboard import run as show

    timeout_s: float = options.timeout or words.STATUS_TIMEOUT_S
    interval_s: float = options.interval or words.INTERVAL_S
    return partial(show, asked, timeout_s=timeout_s, interval_s=interval_s)


def _value(parser: argparse.ArgumentParser, text: str) -> str:
    return _standard_input(parser) if text == "-" else text


def _standard_input(parser: argparse.ArgumentParser) -> str:
    if sys.stdin is None:
        _refuse_input(parser, "it is closed")
    data = sys.stdin.buffer.read(VALUE_CEILING_BYTES + 1)
    if len(data) > VALUE_CEILING_BYTES:
        _refuse_input(parser, f"no node takes more than {VALUE_CEILING_BYTES:,} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        _refuse_input(parser, f"it is not valid UTF-8 (at byte {error.start:,})")


def _refuse_input(parser: argparse.ArgumentParser, why: str) -> NoReturn:
    parser.error(f"cannot take the value from standard input: {why}")
