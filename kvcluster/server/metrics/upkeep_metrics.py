"""Upkeep: whether this node serves, and what it does so that all replicas hold the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.metrics_core import InfoMetricFamily, Metric

from kvcluster.cluster.repair.merging import Brought
from kvcluster.gateway.gateway import Gateway
from kvcluster.model.readiness import Status
from kvcluster.node import Node
from kvcluster.server.log_stream import LogStream
from kvcluster.server.metrics.families import Labels, counter, gauge, states

from demo_pb2 import StatusResponse

_STATES = [status.name for status in Status]


def process(node: Node | Gateway, status: StatusResponse, started_at_s: float) -> Iterator[Metric]:
    """What runs here, and how it is."""
    yield InfoMetricFamily("kvcluster_build", "The version that runs here", {"version": _version()})
    yield gauge(
        "kvcluster_start_time_seconds", "When this node started, as Unix time", started_at_s
    )
    yield gauge(
        "kvcluster_node_state",
        "1 for the state that this node is in",
        states(node.gate.status.name, _STATES),
        ["state"],
    )
    yield counter(
        "kvcluster_pauses_total",
        "How often this process was found to have been stopped for a while",
        node.gate.pauses,
    )
    yield counter(
        "kvcluster_clock_alarms_total",
        "Messages whose clock was too far ahead of this machine's",
        status.clock_alarms,
    )
    yield counter(
        "kvcluster_log_lines_lost_total",
        "Lines of the log that nobody read in time, or that could not be written",
        sys.stderr.lost_lines if isinstance(sys.stderr, LogStream) else 0,
    )


def syncing(node: Node, status: StatusResponse) -> Iterator[Metric]:
    """Catching up, being made whole, comparing, handing over."""
    totals = node.repair.progress.totals
    yield gauge(
        "kvcluster_sync_running",
        "1: something is being fetched that this node needs before it answers reads",
        status.HasField("sync"),
    )
    tallies = {
        "missed": totals.missed,
        "repair": totals.repair,
        "anti_entropy": totals.anti_entropy,
    }
    yield from _fetched({(reason,): tally for reason, tally in tallies.items()})
    for name, about, value in (
        ("catch_ups", "Times that this node fetched all that a hint told of", totals.catch_ups),
        ("catch_up_failures", "Times that it tried in vain", totals.failed_catch_ups),
        ("repairs", "Times that a peer made this node whole after a loss", totals.repairs),
        ("anti_entropy_comparisons", "Times that all was compared with a peer", totals.comparisons),
        ("anti_entropy_failures", "Comparisons that ended early", totals.failed_visits),
        (
            "anti_entropy_differing_slots",
            "Slots that differed twice in a row",
            totals.differing_slots,
        ),
        ("strays_handed_over", "Strays that all their nodes took", node.repair.holding.handed_home),
    ):
        yield counter(f"kvcluster_{name}_total", about, value)


def _fetched(by_reason: dict[Labels, Brought]) -> Iterator[Metric]:
    """What came from peers, by why it was fetched."""
    yield counter(
        "kvcluster_fetched_entries_total",
        "Entries fetched from peers: missed, for a repair, or by anti-entropy",
        {reason: tally.entries for reason, tally in by_reason.items()},
        ["reason"],
    )
    yield counter(
        "kvcluster_fetched_new_entries_total",
        "Those that were newer than what was here",
        {reason: tally.new for reason, tally in by_reason.items()},
        ["reason"],
    )
    yield counter(
        "kvcluster_fetched_bytes_total",
        "Bytes of requests and answers, comparisons included",
        {reason: tally.size_bytes for reason, tally in by_reason.items()},
        ["reason"],
    )


def _version() -> str:
    try:
        return version("kvcluster")
    except PackageNotFoundError:  # run from a folder, without being installed
        return "unknown"
