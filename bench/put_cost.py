"""What a Put costs at a thousand keys and at a million: it should be the same.

Two clusters of three run side by side, one small and one large, and are asked in turn, so that
whatever the machine does meanwhile happens to both. The large one writes checkpoints all the time
(5 % of it), which is part of its cost.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import grpc

from kvcluster.commands.demo.local_cluster import LocalCluster, free_ports

from demo_pb2 import PutRequest
from demo_pb2_grpc import KeyValueStub

SMALL, LARGE = 1_000, 1_000_000
_TURNS, _PUTS_PER_TURN = 20, 50


def main() -> None:
    """Measure and print."""
    print(f"Put, one client, three nodes: {SMALL:,} keys against {LARGE:,} keys")
    with ExitStack() as stack:
        stubs = [_start(stack, keys) for keys in (SMALL, LARGE)]
        times_s: list[list[float]] = [[], []]
        for _ in range(_TURNS):
            for stub, measured in zip(stubs, times_s, strict=True):
                measured += [_time_put(stub, number) for number in range(_PUTS_PER_TURN)]
    for what, percent in (("median", 50), ("99th percent", 99)):
        small, large = (statistics.quantiles(m, n=100)[percent - 1] * 1e3 for m in times_s)
        print(f"  {what:12} {small:6.2f} ms   {large:6.2f} ms   ratio {large / small:.2f}")


def _start(stack: ExitStack, keys: int) -> KeyValueStub:
    """A cluster with so many keys, loaded from a hand-made JSON; a stub for its first node."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kvcluster-bench-")))
    cluster = stack.enter_context(LocalCluster(folder, free_ports(3)))
    pairs = json.dumps({f"user:{number}": f"value number {number}" for number in range(keys)})
    for number in range(3):
        cluster.data_file(number).write_text(pairs, encoding="utf-8")
        cluster.start(number)
    cluster.wait_until_ready()
    channel = stack.enter_context(grpc.insecure_channel(cluster.nodes[0]))
    return KeyValueStub(channel)


def _time_put(stub: KeyValueStub, number: int) -> float:
    started_s = time.perf_counter()
    answer = stub.Put(PutRequest(key=f"user:{number}", value="changed"), timeout=10)
    assert answer.acknowledged == 3
    return time.perf_counter() - started_s
