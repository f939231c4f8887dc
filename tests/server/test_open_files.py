"""Nearly out of open files: told while there is room, told when there is none, and told once."""

from __future__ import annotations

import asyncio
import logging
import os
import resource

import pytest

from kvcluster.config import Settings
from kvcluster.server.open_files import Gauge, count_open, watch_open_files
from tests.edges.in_process import until


def lines(limit: int, *counts: int) -> list[str]:
    """What is told of these counts, one after the other."""
    gauge = Gauge(limit, scarce=0.9)
    return [line for count in counts if (line := gauge.look(count)[1])]


def test_little_is_no_news() -> None:
    """A line every five seconds would be read by nobody."""
    assert lines(1000, 10, 500, 899, 10) == []


def test_what_grows_scarce_is_told_once_and_before_it_is_too_late() -> None:
    """A count that goes up and down around the border is one event."""
    assert lines(1000, 900, 950, 850, 899, 905) == [
        "900 of 1,000 files and connections are open; raise the limit (ulimit -n) before nobody"
        " can connect"
    ]


def test_the_limit_itself_is_told_as_what_it_is() -> None:
    """The same words as before would be taken for the same warning."""
    told = lines(1000, 900, 999, 1000, 950, 999)
    assert len(told) == 3
    assert "999 of 1,000" in told[1]
    assert "nobody can connect any more" in told[1]
    assert "nobody can connect any more" in told[2]


def test_the_end_is_told() -> None:
    """Who raised the limit of the clients, or closed them, must see that it helped."""
    assert lines(1000, 999, 790)[1:] == [
        "790 of 1,000 files and connections are open, enough are free again"
    ]


async def test_files_of_this_process_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Real descriptors, up to the border and back."""
    caplog.set_level(logging.INFO, "kvcluster")
    limit = 2 * count_open(0) + 40
    watch = asyncio.create_task(watch_open_files(limit, Settings(open_files_interval_s=0.01)))
    held: list[int] = []

    def one_more() -> bool:  # other tests of this process may close theirs meanwhile
        held.append(os.open(os.devnull, os.O_RDONLY))
        return "raise the limit" in caplog.text

    try:
        await until(one_more)
    finally:
        for each in held:
            os.close(each)
    await until(lambda: "enough are free again" in caplog.text)
    watch.cancel()


async def test_no_limit_is_no_reason_to_look() -> None:
    """Some systems have none."""
    await watch_open_files(resource.RLIM_INFINITY, Settings())
