"""Events: what is news, what is not, that the end of a trouble is told as well; and their log."""

from __future__ import annotations

import itertools

from kvcluster.client.failure import FailureKind
from kvcluster.dashboard.events import LIMIT, Event, Log, changes
from kvcluster.dashboard.ink import Tone
from kvcluster.view.health import View
from tests.dashboard.looks import WELL, looks, traffic
from tests.view.views import ALIVE, DEAD, SUSPECT, A, B, C, says, silent, view

from demo_pb2 import SYNCING, Progress

FULL = "its disk is full: it refuses writes until there is room"
AWAY = (view(A, says(C, DEAD)), view(B, says(C, DEAD)), silent(C))


def news(*moments: tuple[View, ...], every_s: float = 2.0) -> list[str]:
    """The events of the last of the moments."""
    *before, now = looks(*moments, every_s=every_s)
    return [event.text for event in changes(before[-1] if before else None, now)]


def test_a_quiet_cluster_has_no_news() -> None:
    """The log would fill with what did not change."""
    assert news(WELL, WELL) == []
    assert news(WELL, AWAY, AWAY) == []


def test_the_first_look_says_how_it_is() -> None:
    """Who opens the dashboard in a trouble would find an empty log."""
    assert news(AWAY)[0] == "cluster  2 of 3 nodes serve, at the first look"
    assert f"{C}  DEAD: connection refused, nothing listens there" in news(AWAY)


def test_a_death_is_told_with_its_reason() -> None:
    """The log would say that a node is gone, and not why."""
    assert news(WELL, AWAY) == [
        f"{C}  SERVING → DEAD: connection refused, nothing listens there",
    ]


def test_a_return_is_told_with_how_long_it_took() -> None:
    """Nobody could tell that a trouble is over, and since when."""
    back = (view(A), view(B), view(C, incarnation=9, uptime_s=3.0))
    assert news(WELL, AWAY, AWAY, back) == [
        f"{C}  was started 3 s ago",
        f"{C}  serves again, after 6 s",
        "cluster  all 3 nodes serve",
    ]


def test_a_restart_that_no_look_has_seen_is_told() -> None:
    """A node that dies and returns between two looks would never be noticed."""
    again = (view(A), view(B), view(C, incarnation=9, uptime_s=1.0))
    assert news(WELL, again) == [f"{C}  was started 1 s ago"]


def test_a_freeze_is_no_restart() -> None:
    """A node that was stopped for a while would be said to have been started."""
    frozen = (view(A), view(B), silent(C, FailureKind.TIMED_OUT, "no answer for 3 s"))
    assert not any("started" in line for line in news(WELL, frozen, WELL))


def test_catching_up_begins_and_ends() -> None:
    """Whether a node has caught up would have to be guessed."""
    sync = Progress(source=A, entries=10, about=100)
    fetching = (view(A), view(B), view(C, status=SYNCING, sync=sync))
    assert news(WELL, fetching) == [
        f"{C}  SERVING → SYNCING: catching up from {A}, 10 of about 100 entries",
    ]
    assert news(WELL, fetching, fetching) == []
    assert f"{C}  caught up, 4 s" in news(WELL, fetching, fetching, WELL)


def test_a_catch_up_that_is_given_up_is_not_over() -> None:
    """A node with a full disk would be said to have caught up at each of its tries."""
    tries = (view(A), view(B), view(C, status=SYNCING, sync=Progress(source=A)))
    rests = (view(A), view(B), view(C, status=SYNCING, reason="catching up", disk_full=True))
    assert not any("caught up" in line for line in news(WELL, tries, rests))
    assert news(WELL, tries, rests, tries, rests, tries) == [f"{C}  over: {FULL}"]
    assert f"{C}  caught up, 8 s" in news(WELL, tries, rests, tries, rests, WELL)


def test_who_serves_and_has_missed_writes_has_not_caught_up() -> None:
    """The log would say that all is there while others still know of what is not."""
    gap = says(C, missed=2, missed_since=bytes([1] * 12))
    heals = (view(A, gap), view(B), view(C, sync=Progress(source=A)))
    rests = (view(A, gap), view(B), view(C))
    assert not any("caught up" in line for line in news(WELL, heals, rests))
    assert f"{C}  caught up, 4 s" in news(WELL, heals, rests, WELL)


def test_a_node_may_catch_up_while_it_serves() -> None:
    """Healing would go on unseen, since it changes no state."""
    heals = (view(A), view(B), view(C, sync=Progress(source=A)))
    assert news(WELL, heals) == [f"{C}  catches up from {A}"]


def test_a_note_that_grows_is_told_once() -> None:
    """Each missed write would be an event, and push the others out."""

    def missed(count: int, more: int) -> tuple[View, ...]:
        first, second = (
            says(C, DEAD, missed=number, missed_since=bytes([1] * 12)) for number in (count, more)
        )
        return view(A, first), view(B, second), silent(C)

    assert any("missed 2 writes" in line for line in news(AWAY, missed(2, 2)))
    assert news(AWAY, missed(2, 2), missed(40, 41)) == []
    assert any("over: missed" in line for line in news(AWAY, missed(2, 2), WELL))


def test_what_was_missed_is_not_over_because_who_noted_it_is_gone() -> None:
    """The log would say that a write is where it belongs, while it is still missing."""
    gap = says(C, missed=1, missed_since=bytes([1] * 12))
    noted = (view(A, gap), view(B), view(C))
    gone = (silent(A), view(B), view(C))
    assert not any("over" in line for line in news(WELL, noted, gone))
    assert not any("missed" in line for line in news(WELL, noted, gone, noted))
    assert any("over: missed 1 write" in line for line in news(WELL, noted, gone, gone, WELL))


def test_what_two_noted_is_not_over_for_the_one_that_answers() -> None:
    """The second may have noted more, and has only fallen silent."""
    gap = says(C, missed=1, missed_since=bytes([1] * 12))
    both = (view(A, gap), view(B, gap), view(C))
    one, none = (silent(A), view(B, gap), view(C)), (silent(A), view(B), view(C))
    assert not any("over" in line for line in news(WELL, both, one, none))
    assert any("over" in line for line in news(WELL, both, one, none, WELL))


def test_a_full_disk_and_a_file_that_falls_behind_are_two_events() -> None:
    """Both begin with "its", and the second would be taken for the first."""
    both = (view(A, disk_full=True, checkpoint_error="no space"), view(B), view(C))
    told = news(WELL, both)
    assert [line for line in told if "disk is full" in line]
    assert [line for line in told if "no space" in line]


def test_every_alarm_is_an_event() -> None:
    """A second damaged entry would go unnoticed behind the first."""
    one = (view(A, conflicts=1), view(B), view(C))
    two = (view(A, conflicts=2), view(B), view(C))
    assert any("ALARM: 1 entry" in line for line in news(WELL, one))
    assert any("ALARM: 2 entries" in line for line in news(one, two))


def test_a_note_of_a_node_that_falls_silent_is_not_over() -> None:
    """A full disk would be said to be mended because its node has died."""
    full = (view(A), view(B), view(C, checkpoint_error="no space"))
    assert any("no space" in line for line in news(WELL, full))
    assert not any("over" in line for line in news(full, AWAY))
    assert any("over: its JSON file" in line for line in news(full, WELL))


def test_a_contradiction_is_told_when_it_lasts() -> None:
    """Nodes that are asked a moment apart would seem to disagree at every death."""
    split = (view(A, says(C, DEAD, since_s=5)), view(B, says(C, ALIVE)), view(C))
    later = (view(A, says(C, DEAD, since_s=7)), view(B, says(C, ALIVE)), view(C))
    assert not any("calls" in line for line in news(WELL, split))
    assert any("calls" in line for line in news(WELL, split, later))
    assert news(split, later, split) == []
    assert "cluster  they agree again" in news(split, later, WELL)


def test_a_contradiction_is_not_over_because_one_of_them_is_gone() -> None:
    """Nodes would be said to agree because the one that differed has died."""
    split = (view(A, says(C, DEAD)), view(B, says(C, ALIVE)), view(C))
    for gone in ((silent(A), view(B), view(C)), AWAY):
        assert not any("agree" in line for line in news(split, split, gone))
        assert not any("calls" in line for line in news(split, split, gone, gone, split, split))
        assert "cluster  they agree again" in news(split, split, gone, WELL)


def test_another_contradiction_is_no_agreement() -> None:
    """One cut follows the other: they would agree for a moment in between."""
    one = (view(A, says(C, DEAD)), view(B), view(C))
    other = (view(A), view(B, says(C, DEAD)), view(C))
    assert not any("agree" in line for line in news(one, one, other))
    assert "cluster  they agree again" in news(one, one, other, WELL)


def test_the_end_of_all_answers_is_told() -> None:
    """The log would name the nodes, and leave the sum to the reader."""
    gone = (silent(A), silent(B), silent(C))
    assert "cluster  no node answers" in news(WELL, gone)
    assert news(WELL, gone, gone) == []


def test_failing_calls_are_told_once_and_so_is_their_end() -> None:
    """A node that fails every call would have an event for each look, or none."""

    def counted(ok: int, failed: int, uptime_s: float) -> tuple[View, ...]:
        calls = traffic(ok, (ok + failed, 0, 0, 0), {0: ok, 14: failed})
        return view(A, traffic=calls, uptime_s=uptime_s), view(B), view(C)

    zero, bad, worse = counted(0, 0, 10), counted(6, 4, 12), counted(6, 9, 14)
    assert news(zero, bad) == [f"{A}  4 of 10 calls failed: 4 UNAVAILABLE"]
    assert news(zero, bad, worse) == []
    well = [counted(6 + n, 9, 16 + 2 * n) for n in range(8)]
    told = [news(zero, bad, worse, *well[:count]) for count in range(1, 8)]
    assert [line for lines in told for line in lines] == [f"{A}  has failed nothing for 10 s"]


def test_failures_at_every_look_are_one_event_however_far_looks_are_apart() -> None:
    """At a look a minute each would be an event of its own."""

    def counted(failed: int, uptime_s: float) -> tuple[View, ...]:
        return view(A, traffic=traffic(0, (0, 0, 0, 0), {14: failed}), uptime_s=uptime_s), view(B)

    moments = looks(*(counted(3 * n, 10 + 60 * n) for n in range(4)), every_s=60)
    told = [changes(one, other) for one, other in itertools.pairwise(moments)]
    assert [len(events) for events in told] == [1, 0, 0]


def test_a_member_that_becomes_known_is_told() -> None:
    """A node would appear in the table out of nothing."""
    two = (view(A, names=(A, B)), view(B, names=(A, B)))
    assert any(line.startswith(f"{C}  is named") for line in news(two, WELL))


def test_an_absence_is_not_told_again_in_other_words() -> None:
    """Peers that notice one after the other would have it die, recover and die."""
    unsure = (view(A, says(C, DEAD)), view(B, says(C, SUSPECT)), silent(C))
    assert not any("→" in line for line in news(WELL, unsure, AWAY, unsure))
    assert not any("→" in line for line in news(WELL, unsure, AWAY, unsure, AWAY))
    assert not any("→" in line for line in news(WELL, AWAY, unsure))
    assert not any("calls it SUSPECT" in line for line in news(WELL, unsure, unsure))
    assert any("→ DEAD" in line for line in news(AWAY, WELL, unsure, AWAY))


def test_suspicion_and_death_are_two_events() -> None:
    """The way down would be a single step, with the time of the last."""
    suspected = (view(A, says(C, SUSPECT)), view(B, says(C, SUSPECT)), silent(C))
    assert any("SERVING → SUSPECT" in line for line in news(WELL, suspected))
    assert any("SUSPECT → DEAD" in line for line in news(suspected, AWAY))


def test_the_oldest_falls_out() -> None:
    """A dashboard that stays open for weeks would fill the memory."""
    log = Log()
    log.add(0.0, (Event(Tone.PLAIN, "cluster", f"event {n}") for n in range(LIMIT + 10)))
    lines = log.lines(80)
    assert len(lines) == LIMIT
    assert lines[0].plain.endswith("event 10")
    assert lines[-1].plain.endswith(f"event {LIMIT + 9}")


def test_a_new_event_is_shown_at_once() -> None:
    """What was drawn before would be shown for ever."""
    log = Log()
    log.add(0.0, [Event(Tone.PLAIN, "cluster", "one")])
    assert len(log.lines(80)) == 1
    log.add(1.0, [Event(Tone.BAD, "cluster", "two")])
    assert [line.plain[9:] for line in log.lines(80)] == ["· cluster  one", "✗ cluster  two"]


def test_a_long_event_is_wrapped_under_itself() -> None:
    """Its end would be cut off, and a narrower window would keep the old breaks."""
    log = Log()
    log.add(0.0, [Event(Tone.PLAIN, "cluster", "word " * 20)])
    wide, narrow = len(log.lines(80)), len(log.lines(40))
    assert 1 < wide < narrow
    for width in range(30, 80):  # in some of them a word just fits
        assert all(len(line.plain) <= width for line in log.lines(width))
    assert log.lines(40)[1].plain.startswith(" " * 11 + "word")
