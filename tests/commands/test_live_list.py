"""The watch: a line at each change, the right end, and no wait for anybody who is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from kvcluster.commands.demo import demo, live_list
from kvcluster.commands.demo.live_list import changes, follow, living_and_dead
from kvcluster.view.census import Member, census
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program
from tests.view.views import DEAD, SUSPECT, A, B, C, says, silent, view

from demo_pb2 import SYNCING, Progress

WELL = census([view(A), view(B), view(C)])
SUSPECTED = census([view(A, says(C, SUSPECT)), view(B, says(C, SUSPECT)), silent(C)])
GONE = census([view(A, says(C, DEAD)), view(B, says(C, DEAD)), silent(C)])

UNSEEN = census([view(A), view(B, says(C, DEAD)), view(C)])


def _syncing(entries: int) -> list[Member]:
    progress = Progress(source=A, entries=entries, about=9)
    return census([view(A), view(B), view(C, status=SYNCING, sync=progress)])


def _follow(*looks: Sequence[Member]) -> list[str]:
    left: Iterator[Sequence[Member]] = iter(looks)
    asked = iter([False] * (len(looks) - 1) + [True])
    return follow(lambda: next(left), enough=lambda: next(asked), clock=lambda: "14:03:09")


def test_the_list_groups_nodes_by_their_standing() -> None:
    """One line where all is well."""
    assert living_and_dead(WELL) == [f"ALIVE  {A}, {B}, {C}"]
    assert living_and_dead(GONE) == [f"ALIVE  {A}, {B}", f"DEAD   {C}"]
    assert living_and_dead(UNSEEN) == [f"ALIVE  {A}, {B}", f"{C}  ALIVE to {A}, DEAD to {B}"]


def test_only_what_changed_is_told() -> None:
    """A node that was not known before is a change, too."""
    assert changes({A: "ALIVE"}, {A: "ALIVE", B: "DEAD"}) == [f"{B}  DEAD"]


def test_each_change_is_one_line_until_the_node_is_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Looks that bring nothing new print nothing."""
    looks = (WELL, WELL, SUSPECTED, GONE, GONE, _syncing(5), _syncing(8), UNSEEN, WELL, GONE)
    assert _follow(*looks) == [C]
    assert capsys.readouterr().out.splitlines() == [
        f"  14:03:09  {C}  SUSPECT",
        f"  14:03:09  {C}  DEAD",
        f"  14:03:09  {C}  ALIVE, SYNCING: catching up from {A}, 5 of about 9 entries",
        f"  14:03:09  {C}  ALIVE, SYNCING: catching up from {A}, 8 of about 9 entries",
        f"  14:03:09  {C}  ALIVE to {A}, DEAD to {B}",
        f"  14:03:09  {C}  ALIVE",
    ]


def test_a_node_that_was_away_from_the_start_may_come_back() -> None:
    """The demo goes on without it, and here it is."""
    assert _follow(GONE, GONE, WELL) == [C]


def test_another_that_stays_away_is_not_waited_for() -> None:
    """Who was dead all the time has not changed."""
    alone = census([view(A, says(B, DEAD), says(C, DEAD)), silent(B), silent(C)])
    assert _follow(GONE, alone, GONE, WELL) == [B]


def test_a_watch_ends_when_the_person_has_seen_enough() -> None:
    """Whatever the nodes do."""
    assert _follow(WELL, GONE, GONE) == []


def test_the_demo_waits_for_nobody_in_a_pipe(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI would hang for two minutes."""
    monkeypatch.setattr(live_list, "invite", lambda _: pytest.fail("it was invited"))
    ended = client("--cluster", cluster.members)
    assert ended.code == 0
    assert "Ctrl+C" not in ended.out


def test_the_demo_invites_a_person_in_front_of_it(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what they then do does not change how the demo ended."""
    monkeypatch.setattr(demo, "somebody_is_there", lambda: True)
    monkeypatch.setattr(live_list, "_enter_was_pressed", lambda _: True)
    ended = client("--cluster", cluster.members)
    assert ended.code == 0
    assert "Now stop a node with Ctrl+C" in ended.out.partition("36 steps held")[2]


def test_ctrl_c_ends_a_watch_quietly(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo itself was over."""

    def interrupt(_: float) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "somebody_is_there", lambda: True)
    monkeypatch.setattr(live_list, "_enter_was_pressed", interrupt)
    ended = client("--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")


def test_patience_ends_a_watch(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever went for a coffee."""
    monkeypatch.setattr(demo, "somebody_is_there", lambda: True)
    monkeypatch.setattr(live_list, "_enter_was_pressed", lambda _: False)
    monkeypatch.setattr(live_list, "_PATIENCE_S", 0.0)
    assert client("--cluster", cluster.members).code == 0
