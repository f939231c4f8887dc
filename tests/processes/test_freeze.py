"""A frozen node: SIGSTOP, which a network and a kernel take for a living process."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.processes.cluster import Cluster
from tests.processes.harness import eventually, started
from tests.processes.knobs import Sleep

from demo_pb2 import PeerState


def test_frozen_node_delays_writes_once(cluster: Cluster) -> None:
    """Writes wait for a frozen peer one round, then go on without it."""
    cluster[2].signal(signal.SIGSTOP)
    try:
        answers = [cluster[0].put("k", str(number)) for number in range(20)]
        assert {answer.acknowledged for answer in answers} == {2}
        assert cluster[0].log().count(f"{cluster[2].name} is") <= 3
    finally:
        cluster[2].signal(signal.SIGCONT)


def test_thawed_node_never_answers_with_what_was_overwritten(cluster: Cluster) -> None:
    """The first read after the thaw already shows what was written during the freeze."""
    for turn in range(2):
        cluster[0].put("k", f"old {turn}")
        cluster[2].signal(signal.SIGSTOP)
        try:
            started_s = time.monotonic()
            cluster[0].put("k", f"new {turn}")
            # Long enough for the frozen process to notice by its own clock that it was stopped.
            eventually(lambda: time.monotonic() > started_s + 1.5, "the freeze lasts")  # noqa: B023
        finally:
            cluster[2].signal(signal.SIGCONT)
        assert cluster[2].get("k", timeout_s=10).value == f"new {turn}"
        cluster.wait_whole()


@pytest.mark.parametrize("sleep", [Sleep.TIMERS, Sleep.STEADY])
def test_machine_that_slept_never_answers_with_what_was_overwritten(
    tmp_path: Path, sleep: Sleep
) -> None:
    """Its timers stood still with it, and the steady clock, too, if it is a paused virtual machine.

    With timers only to tell it by, it answered what was old, each time.
    """
    with started(Cluster(tmp_path, linked=True)) as cluster, ThreadPoolExecutor(8) as clients:
        sleeper = cluster[2]
        for turn in range(2):
            cluster[0].put("k", f"old {turn}")
            cluster.wait_whole()
            cluster.knobs[sleeper].sleep_with(sleep)
            with sleeper.frozen():
                cluster[0].put("k", f"new {turn}")
                eventually(lambda: cluster[0].thinks(sleeper) == PeerState.DEAD, "it is missed")
                reads = [clients.submit(sleeper.get, "k", timeout_s=10) for _ in range(8)]
            reads += [clients.submit(sleeper.get, "k", timeout_s=10) for _ in range(64)]
            assert {read.result().value for read in reads} == {f"new {turn}"}
            cluster.wait_whole()
            cluster.knobs[sleeper].sleep_with(Sleep.NONE)
        assert "looking around" in sleeper.log()


def test_thawed_node_gets_every_write_again(cluster: Cluster) -> None:
    """After the thaw the node catches up and is acknowledged by again, with no request to it."""
    cluster[1].signal(signal.SIGSTOP)
    try:
        for number in range(10):
            cluster[0].put(f"missed{number}", "v")
        eventually(
            lambda: PeerState.DEAD in cluster[0].peer_states(), "the frozen node is seen as dead"
        )
    finally:
        cluster[1].signal(signal.SIGCONT)
    cluster.wait_whole()
    assert cluster[0].put("after", "v").acknowledged == 3
    assert cluster[1].get("missed9").found
