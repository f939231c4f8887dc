"""Log lines at a pace that a person can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.config import Settings
from kvcluster.server.activity import Activity, Limiter

from demo_pb2 import BatchResponse, Mismatch, PutRequest, PutResponse, Result


def test_human_pace_is_never_counted_away() -> None:
    """Ten a second, for an hour, are all written."""
    limiter = Limiter(rate_per_s=20, burst=200)
    assert all(limiter.allows("Put", number / 10) for number in range(36_000))
    assert limiter.summarize() == {}


def test_burst_passes_and_the_rest_is_counted() -> None:
    """What is not written is in the summary, by kind, and only once."""
    limiter = Limiter(rate_per_s=20, burst=200)
    written = sum(limiter.allows("Put", 1.0) for _ in range(1_000))
    assert written == 200
    limiter.allows("Replicate", 1.0, count=7)
    assert limiter.summarize() == {"Put": 800, "Replicate": 7}
    assert limiter.summarize() == {}


def test_under_load_only_the_summary_is_written() -> None:
    """Some lines of many would look like all of them; they return when the load is over."""
    limiter = Limiter(rate_per_s=20, burst=200)
    for second in range(10):
        written = sum(limiter.allows("Put", second + number / 1_000) for number in range(1_000))
        assert (written == 0) == (second > 0)
        assert sum(limiter.summarize().values()) == 1_000 - written
    assert not limiter.allows("Put", 10.0)
    limiter.summarize()
    assert limiter.allows("Put", 11.0)


@given(st.lists(st.floats(0, 0.1), max_size=500))
def test_never_more_than_the_burst_and_the_rate_allow(gaps_s: list[float]) -> None:
    """However calls arrive, a terminal is not flooded."""
    limiter = Limiter(rate_per_s=20, burst=10)
    now_s, written = 0.0, 0
    for gap_s in gaps_s:
        now_s += gap_s
        written += limiter.allows("Put", now_s)
    assert written <= 10 + 20 * now_s + 1e-6


def test_clock_that_stands_still_or_goes_back_gives_no_tokens() -> None:
    """A strange clock must not open the gates."""
    limiter = Limiter(rate_per_s=20, burst=1)
    assert limiter.allows("Put", 5.0)
    assert not limiter.allows("Put", 5.0)
    assert not limiter.allows("Put", 1.0)


def test_what_was_not_written_is_not_told_as_a_put(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks for a write that is not there would find it in the log."""
    caplog.set_level("INFO")
    activity, failed = Activity("a:1", Settings()), PutResponse(mismatch=Mismatch(found=True))
    activity.one(PutRequest(key="k", value="v"), failed)
    assert not caplog.messages
    results = [Result(put=failed), Result(put=PutResponse(version=b"1")), Result(get={})]
    activity.batch(BatchResponse(results=results))
    assert caplog.messages == ["BATCH  1 put, 1 get, 1 condition not met"]
