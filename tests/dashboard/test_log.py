"""The log of events: bounded, and redrawn when there is something new."""

from __future__ import annotations

from kvcluster.dashboard.ink import Tone
from kvcluster.dashboard.log import LIMIT, Event, Log


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
