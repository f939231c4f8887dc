"""The engine under a gateway: whether it is there, and who of its members is."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from kvcluster.gateway.gateway import Gateway
from kvcluster.server.metrics.families import gauge

from demo_pb2 import StatusResponse


def engine(gateway: Gateway, status: StatusResponse) -> Iterator[Metric]:
    """What the last look saw."""
    said = status.engine
    yield gauge(
        "kvcluster_engine_up",
        "1: the engine answered the last look, and calls are taken",
        {(said.kind,): float(gateway.gate.readable)},
        ["engine"],
    )
    yield gauge(
        "kvcluster_engine_whole",
        "1: the engine had no trouble when it last answered",
        {(said.kind,): float(not said.trouble)},
        ["engine"],
    )
    yield gauge(
        "kvcluster_engine_member_reachable",
        "1: this member of the engine answers",
        {(it.name, it.role): float(it.reachable) for it in said.members},
        ["member", "role"],
    )
    yield gauge("kvcluster_keys", "Live keys, as counted a few seconds ago", status.keys)
