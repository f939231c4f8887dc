"""Calls: what clients and peers asked of this node, as gRPC saw it.

Codes are told by their names in gRPC. Methods and codes that did not occur are not on the page:
most pairs never do.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from kvcluster.server.budgets import Budget, Intake
from kvcluster.server.metrics.families import counter, gauge, histogram
from kvcluster.wire.error_info import code_name


def calls(intake: Intake) -> Iterator[Metric]:
    """How many, how they ended, how long they took, how many are at it."""
    yield counter(
        "kvcluster_calls_total",
        "Calls that ended, by method and status code",
        {
            (method, code_name(code)): count
            for method, of in intake.traffic.methods.items()
            for code, count in of.by_code.items()
        },
        ["method", "code"],
    )
    yield histogram(
        "kvcluster_call_duration_seconds",
        "How long calls took, however they ended; a stream as long as its reader wanted",
        {(method,): of.timings for method, of in intake.traffic.methods.items()},
        ["method"],
    )
    yield counter(
        "kvcluster_operations_total",
        "Operations that clients asked for, alone or in a Batch, whatever became of them",
        {(kind,): count for kind, count in intake.traffic.operations.items()},
        ["operation"],
    )
    yield counter(
        "kvcluster_batch_failures_total",
        "Operations that failed in a Batch that did not, by status code",
        {(code_name(code),): count for code, count in intake.traffic.batch_failures.items()},
        ["code"],
    )
    budgets = {name: each for name, each in vars(intake).items() if isinstance(each, Budget)}
    yield gauge(
        "kvcluster_calls_in_flight",
        "Calls that are being answered, by the budget that they count against",
        {(name,): budget.running for name, budget in budgets.items()},
        ["budget"],
    )
    yield gauge(
        "kvcluster_calls_in_flight_bytes",
        "What these calls carry",
        {(name,): budget.running_bytes for name, budget in budgets.items()},
        ["budget"],
    )
