"""`client.py top`: the dashboard in the terminal (kvcluster/dashboard/)."""

from __future__ import annotations

from functools import partial

from kvcluster.commands.command import LOOK_TIMEOUT_S, Asks, Call, Command, Work
from kvcluster.console.arguments import INTERVAL_S, interval


def _prepare(call: Call) -> Work:
    if call.json:
        call.refuse("the dashboard is for people; it has no --output json, and status has")
    from kvcluster.dashboard import run

    interval_s: float = call.options.interval or INTERVAL_S
    return partial(run, call.nodes, timeout_s=call.timeout_s, interval_s=interval_s)


COMMAND = Command(
    text="watch the cluster in the terminal, live",
    asks=Asks.EACH_NODE,
    epilog="""\
Nodes, rates, latencies, slots and events on one screen that fits 80x24; the
keys that it takes stand at its foot. It needs: pip install textual

examples:
  client.py top
  client.py top --node localhost:50052     the others are learned from it
  client.py top --interval 1

exit codes:
  0  you ended it
  2  bad usage, no terminal, or a part is not installed
""",
    timeout_s=LOOK_TIMEOUT_S,
    arguments=(interval(),),
    prepare=_prepare,
)
