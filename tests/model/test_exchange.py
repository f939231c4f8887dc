"""The exchange with a peer: what is on its way, and the oldest write that it may not have."""

from __future__ import annotations

from kvcluster.model.entry import make_version
from kvcluster.model.exchange import Exchange
from kvcluster.model.fanout import Missed

OLD, MIDDLE, NEW = (make_version(time, 1) for time in (1, 2, 3))


def test_writes_are_in_flight_until_they_are_settled() -> None:
    """Two rounds may be on their way; each is taken off by its own end."""
    exchange = Exchange()
    exchange.sent(Missed(MIDDLE, 3))
    exchange.sent(Missed(NEW, 2))
    assert exchange.in_flight == 5
    exchange.settled(Missed(NEW, 2))
    assert exchange.in_flight == 3
    exchange.settled(Missed(MIDDLE, 3))
    assert exchange.in_flight == 0


def test_the_oldest_is_what_is_on_its_way_or_was_missed() -> None:
    """Looking at one of the two only would show no lag for a peer that is down, or that hangs."""
    exchange = Exchange()
    assert exchange.oldest(None) is None
    assert exchange.oldest(OLD) == OLD
    exchange.sent(Missed(MIDDLE, 1))
    assert exchange.oldest(None) == MIDDLE
    assert exchange.oldest(OLD) == OLD
    assert exchange.oldest(NEW) == MIDDLE
