"""What a majority decides, under kill -9: a counter is exact, and each key has an order."""

from __future__ import annotations

import time

from tests.processes.cluster import Cluster
from tests.processes.deciders import Counting, Deciders
from tests.processes.findings import Findings

_CLIENTS = 50


def test_fifty_clients_count_exactly_under_kill(cluster: Cluster) -> None:
    """An increment that is lost, or counted twice, is what conditions are against."""
    with Counting(cluster.members, "count", _CLIENTS) as counting:
        for victim in (cluster[0], cluster[1], cluster[0]):
            time.sleep(1.0)
            victim.kill()
            time.sleep(0.5)
            victim.start()
            victim.wait_serving()
        time.sleep(0.5)
    cluster.wait_whole()
    counting.assert_exact()
    assert counting.certain > 3 * _CLIENTS


def test_keys_are_linearizable_under_kill(cluster: Cluster) -> None:
    """Conditions, reads and plain puts on few keys, while who coordinates is killed."""
    findings = Findings()
    with Deciders(cluster.members, ["one", "two"]) as deciders:
        for victim in (cluster[0], cluster[2], cluster[1]):
            time.sleep(1.0)
            victim.kill()
            time.sleep(0.5)
            victim.start()
            victim.wait_serving()
    cluster.wait_whole()
    deciders.judge(findings)
    assert not findings, findings
    assert deciders.ended["put done"] > 50, deciders.ended
    assert deciders.ended["put the condition did not hold"] > 10, deciders.ended
