"""What a node fetches that was away for a thousand writes, in a store of a million keys.

It should be about a thousand entries, whatever the store holds. The figures are those that the node
itself logs when it has caught up; beside them, how long it took from its start to its first answer,
and what a node fetches that lost everything.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

import grpc

from kvcluster.commands.demo.local_cluster import LocalCluster, free_ports

from demo_pb2 import PutRequest
from demo_pb2_grpc import KeyValueStub

KEYS, WRITES = 1_000_000, 1_000
_AWAY = 2


def main() -> None:
    """Measure and print."""
    print(f"A node away for {WRITES:,} writes, in a store of {KEYS:,} keys")
    with (
        tempfile.TemporaryDirectory(prefix="kvcluster-bench-") as folder,
        LocalCluster(Path(folder), free_ports(3)) as cluster,
    ):
        pairs = json.dumps({f"user:{number}": f"value number {number}" for number in range(KEYS)})
        for number in range(3):
            cluster.data_file(number).write_text(pairs, encoding="utf-8")
            cluster.start(number)
        cluster.wait_until_ready()
        cluster.stop(_AWAY)
        _write(cluster.nodes[0])
        _return(cluster, "away for the writes")
        cluster.stop(_AWAY)
        _lose_everything(cluster)
        _return(cluster, "lost its folder")


def _write(node: str) -> None:
    with grpc.insecure_channel(node) as channel:
        stub = KeyValueStub(channel)
        for number in range(WRITES):
            stub.Put(PutRequest(key=f"user:{number * 997}", value="changed"), timeout=10)


def _lose_everything(cluster: LocalCluster) -> None:
    path = cluster.data_file(_AWAY)
    path.unlink()
    shutil.rmtree(path.with_suffix(".wal"))


def _return(cluster: LocalCluster, why: str) -> None:
    """Start the node that was away; what its log says of catching up."""
    started_s = time.monotonic()
    cluster.start(_AWAY)
    cluster.wait_until_ready()
    took_s = time.monotonic() - started_s
    print(f"  {why}: serves, and is counted on again, {took_s:.1f} s after its start")
    for line in cluster.log_lines(_AWAY, "SYNC"):
        print(f"    {line}")


if __name__ == "__main__":
    main()
