"""`server.py`, but with other ways to its peers, and with a clock and a disk that a test turns.

    python -m tests.processes.linked_server KNOBS PEER=HOST:PORT ... -- PORT OPTIONS

A node is called by the name that the member list gives it, and its peers reach it under that name.
To cut a single link, each node must reach each peer on a way of its own, while everybody still
agrees on the names. So this program puts a table between the two, in the one place where a node
says under which address it reaches a peer. It also gives the node surroundings that hang on the
file KNOBS (knobs.py), in the one place where a node is made, and its event loop a clock that can
stand still. In all else it is `server.py`.

Rejected: options of the server for it. Nobody but a test needs them today.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import server
from kvcluster.cluster.peers import channels
from kvcluster.cluster.peers.surroundings import Surroundings
from kvcluster.node import Node
from kvcluster.server import service
from kvcluster.steady import steady_clock
from tests.processes.knobs import Knobs, Sleep, SleepyClock, SlowDisk


def command(knobs: Path, ways: Mapping[str, str]) -> list[str]:
    """What to run for a node with such knobs, which reaches its peers under these addresses."""
    table = [f"{peer}={way}" for peer, way in ways.items()]
    return ["-m", "tests.processes.linked_server", str(knobs), *table, "--"]


def main(arguments: list[str]) -> int:
    """Run one node; its exit code."""
    end = arguments.index("--")
    _put_on_knobs(Knobs(Path(arguments[0])))
    _lead_through(dict(argument.split("=", 1) for argument in arguments[1:end]))
    return server.main(arguments[end + 1 :])


def _put_on_knobs(knobs: Knobs) -> None:
    timers_s = SleepyClock(time.monotonic, lambda: knobs.sleep >= Sleep.TIMERS)
    steady_s = SleepyClock(steady_clock(), lambda: knobs.sleep >= Sleep.STEADY)
    asyncio.BaseEventLoop.time = lambda loop: timers_s()  # type: ignore[method-assign, assignment]
    around = Surroundings(disk=SlowDisk(knobs), wall_ms=knobs.wall_ms, steady_s=steady_s)
    service.Node = functools.partial(Node, surroundings=around)  # type: ignore[assignment, attr-defined]


def _lead_through(ways: Mapping[str, str]) -> None:
    channels.address_of = lambda peer: ways.get(peer, peer)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
