"""The options of server.py: what a person may say on its command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from kvcluster.errors import BadSetting
from kvcluster.model.members import split_address


def parse_arguments(arguments: list[str] | None, default_cluster: str) -> argparse.Namespace:
    """Read the command line; exits with code 2 and a usage line if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="server.py",
        description="Run one node of the replicated key-value store.",
        allow_abbrev=False,
    )
    _add_place(parser.add_argument, default_cluster)
    _add_manner(parser.add_argument)
    options = parser.parse_args(arguments)
    if options.metrics == (None, options.port):
        parser.error(f"--metrics {options.port} is the port of the node itself; take another")
    return options


def _add_place(add: Callable[..., object], default_cluster: str) -> None:
    """Options that say which node this is and where its things are."""
    add(
        "port",
        type=_port_number,
        metavar="PORT",
        help="the port of this node, one of the cluster's",
    )
    add("--host", metavar="H", help="where to listen (default: this node's host in the list)")
    add(
        "--name",
        metavar="H:P",
        help="which member this is, spelled as in the list (default: the one that PORT and --host"
        " fit)",
    )
    add(
        "--cluster",
        default=default_cluster,
        metavar="H:P,H:P,...",
        help="all members, this node included (default: %(default)s)",
    )
    add(
        "--replicas",
        type=int,
        metavar="R",
        help="on how many members each key is kept (default: 3, or all if they are fewer);"
        " the same on every node",
    )
    add(
        "--data-dir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where data_node_<port>.json is kept (default: the current folder)",
    )


def _add_manner(add: Callable[..., object]) -> None:
    """Options that say how it works."""
    add(
        "--fsync",
        choices=["always", "never"],
        default="always",
        help="never: faster, but a power cut may take acknowledged writes",
    )
    add(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
        metavar="L",
        help="debug, info (default), warning or error",
    )
    add(
        "--metrics",
        type=_metrics_address,
        metavar="[H:]PORT",
        help="serve metrics for Prometheus at http://H:PORT/metrics (default: nowhere; H: where"
        " this node listens)",
    )
    add(
        "--salvage",
        action="store_true",
        help="after damage, with no peer up: serve what could be read",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of kvcluster/config.py; may be repeated",
    )


def _port_number(text: str) -> int:
    """A port, as it stands on the command line."""
    if text.isascii() and text.isdigit() and 0 < int(text) < 65_536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 65535")


def _metrics_address(text: str) -> tuple[str | None, int]:
    """Where to serve metrics: a port, on the host on which the node listens, or an address."""
    if ":" not in text:
        return None, _port_number(text)
    try:
        return split_address(text)
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(error)) from None
