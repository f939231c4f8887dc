"""A short run of chaos, and whether its judges would see a broken promise at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.chaos import verdict
from tests.chaos.__main__ import seconds
from tests.chaos.availability import Availability
from tests.chaos.chaos import Chaos
from tests.chaos.machine import Machine
from tests.chaos.reader import Reader, judge_scans, put_all
from tests.chaos.report import report
from tests.processes.cluster import Cluster
from tests.processes.findings import Finding, Findings
from tests.processes.harness import eventually, wall_time
from tests.processes.history import History
from tests.processes.load import Weather

SEED = 68
"""Its first round kills all nodes, pauses the machine of one and cuts one off, each for a moment
only: most seeds take three times as long.
"""


def test_short_run_keeps_every_promise(tmp_path: Path) -> None:
    """Real servers, a round of faults from a fixed seed, clients on all nodes."""
    with ExitStack() as stack:
        machine = Machine(tmp_path, stack)
        chaos = Chaos(tmp_path, SEED, machine)
        outcome = chaos.run(1)
    text = report(chaos, machine, "one round")
    assert not outcome.findings, text
    assert outcome.faults.total() >= 2, text
    assert outcome.tally.acknowledged > 100, text
    assert outcome.tally.judged > 50, text
    assert outcome.decided["put done"] > 20, outcome.decided
    assert "All promises were kept." in text


def test_planted_losses_are_found_and_counted_once(tmp_path: Path) -> None:
    """Behind the judge's back a write is deleted, a delete undone, a strange value written."""
    cluster = Cluster(tmp_path)
    histories = {name: History() for name in ("lost", "back", "strange", "fine")}
    for name, history in histories.items():
        history.acknowledge(history.send(f"{name} 1"))
    histories["back"].acknowledge(histories["back"].send(None))
    try:
        cluster.start()
        for key, value in [("back", "back 1"), ("strange", "of nobody"), ("fine", "fine 1")]:
            cluster[0].put(key, value)
        eventually(
            lambda: all(server.json().keys() == {"back", "strange", "fine"} for server in cluster),
            "the files tell of it",
        )
        found = Findings()
        verdict.judge(cluster, histories, {"lost", "fine"}, found, deadline_s=0)
        again = Findings()
        verdict.judge(cluster, histories, set(histories), again)
    finally:
        cluster.clean_up()
    assert found.counts == {Finding.LOST: 1, Finding.RESURRECTED: 1, Finding.PHANTOM: 1}
    assert not again


def test_scan_that_is_short_without_a_word_is_found(tmp_path: Path) -> None:
    """By the reader, while faults go on, and by every node, when they are over."""
    cluster = Cluster(tmp_path)
    found, judged = Findings(), Findings()
    try:
        cluster.start()
        put_all(cluster, {})
        judge_scans(cluster, judged)
        assert not judged
        cluster[0].delete("still/007")
        with Reader(cluster, found, Weather.rough, lambda: False) as reader:
            eventually(lambda: reader.ended["whole"] > 0, "it has read everything")
        judge_scans(cluster, judged, deadline_s=0)
    finally:
        cluster.clean_up()
    assert set(found.counts) == {Finding.SHORT}
    assert "gave 199 pairs of 200; missing 1 ['still/007']" in found.sentences[0]
    assert judged.counts == {Finding.SHORT: 3}


def test_node_that_ends_by_itself_is_found(tmp_path: Path) -> None:
    """A node that is not there although no fault took it is no fault of chaos."""
    cluster = Cluster(tmp_path)
    try:
        cluster.start()
        cluster[1].kill()
        found = Findings()
        verdict.look_for_deaths(cluster, found)
    finally:
        cluster.clean_up()
    assert found.counts == {Finding.DIED: 1}


def test_what_a_key_may_hold_is_judged_by_what_was_acknowledged() -> None:
    """Unknown writes may be there or not; refused and older ones may not."""
    history = History()
    history.acknowledge(history.send("old"))
    history.acknowledge(history.send("done"))
    history.send("unknown")
    history.refuse(history.send("refused"))
    assert history.verdict("done") is None
    assert history.verdict("unknown") is None
    assert history.verdict("old") is Finding.LOST
    assert history.verdict(None) is Finding.LOST
    assert history.verdict("refused") is Finding.PHANTOM
    history.settle("done")
    assert history.allowed() == ["done", "unknown"]


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_longest_gap_is_told_by_who_was_spared() -> None:
    """The fault lasts from 2 to 11 and hits b; a answers at 5 and at 10, and next at 20."""
    clock = Hands()
    availability = Availability(["a", "b"], clock)
    availability.begin()
    script: list[tuple[float, Callable[[], None]]] = [
        (2, lambda: availability.fault("kill one")),
        (2, lambda: availability.hit("b")),
        (5, lambda: availability.succeeded("a")),
        (10, lambda: availability.succeeded("b")),
        (10, lambda: availability.succeeded("a")),
        (11, availability.whole),
        (20, lambda: availability.succeeded("a")),
        (20, availability.end),
    ]
    for moment_s, tell in script:
        clock.now_s = moment_s
        tell()
    worst = availability.worst["kill one"]
    assert (worst.spared_s, worst.anywhere_s) == (5, 5)
    assert (availability.longest_s, availability.longest_during) == (10, "kill one")


@pytest.mark.parametrize(
    ("text", "wanted_s"), [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600)]
)
def test_durations_are_told_as_people_tell_them(text: str, wanted_s: float) -> None:
    """A run of an hour that ended after one second would prove little."""
    assert seconds(text) == wanted_s


def test_machine_that_stood_still_is_told_from_a_node_that_was_frozen() -> None:
    """A failure without a fault is no finding if several nodes had not run, at one time."""
    words = "WARNING  PAUSE  this process was stopped for 1.2 s; looking around"
    line, before = f"{wall_time()}  {words}", f"2000-01-01 00:00:00.000  {words}"
    ran, stopped, earlier = (SimpleNamespace(log=lambda text=t: text) for t in ("", line, before))
    assert verdict.machine_stalled(cast(Cluster, [stopped, stopped, ran]))
    assert not verdict.machine_stalled(cast(Cluster, [stopped, earlier, ran]))
