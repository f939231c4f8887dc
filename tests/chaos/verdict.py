"""The verdict after a round: whether the cluster holds what it promised, and nothing else.

All faults are undone and no client works. Within seconds, with no request to help, the JSON files
of all replicas of a key must be equal, it must be nowhere else, and each key must hold what its
history allows; then every node must answer with it. What does not hold by then is counted, and the
history goes on from what is really there, so that one lost write is counted once.
"""

from __future__ import annotations

import re
from datetime import datetime

import grpc

from tests.processes.cluster import Cluster
from tests.processes.deciders import DECIDED
from tests.processes.findings import Finding, Findings
from tests.processes.harness import Server, eventually
from tests.processes.history import History, Value
from tests.processes.load import read

_STALL_S = 5.0
_BAD_LINES = re.compile(r"Traceback|  BUG  |ALARM")


def machine_stalled(cluster: Cluster) -> bool:
    """Whether several nodes found within the last seconds that they had been stopped.

    No fault of ours stops two at once: then it was the machine that stood still, for all of them.
    """
    now = datetime.now()
    stopped = [server for server in cluster if _was_stopped(server.log(), now)]
    return len(stopped) > 1


def _was_stopped(log: str, now: datetime) -> bool:
    lines = [line for line in log.splitlines()[-200:] if "  PAUSE  " in line]
    times = [datetime.fromisoformat(line.partition("  ")[0]) for line in lines]
    return any((now - time).total_seconds() < _STALL_S for time in times)


def judge(
    cluster: Cluster,
    histories: dict[str, History],
    asked: set[str],
    findings: Findings,
    *,
    deadline_s: float = 20.0,
) -> None:
    """Judge every key by the files, and those that are `asked` through every node as well."""

    def misfits(data: dict[str, str]) -> list[str]:
        return [key for key, history in histories.items() if not history.may_be(data.get(key))]

    try:
        cluster.wait_equal(misfits, deadline_s)
    except AssertionError:
        for line in cluster.differences():
            findings.add(Finding.APART, line)
    data = cluster.data()
    for key in data.keys() - histories.keys():
        if key.startswith(DECIDED):
            continue
        findings.add(Finding.PHANTOM, f"{key} is {data[key]!r}, and nobody wrote it")
    for key, history in histories.items():
        held = _ask_all(cluster, key, findings) if key in asked else data.get(key)
        if kind := history.verdict(held):
            findings.add(kind, f"{key} is {held!r}, may be {history.allowed()}")
        if kind or key in asked:
            history.settle(held)


def _ask_all(cluster: Cluster, key: str, findings: Findings) -> Value:
    """What all nodes say that a key holds."""

    def agree() -> bool:
        return len({read(server, key) for server in cluster}) == 1

    try:
        eventually(agree, f"{key} is the same on all nodes")
    except AssertionError as error:
        findings.add(Finding.APART, str(error))
    return read(cluster[0], key)


def look_for_deaths(cluster: Cluster, findings: Findings) -> None:
    """Every node must run unless a fault ended it: call this when none has."""
    for server in cluster:
        if not server.running:
            end = " / ".join(server.log().splitlines()[-5:])
            findings.add(Finding.DIED, f"{server.name} with {server.wait()}: {end}")


def read_logs(cluster: Cluster, read_so_far: dict[Server, int], findings: Findings) -> None:
    """Whether a node logged an alarm, or an error that nobody foresaw, since the last look."""
    for server in cluster:
        news = server.log(read_so_far.get(server, 0))
        read_so_far[server] = read_so_far.get(server, 0) + len(news)
        for match in _BAD_LINES.finditer(news):
            findings.add(Finding.ALARM, f"{server.name}: {news[match.start() :][:300]}")


def forget_tombstones(cluster: Cluster, findings: Findings) -> int:
    """With everybody up, every tombstone must go; how many there were at first."""
    held = [server.status().tombstones for server in cluster]
    try:
        eventually(
            lambda: not any(server.status().tombstones for server in cluster),
            f"the tombstones are gone ({held} at first)",
            60,
        )
    except (AssertionError, grpc.RpcError) as error:
        findings.add(Finding.STUCK, str(error))
    return sum(held)
