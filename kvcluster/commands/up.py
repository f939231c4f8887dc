"""`client.py up`: how many nodes, and where; how they are run is in launching.py."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kvcluster.commands.command import Asks, Call, Command, Work
from kvcluster.console.arguments import argument, folder, number, whole_number


def _prepare(call: Call) -> Work:
    from kvcluster.commands.launching import UpOrder, run

    options = call.options
    order = UpOrder(options.nodes, options.port, options.replicas, Path(options.dir))
    return partial(run, order, call.refuse)


COMMAND = Command(
    text="run a cluster in this terminal, until Ctrl+C",
    asks=Asks.NOBODY,
    page="up                    run one in this terminal, until Ctrl+C",
    epilog="""\
Starts the nodes, shows their logs, and ends them all in good order. Other
terminals use them meanwhile; a node that is stopped there leaves the others
running. The data is in D, as data_node_<port>.json.

examples:
  client.py up
  client.py up --dir data
  client.py up --nodes 5 --replicas 3 --port 6001

exit codes:
  0  Ctrl+C, and every node ended in good order
  1  a node could not start, or ended by itself
  2  bad usage
""",
    in_shell=False,
    arguments=(
        number("--nodes", "how many nodes", 1, 9, 3),
        argument(
            "--port",
            text="the port of the first; the others have those behind it (default: 50051)",
            metavar="N",
            type=whole_number(1, 65_535),
            default=50051,
        ),
        argument(
            "--replicas", text="on how many each key is kept", metavar="R", type=whole_number(1, 9)
        ),
        folder("--dir", "where the data is (default: here)", "."),
    ),
    prepare=_prepare,
)
