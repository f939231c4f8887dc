"""Performing: from the options of a command line to the command that does it, at some nodes.

Here it is decided what arguments mean together, and each command is imported only when it is the
one: `get` answers in a sixth of a second, and need not wait for the libraries that draw tables and
bars. The command line and the shell both come here.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from kvcluster.commands import parameters
from kvcluster.commands import parser as words
from kvcluster.console import interrupts
from kvcluster.console.arguments import ENVIRONMENT, STANDARD
from kvcluster.console.escaping import shown

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient

Nodes = tuple[str, ...]
Work = Callable[[], int]


_KEYS_OR_PREFIX = "give the keys to remove, or --prefix and how they begin; one of the two"


class _Common(TypedDict):
    """What every command about a key takes."""

    timeout_s: float
    json: bool


def perform(
    command: argparse.ArgumentParser,
    options: argparse.Namespace,
    asked: Nodes,
    *,
    store: RawClient | None = None,
    a_line: bool = False,
) -> int:
    """Do what a command line says, at these nodes; return the exit code.

    `command`: the parser of the command, to which what is wrong with its arguments is told.
    `store`: the client to ask with about single keys; None: one of its own. `a_line`: a value that
    is printed ends a line, whatever it is printed to.
    """
    options.a_line = a_line
    work = _work_of(command, options, asked, store)
    interrupts.raise_them()  # all that it needs is loaded
    return work()


def given_nodes(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Nodes | None:
    """The nodes that a command line names, if it names some."""
    if options.node and options.cluster:
        parser.error("--node asks one node and --cluster all of them; give one of the two")
    if options.node and options.command in words.FOR_ALL_NODES:
        about = options.command or "the demo"
        parser.error(f"{about} is about all nodes; name them with --cluster, not --node")
    given: Nodes | None = options.node or options.cluster
    return given


def _work_of(
    parser: argparse.ArgumentParser,
    options: argparse.Namespace,
    asked: Nodes,
    store: RawClient | None,
) -> Work:
    if options.command == "delete" and options.beginning is not None:
        return _delete_prefix(parser, options, asked)
    if options.command in ("put", "get", "delete", "locate"):
        return _at(store, options, asked, _one_key(parser, options))
    if options.command in ("scan", "import", "export"):
        return _many_keys(parser, options, asked)
    return _cluster(parser, options, asked)


def _at(
    store: RawClient | None,
    options: argparse.Namespace,
    asked: Nodes,
    ask: Callable[[RawClient], int],
) -> Work:
    """Work at a store; at one of its own if there is none."""
    from kvcluster.client.raw import RawClient

    def work() -> int:
        timeout_s = options.timeout or words.DEFAULT_TIMEOUT_S
        only = options.node is not None
        with RawClient(asked, timeout_s=timeout_s, only=only) as own:
            return ask(own)

    return work if store is None else partial(ask, store)


def _one_key(
    parser: argparse.ArgumentParser, options: argparse.Namespace
) -> Callable[[RawClient], int]:
    from kvcluster.commands import keys

    timeout_s: float = options.timeout or words.DEFAULT_TIMEOUT_S
    common: _Common = {"timeout_s": timeout_s, "json": options.output == "json"}
    match options.command:
        case "put":
            if (options.value is None) == (options.file is None):
                parser.error("give the value or --file, one of the two")
            return lambda store: keys.put(store, options.key, _value(parser, options), **common)
        case "locate":
            return lambda store: keys.locate(store, options.key, **common)
        case "delete":
            if not options.keys:
                parser.error(_KEYS_OR_PREFIX)
            return lambda store: keys.delete(store, options.keys, **common)
    if options.binary and (len(options.keys) > 1 or options.output == "json"):
        parser.error("--binary writes the bytes of one key, and nothing else")
    manner = keys.Manner(
        json=options.output == "json",
        verbose=options.verbose,
        binary=options.binary,
        a_line=options.a_line,
    )
    return lambda store: keys.get(store, options.keys, timeout_s=timeout_s, manner=manner)


def _delete_prefix(
    parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes
) -> Work:
    from kvcluster.commands import clearing

    keys, prefix = options.keys, options.beginning
    if prefix is True and len(keys) == 1:  # delete user/ --prefix
        keys, prefix = [], keys[0]
    if keys or prefix is True:
        parser.error(_KEYS_OR_PREFIX)
    timeout_s: float = options.timeout or words.DEFAULT_TIMEOUT_S
    json = options.output == "json"
    return partial(clearing.run, asked, prefix, agreed=options.yes, timeout_s=timeout_s, json=json)


def _prefix(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str:
    """How keys begin: said by a word, by --prefix, or by a word that --prefix is about."""
    given = [it for it in (options.prefix, options.beginning) if it not in (None, True)]
    if len(given) > 1:
        parser.error(f'"{shown(given[0])}" or --prefix {shown(given[1])}? Give one of the two')
    return given[0] if given else ""


def _many_keys(parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes) -> Work:
    timeout_s: float = options.timeout or words.DEFAULT_TIMEOUT_S
    json = options.output == "json"
    if options.command == "scan":
        from kvcluster.commands import scanning

        what = scanning.ScanOrder(
            _prefix(parser, options),
            options.start_after,
            options.limit,
            options.keys_only,
            options.count,
        )
        return partial(scanning.run, asked, what, timeout_s=timeout_s, json=json)
    if not options.file:
        parser.error("the name of the file is empty")
    if options.command == "import":
        from kvcluster.commands.bulk import importing

        order = importing.ImportOrder(
            asked, options.file, options.format, options.restart, options.skip_bad, timeout_s, json
        )
        return partial(importing.run, order)
    from kvcluster.commands.bulk import exporting

    wanted = exporting.ExportOrder(
        asked,
        options.file,
        options.format,
        _prefix(parser, options),
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
        from kvcluster.commands.bench import bench
        from kvcluster.commands.bench.load import Plan

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
    if options.command == "health":
        if json:
            parser.error("health is for people; it has no --output json, and status has")
        from kvcluster.commands import health_check

        nodes = tuple(node for one in options.nodes for node in one) or asked
        return partial(health_check.show, nodes, options.timeout or words.STATUS_TIMEOUT_S)
    if options.command == "status":
        return _status(parser, options, asked, json=json)
    if options.command == "top":
        return _top(parser, options, asked, json=json)
    if json:
        parser.error("the demo is for people; it has no --output json")
    from kvcluster.commands.demo import demo

    default = not options.cluster and ENVIRONMENT not in os.environ
    return partial(demo.run, asked, timeout_s=timeout_s, default=default)


def _status(
    parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Nodes, *, json: bool
) -> Work:
    from kvcluster.commands import status

    timeout_s: float = options.timeout or words.STATUS_TIMEOUT_S
    if options.watch:
        from kvcluster.commands import status_watch

        interval_s: float = options.interval or parameters.INTERVAL_S
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
    interval_s: float = options.interval or parameters.INTERVAL_S
    return partial(show, asked, timeout_s=timeout_s, interval_s=interval_s)


def _value(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str | bytes:
    if options.file is None and options.value != STANDARD:
        text: str = options.value
        return text
    from kvcluster.commands import value

    try:
        return value.read(options.file or STANDARD)
    except value.Unreadable as error:
        parser.error(f"cannot store that: {error}")
