"""`client.py bench`: which load; how it is made and measured is in bench/."""

from __future__ import annotations

from functools import partial

from kvcluster.commands.command import Call, Command, Work
from kvcluster.config import VALUE_CEILING_BYTES
from kvcluster.console.arguments import argument, flag, number, seconds, valid


def _prepare(call: Call) -> Work:
    from kvcluster.commands.bench import bench
    from kvcluster.commands.bench.load import Plan

    options = call.options
    plan = Plan(
        duration_s=options.duration,
        clients=options.clients,
        value_bytes=options.value_size,
        keys=options.keys,
        reads_percent=options.reads,
        prefix=options.prefix,
        keep=options.keep,
    )
    return partial(bench.run, call.nodes, plan, timeout_s=call.timeout_s, json=call.json)


COMMAND = Command(
    text="measure how fast your cluster is",
    epilog="""\
Stores --keys keys under a prefix of its own, then reads and overwrites them at
random with --clients calls at a time, each beginning when the one before it has
ended. Calls travel in batches, as AsyncClient sends them. Its keys are removed
at the end.

examples:
  client.py bench
  client.py bench --duration 60 --clients 200 --reads 50
  client.py bench -o json

exit codes:
  0  measured, and no call failed
  1  measured, and some calls failed
  2  bad usage
  3  no node could be reached
""",
    arguments=(
        argument(
            "--duration", text="seconds (default: 10)", metavar="S", type=seconds, default=10.0
        ),
        number("--clients", "calls at a time", 1, 10_000, 50),
        number("--value-size", "bytes of a value", 0, VALUE_CEILING_BYTES, 100),
        number("--keys", "how many keys", 1, 10_000_000, 10_000),
        number("--reads", "percent of the calls that read", 0, 100, 80),
        argument(
            "--prefix",
            text="its keys begin with this and a random word (default: bench/)",
            metavar="P",
            type=valid,
            default="bench/",
        ),
        flag("--keep", text="do not remove its keys at the end"),
    ),
    prepare=_prepare,
)
