"""Words for numbers: the edges of each unit, and numbers that a later version may send."""

from __future__ import annotations

import time

import pytest

from kvcluster.client.answers import state_word, status_word
from kvcluster.view.census import peer_word
from kvcluster.view.wording import duration, forwarded, moment, size, why_not_serving

from demo_pb2 import PeerState, Progress

_DAY_S = 86_400


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (12.4, "12 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (119, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (2 * _DAY_S - 1, "47 h"),
        (2 * _DAY_S, "2 d"),
        (4000 * _DAY_S, "4,000 d"),
    ],
)
def test_a_time_span_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    """No unit says 60 of the one below it."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (1_048_575, "1.0 MiB"),
        (1_500_000, "1.4 MiB"),
        (5 * 1024**5, "5,120.0 TiB"),
    ],
)
def test_an_amount_of_bytes_never_reaches_a_thousand_and_twenty_four(
    count: int, words: str
) -> None:
    """1,048,575 bytes would round to 1,024.0 KiB."""
    assert size(count) == words


@pytest.mark.parametrize(
    ("reason", "progress", "words"),
    [
        ("", Progress(), ""),
        ("waiting for a peer", Progress(), "waiting for a peer"),
        (
            "",
            Progress(source="a:1", entries=12_000, about=50_000),
            "catching up from a:1, 12,000 of about 50,000 entries",
        ),
        (
            "catching up from a:1",
            Progress(source="a:1", entries=12_000, about=50_000),
            "catching up from a:1, 12,000 of about 50,000 entries",
        ),
        (
            "catching up from a:1, b:1",
            Progress(source="b:1", entries=1, about=2),
            "catching up from b:1, 1 of about 2 entries",
        ),
        (
            "data was lost here",
            Progress(source="a:1", entries=1, about=1),
            "data was lost here, 1 of about 1 entry from a:1",
        ),
        ("", Progress(source="a:1"), "catching up from a:1"),
        ("", Progress(source="a:1", entries=7), "catching up from a:1, 7 entries so far"),
        (
            "",
            Progress(source="a:1", entries=9, about=7),
            "catching up from a:1, 9 entries so far",
        ),
    ],
)
def test_progress_is_told_once_and_never_beyond_its_total(
    reason: str, progress: Progress, words: str
) -> None:
    """The source is not named twice, and an estimate that was too low is dropped."""
    assert why_not_serving(reason, progress) == words


def test_a_lagging_peer_is_told_from_one_that_is_up_to_date() -> None:
    """It answers, and writes do not go to it."""
    assert peer_word(PeerState(state=PeerState.ALIVE)) == "ALIVE"
    assert peer_word(PeerState(state=PeerState.ALIVE, lagging=True)) == "ALIVE (lagging)"


def test_a_number_of_a_later_version_is_shown_as_a_number() -> None:
    """An older client is still of use."""
    assert (status_word(42), state_word(42)) == ("STATUS 42", "STATE 42")


def test_only_another_node_than_the_one_asked_is_a_forward() -> None:
    """Nor is silence, by a node that does not say who served."""
    assert forwarded("a:1", "b:1") == ", forwarded to b:1"
    assert forwarded("a:1", "a:1") == forwarded("a:1", "") == ""


def test_a_moment_of_another_day_is_told_with_its_date() -> None:
    """ "14:03:07" alone would be taken for today's."""
    now_s = time.mktime((2026, 5, 17, 14, 3, 7, 0, 0, -1))
    assert moment(_version(now_s), now_s) == "14:03:07"
    assert moment(_version(now_s), now_s + 3 * _DAY_S) == "2026-05-17 14:03:07"
    assert moment(bytes(12), now_s) == "the beginning"


def _version(seconds: float) -> bytes:
    return int(seconds * 1000).to_bytes(6, "big") + bytes(6)
