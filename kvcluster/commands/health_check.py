"""`client.py health`, and `health_check_client.py`, which does the same and nothing else.

How the answers are printed is in health_lines.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

from kvcluster.commands.command import LOOK_TIMEOUT_S, Asks, Call, Command, Work
from kvcluster.commands.identity import add_identity, use_identity
from kvcluster.console import program
from kvcluster.console.arguments import (
    ENVIRONMENT,
    address,
    argument,
    given,
    one_node,
    seconds,
    usual_nodes,
)
from kvcluster.console.program import ShowVersion, run_calmly
from kvcluster.model.members import DEFAULT_CLUSTER

_EXIT_CODES = """\
exit codes:
  0  every node serves
  1  at least one does not
  2  bad usage
"""


def run(arguments: Sequence[str] | None) -> int:
    """Run health_check_client.py; return its exit code. `arguments`: None: those of its start."""
    return run_calmly(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(given() if arguments is None else arguments)
    use_identity(options, parser.error)
    from kvcluster.commands.health_lines import show

    program.raise_interrupts()
    addresses = options.addresses or usual_nodes(DEFAULT_CLUSTER, parser.error)
    return show(addresses, options.timeout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="health_check_client.py",
        description="Ask nodes how they are, all at once, and print a line for each.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "addresses",
        nargs="*",
        type=address,
        metavar="ADDR",
        help=f"host:port of a node (default: those of {ENVIRONMENT}, or {DEFAULT_CLUSTER})",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=LOOK_TIMEOUT_S,
        metavar="S",
        help="seconds to wait for each answer (default: %(default)g)",
    )
    add_identity(parser)
    parser.add_argument("--version", action=ShowVersion)
    return parser


def _prepare(call: Call) -> Work:
    if call.json:
        call.refuse("health is for people; it has no --output json, and status has")
    from kvcluster.commands.health_lines import show

    asked = [node for one in call.options.nodes for node in one] or call.nodes
    return partial(show, asked, call.timeout_s)


COMMAND = Command(
    text="ask nodes how they are, a line each",
    asks=Asks.EACH_NODE,
    usage="health [H:P...]",
    epilog="""\
A line for each node: its state, how long the answer took, its keys, its peers.
Without addresses all nodes are asked.

examples:
  client.py health
  client.py health localhost:50051 localhost:50052

"""
    + _EXIT_CODES,
    timeout_s=LOOK_TIMEOUT_S,
    arguments=(
        argument("nodes", text="which (default: all)", nargs="*", metavar="H:P", type=one_node),
    ),
    prepare=_prepare,
)
