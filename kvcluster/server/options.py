"""The options of server.py: what a person may say on its command line, or in the environment.

The second is made from the first (environment.py).
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from kvcluster.console.program import ShowVersion, run_calmly
from kvcluster.engines.address import PASSWORD
from kvcluster.errors import BadSetting, CannotStart
from kvcluster.model.members import (
    DEFAULT_CLUSTER,
    Cluster,
    check_replicas,
    find_self,
    parse_members,
    split_address,
)
from kvcluster.server import environment as variables
from kvcluster.server.door import CLIENT_CERTS
from kvcluster.server.environment import PREFIX
from kvcluster.server.log_lines import FORMS

PROGRAM = "server.py"
_COLUMNS = 80
_HARMLESS = [PREFIX + name for name in ("DATA_DIR", "FSYNC", "LOG_LEVEL", "LOG_FORMAT")]
"""Variables that cannot be why something seen beside others is wrong."""
_SECRET, _SECRET_ALIAS = PREFIX + "CLUSTER_SECRET_FILE", "KV_CLUSTER_SECRET_FILE"
"""The other name begins as those of client.py do: one variable for all that belongs together."""
_OF_NODES = ("replicas", "data_dir", "fsync", "salvage")
_SHOWS = {"-h", "--help", "--version"}


def parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The parser of a command line. `program`: what stands in front of it."""
    made = argparse.ArgumentParser(
        prog=program,
        description="Run one node of the replicated key-value store.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action=ShowVersion)
    _add_place(made.add_argument)
    _add_manner(made.add_argument)
    _add_door(made.add_argument)
    made.epilog = textwrap.fill(variables.told(_options(made)), _COLUMNS, break_on_hyphens=False)
    return made


def parse_arguments(
    arguments: list[str] | None,
    environment: Mapping[str, str] = os.environ,
    program: str = PROGRAM,
) -> argparse.Namespace:
    """Read the command line and the environment; exits with code 2 if something is wrong.

    Besides the options: `program`; `variables`, those of the environment that were used, and
    `remarks` about others, a sentence each.
    """
    made = parser(program)
    if arguments is None:
        arguments = sys.argv[1:]
    if _SECRET_ALIAS in environment and not environment.get(_SECRET):
        environment = {**environment, _SECRET: environment[_SECRET_ALIAS]}
    if _SHOWS.intersection(arguments):  # a disk that is full is told in a sentence, as elsewhere
        raise SystemExit(run_calmly(lambda: _show(made, arguments)))
    options = variables.parse(made, _options(made), arguments, environment)
    options.program = program
    options.remarks = variables.slips(_options(made), environment, besides=[PASSWORD])
    if options.metrics == (None, options.port):
        made.error(f"--metrics {options.port} is the port of the node itself; take another")
    if options.engine:
        _refuse_what_nodes_have(made, options)
    options.data_dir = options.data_dir or Path()
    options.fsync = options.fsync or "always"
    return options


def _refuse_what_nodes_have(made: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """A gateway has no data of its own. What the environment says of it, an image's perhaps, is
    passed over, and told.
    """
    for action in _options(made):
        if action.dest not in _OF_NODES or not getattr(options, action.dest):
            continue
        if variables.variable_of(action) not in options.variables:
            made.error(
                f"{action.option_strings[0]} does not go with --engine: a gateway keeps nothing"
                " itself"
            )
        name = variables.variable_of(action)
        options.remarks.append(f"{name} means nothing to a gateway, which keeps nothing itself")


def _show(made: argparse.ArgumentParser, arguments: list[str]) -> int:
    made.parse_args(arguments)  # which prints what was asked for, and ends
    return 0


def _options(made: argparse.ArgumentParser) -> list[argparse.Action]:
    """What has a variable: all but what prints something and ends."""
    return [action for action in made._actions if action.dest not in ("help", argparse.SUPPRESS)]


def cluster_of(options: argparse.Namespace) -> Cluster:
    """The cluster that a person named, and the member of it that is to run. Raises BadSetting."""
    members = parse_members(options.cluster)
    name = find_self(members, options.port, options.host, options.name)
    return Cluster(members, name, check_replicas(options.replicas, members))


def refusal(error: CannotStart, options: argparse.Namespace) -> str:
    """Why the node does not start, in a sentence; and what else than the command line had a say."""
    told = f"{options.program}: {error}"
    said = [name for name in options.variables if name not in _HARMLESS]
    if isinstance(error, BadSetting) and said:
        return f"{told} (the environment sets {', '.join(said)})"
    return told


def _add_place(add: Callable[..., object]) -> None:
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
        default=DEFAULT_CLUSTER,
        metavar="H:P,H:P,...",
        help="all members, this node included (default: %(default)s)",
    )
    add(
        "--replicas",
        type=_whole_number,
        metavar="R",
        help="on how many members each key is kept (default: 3, or all if they are fewer);"
        " the same on every node",
    )
    add(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="where data_node_<port>.json is kept (default: the current folder)",
    )
    add(
        "--engine",
        metavar="URL",
        help="be a gateway: the data is in etcd://H:P,..., postgresql://USER@H:P,.../DATABASE or"
        f" redis://H:P,...; its password comes from {PASSWORD}",
    )


def _add_manner(add: Callable[..., object]) -> None:
    """Options that say how it works."""
    add(
        "--fsync",
        choices=["always", "never"],
        help="never: faster, but a power cut may take acknowledged writes",
    )
    add(
        "--log-level",
        type=str.lower,
        choices=["debug", "info", "warning", "error"],
        default="info",
        metavar="L",
        help="debug, info (default), warning or error",
    )
    add(
        "--log-format",
        type=str.lower,
        choices=FORMS,
        default="text",
        metavar="F",
        help="text (default): short on a terminal, with date and level elsewhere; short: everywhere"
        " as on a terminal; json: an object a line",
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


def _add_door(add: Callable[..., object]) -> None:
    """Options that say who may speak; door.py sees to it that they fit together."""
    add("--tls-cert", type=Path, metavar="F", help="serve TLS with this certificate (PEM)")
    add("--tls-key", type=Path, metavar="F", help="its key")
    add(
        "--tls-ca",
        type=Path,
        metavar="F",
        help="the authorities whose certificates are believed, of peers and of clients",
    )
    add(
        "--client-certs",
        choices=CLIENT_CERTS,
        help="whether whoever connects shows a certificate (default: required, where --tls-ca is"
        " given); off: nodes need --cluster-secret-file; optional: gRPC for Python cannot do it",
    )
    add(
        "--cluster-secret-file",
        type=Path,
        metavar="F",
        help="a secret by which nodes prove that they are nodes; one a line, the first is used",
    )
    add("--tokens", type=Path, metavar="F", help="clients need a token or a name of this file")
    add("--audit", type=Path, metavar="F", help="write who wrote what, and who was refused")
    add(
        "--insecure",
        action="store_true",
        help="listen beyond this machine without TLS all the same: everybody may do everything",
    )


def _whole_number(text: str) -> int:
    """A number of things; how many there may be is known only later."""
    if text.isascii() and text.isdigit():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")


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
