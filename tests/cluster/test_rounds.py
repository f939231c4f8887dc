"""Rounds: which writes leave together, and who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from kvcluster.cluster.writing.outcome import Outcome
from kvcluster.cluster.writing.rounds import Rounds
from kvcluster.config import Settings
from kvcluster.errors import NotReady
from kvcluster.storage.block import Block
from tests.cluster.memory import MemoryCluster, in_cluster

from demo_pb2 import Entry

SETTINGS = replace(Settings(), rounds_in_flight=1)


class Departures:
    """The rounds of a node, which go nowhere: they come back when a test says so."""

    def __init__(self, cluster: MemoryCluster, **settings: Any) -> None:
        node = cluster["a:1"]
        self._time = node.time
        self.rounds: Rounds = node.writing.rounds
        self.rounds._settings = replace(SETTINGS, **settings)
        self.rounds._carry_out = self._carry_out  # type: ignore[method-assign]
        self.left: list[int] = []
        """How many entries each had, those that have come back included."""
        self._thens: list[tuple[int, Callable[[Outcome], None]]] = []

    def write(self, count: int = 1) -> None:
        """So many write."""
        for _ in range(count):
            self.rounds.join([Entry(key="k", value="v", version=self._time.tick())])

    def write_block(self, puts: int) -> None:
        """Somebody writes so much at once."""
        keys = [f"k{number}" for number in range(puts)]
        self.rounds.join(Block(keys, keys, self._time.ticks(puts)))

    async def come_back(self) -> None:
        """The oldest that is on its way comes back."""
        count, then = self._thens.pop(0)
        then(Outcome([1] * count, set()))
        await asyncio.sleep(0)

    def _carry_out(self, entries: Sequence[Entry], then: Any) -> None:
        self.left.append(len(entries))
        self._thens.append((len(entries), then))


@in_cluster
async def test_few_writers_are_never_kept_waiting(cluster: MemoryCluster) -> None:
    """One after the other, or three at once: who is among few gains nothing by a pause."""
    rounds = Departures(cluster)
    for count in (1, 1, 3, 2):
        rounds.write(count)
        await asyncio.sleep(0)
        rounds.write(1)
        await rounds.come_back()
        await rounds.come_back()
    assert rounds.left == [1, 1, 1, 1, 3, 1, 2, 1]


@in_cluster
async def test_writes_wait_for_those_who_were_just_answered(cluster: MemoryCluster) -> None:
    """Without it the rounds of many clients stay small, and each write pays for a round nearly by
    itself.
    """
    rounds = Departures(cluster)
    rounds.write(2)
    await asyncio.sleep(0)
    rounds.write(SETTINGS.gather_from)
    await rounds.come_back()
    rounds.write(1)
    await asyncio.sleep(SETTINGS.gather_s / 2)
    assert rounds.left == [2]
    rounds.write(1)
    await asyncio.sleep(0)
    assert rounds.left == [2, SETTINGS.gather_from + 2], "all who were answered are back"


@in_cluster
async def test_writes_wait_for_a_moment_only(cluster: MemoryCluster) -> None:
    """Who was answered may have left for good."""
    rounds = Departures(cluster)
    rounds.write(2)
    await asyncio.sleep(0)
    rounds.write(SETTINGS.gather_from)
    await rounds.come_back()
    await asyncio.sleep(1.01 * SETTINGS.gather_s)
    assert rounds.left == [2, SETTINGS.gather_from]
    rounds.write(1)
    await rounds.come_back()
    assert rounds.left[2:] == [1]


@in_cluster
async def test_a_large_round_waits_for_nobody(cluster: MemoryCluster) -> None:
    """It has all that can be gained; its clients would wait for nothing."""
    rounds = Departures(cluster)
    rounds.write(200)
    await asyncio.sleep(0)
    rounds.write(SETTINGS.gather_to)
    await rounds.come_back()
    assert rounds.left == [200, SETTINGS.gather_to]


@in_cluster
async def test_what_waits_for_more_is_refused_with_the_rest_after_a_pause(
    cluster: MemoryCluster,
) -> None:
    """The timer goes off all the same, finds nothing, and keeps nobody waiting who comes later."""
    rounds = Departures(cluster)
    rounds.write(2)
    await asyncio.sleep(0)
    rounds.write(SETTINGS.gather_from)
    (seats,) = rounds.rounds.join([Entry(key="k", version=cluster["a:1"].time.tick())])
    await rounds.come_back()
    rounds.rounds.refuse_waiting("this node was stopped")
    with pytest.raises(NotReady, match="stopped"):
        await seats.round.done
    await asyncio.sleep(2 * SETTINGS.gather_s)
    assert rounds.left == [2]
    rounds.write(1)
    await asyncio.sleep(0)
    assert rounds.left == [2, 1]


@in_cluster
async def test_no_more_blocks_are_on_their_way_than_may_be(cluster: MemoryCluster) -> None:
    """With two, the second leaves while the first is away, and the third does not."""
    rounds = Departures(cluster, rounds_in_flight=2, block_puts=2)
    for _ in range(3):
        rounds.write_block(5)
        await asyncio.sleep(0)
    assert rounds.left == [5, 5]
    await rounds.come_back()
    assert rounds.left == [5, 5, 5]


@in_cluster
async def test_writes_that_came_one_by_one_wait_for_what_is_away(cluster: MemoryCluster) -> None:
    """Or rounds of many callers stay so small that each write pays for one nearly by itself."""
    rounds = Departures(cluster, rounds_in_flight=2, block_puts=2)
    rounds.write_block(5)
    await asyncio.sleep(0)
    rounds.write(1)
    await asyncio.sleep(0)
    rounds.write(1)
    await asyncio.sleep(0)
    assert rounds.left == [5]
    await rounds.come_back()
    assert rounds.left == [5, 2]
