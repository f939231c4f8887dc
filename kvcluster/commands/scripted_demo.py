"""`client.py demo`, and `client.py` alone: the scripted demo, which is played in demo/."""

from __future__ import annotations

from functools import partial

from kvcluster.commands.command import Asks, Call, Command, Work


def _prepare(call: Call) -> Work:
    if call.json:
        call.refuse("the demo is for people; it has no --output json")
    from kvcluster.commands.demo import demo

    return partial(demo.run, call.nodes, timeout_s=call.timeout_s, default=not call.named)


COMMAND = Command(
    text="put, get and delete on every node, each step checked",
    asks=Asks.ALL_NODES,
    epilog="""\
examples:
  client.py
  client.py demo --cluster localhost:50051,localhost:50052

exit codes:
  0  every step held
  1  a step did not hold, or no node is up
""",
    prepare=_prepare,
)
