"""Calls whose message is awaited: which of them are turned away, and that the others are not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.config import Settings
from kvcluster.errors import BadRequest, NotReady, Overloaded, TooLate
from kvcluster.server.arrivals import Arrivals, surplus
from tests.edges.in_process import until
from tests.storage.virtual_loop import run

SETTINGS = Settings(slow_messages=3, message_timeout_s=5)


class Call:
    """A call over some connection, whose message comes after a time, or not at all."""

    def __init__(self, peer: str = "x", after_s: float = 1e9, message: Any = b"m") -> None:
        self._peer = peer
        self._after_s = after_s
        self._message = message

    def peer(self) -> str:
        return self._peer

    async def read(self) -> Any:
        await asyncio.sleep(self._after_s)
        return self._message


class Hall:
    """Calls that are awaited together, and how that went."""

    def __init__(self) -> None:
        self.arrivals = Arrivals(SETTINGS)
        self.tasks: list[asyncio.Task[bytes]] = []

    def enter(self, *calls: Call) -> None:
        """Begin some calls."""
        self.tasks += [asyncio.ensure_future(self.arrivals.only_message(it)) for it in calls]

    def ended(self) -> list[Any]:
        """What became of each: its message, its error, or None while it is awaited."""
        return [(it.exception() or it.result()) if it.done() else None for it in self.tasks]

    async def leave(self) -> None:
        """End all, and see that nothing is kept of them."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(1)
        assert not self.arrivals._awaited
        assert self.arrivals._timer is None


def in_hall(test: Callable[[Hall], Any]) -> Callable[[], None]:
    """Run a test in virtual time."""

    def run_test() -> None:
        async def body() -> None:
            hall = Hall()
            await test(hall)
            await hall.leave()

        run(body())

    run_test.__name__, run_test.__doc__ = test.__name__, test.__doc__
    return run_test


@in_hall
async def test_who_is_quick_is_taken_however_many_are_slow(hall: Hall) -> None:
    """Slow ones hold nobody up, neither before they are turned away nor after."""
    hall.enter(*(Call() for _ in range(100)), *(Call("y", 0.01) for _ in range(500)))
    await asyncio.sleep(0.02)
    assert hall.ended() == [None] * 100 + [b"m"] * 500


@in_hall
async def test_slow_ones_past_the_limit_are_turned_away_by_a_sentence(hall: Hall) -> None:
    """The oldest go, the last few stay, and everyone's message that comes is taken."""
    for number in range(6):
        hall.enter(Call(after_s=3 - number * 0.01))
        await asyncio.sleep(0.01)
    await asyncio.sleep(1)
    ended = hall.ended()
    assert [type(each) for each in ended] == [Overloaded] * 3 + [type(None)] * 3
    assert str(ended[0]).startswith("3 calls whose messages are slow to come are waited for")
    await asyncio.sleep(3)
    assert hall.ended()[3:] == [b"m"] * 3


@in_hall
async def test_a_crowd_turns_away_its_own(hall: Hall) -> None:
    """One call of another connection stays, though it is the oldest of all."""
    hall.enter(Call("patient", after_s=4))
    await asyncio.sleep(0.3)
    hall.enter(*(Call("crowd") for _ in range(50)))
    await asyncio.sleep(4)
    assert hall.ended()[0] == b"m"
    assert sum(each is None for each in hall.ended()) == 2


@in_hall
async def test_nobody_is_waited_for_for_ever(hall: Hall) -> None:
    """Not even if there is room."""
    hall.enter(Call())
    await asyncio.sleep(4.9)
    assert hall.ended() == [None]
    await asyncio.sleep(0.2)
    (error,) = hall.ended()
    assert isinstance(error, TooLate)
    assert str(error) == "no message came within 5 s"


@in_hall
async def test_a_node_that_stops_waits_for_nobody(hall: Hall) -> None:
    """Its end would wait for every call."""
    hall.enter(Call(), Call())
    await asyncio.sleep(0.01)
    hall.arrivals.leave()
    await asyncio.sleep(0.01)
    assert [type(each) for each in hall.ended()] == [NotReady] * 2


@in_hall
async def test_who_gives_up_is_cancelled_and_not_refused(hall: Hall) -> None:
    """gRPC cancels the task of a call that its client has left."""
    hall.enter(Call())
    await asyncio.sleep(0)
    hall.tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await hall.tasks[0]


@in_hall
async def test_a_call_without_a_message_is_a_bad_request(hall: Hall) -> None:
    """Whoever still listens hears so."""
    hall.enter(Call(after_s=0, message=grpc.aio.EOF))
    await until(hall.tasks[0].done)
    assert isinstance(hall.ended()[0], BadRequest)


@given(st.lists(st.sampled_from("abcd"), max_size=40), st.integers(1, 10))
def test_surplus_is_taken_from_whoever_has_most(connections: list[str], most: int) -> None:
    """As a stupid twin does it: again and again the oldest of the longest line."""
    left = list(range(len(connections)))
    while len(left) > most:
        counts = Counter(connections[place] for place in left)
        longest = max(counts.values())
        left.remove(next(place for place in left if counts[connections[place]] == longest))
    assert sorted(surplus(connections, most)) == sorted(set(range(len(connections))) - set(left))
