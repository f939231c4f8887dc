"""Waiting, at the door of a node and for an answer: who waits, and what becomes of it."""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.tasks import Silence, unless
from kvcluster.config import Settings
from kvcluster.errors import NotReady, PeerSilent
from kvcluster.model.pauses import Times
from kvcluster.model.readiness import Readiness
from tests.cluster.memory import MemoryCluster, in_cluster
from tests.storage.virtual_loop import run


class Clocks:
    """Three clocks; in virtual time all run, and a test sets two of them on."""

    def __init__(self) -> None:
        self.steady_s = self.wall_s = 0.0
        """How much further they are than the timers."""

    def times(self) -> Times:
        """What they say now."""
        now_s = asyncio.get_running_loop().time()
        return Times(now_s, now_s + self.steady_s, now_s + self.wall_s)


def watched_gate(clocks: Clocks) -> Gate:
    """The gate of a node that serves, whose watch has looked once."""
    gate = Gate(Readiness({"b:2": {1}}), clocks.times, Settings())
    gate.look()
    gate.heard("b:2", None, at=1, counts_on_us=True)
    gate.refuse_unless_writable()
    return gate


def test_write_that_waited_at_the_door_of_a_stopped_node_is_not_carried_out() -> None:
    """It waits until the watch has looked and the peers were heard; its caller's farewell has
    arrived by then. Found by the simulator.
    """

    async def body() -> None:
        gate = watched_gate(Clocks())
        await asyncio.sleep(5)  # and nobody has looked: the process did not run
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(gate.until_writable(loop.time() + 3))
        await asyncio.sleep(0)
        assert not waiting.done()
        with pytest.raises(NotReady, match="was stopped, and has not looked around"):
            gate.refuse_unless_writable()
        assert gate.look()
        await asyncio.sleep(0.1)
        assert not waiting.done()
        gate.heard("b:2", None, at=2, counts_on_us=True)
        await waiting

    run(body())


@pytest.mark.parametrize("steady", [True, False], ids=["suspended", "paused"])
def test_write_that_slept_with_its_machine_is_refused(steady: bool) -> None:
    """Its deadline stood still, too: nobody can say how long ago its client gave up. Reads wait."""

    async def body() -> None:
        clocks = Clocks()
        gate = watched_gate(clocks)
        sleeps, deadline_s = gate.sleeps, asyncio.get_running_loop().time() + 3
        clocks.wall_s += 3_600
        clocks.steady_s += 3_600 * steady
        assert not gate.readable
        assert not gate.writable
        write = asyncio.ensure_future(gate.until_writable(deadline_s))
        read = asyncio.ensure_future(gate.until_writable(deadline_s, reads=True))
        await asyncio.sleep(0.05)
        assert gate.look()
        with pytest.raises(NotReady, match="was stopped"):
            await write
        assert "was stopped" in str(gate.slept_since(sleeps))
        gate.heard("b:2", None, at=2, counts_on_us=True)
        await read
        assert gate.slept_since(gate.sleeps) is None

    run(body())


def test_node_without_peers_that_was_stopped_lets_in_who_waited() -> None:
    """It has nobody to hear, so its status does not change; they once waited to their deadlines."""

    async def body() -> None:
        gate = Gate(Readiness({}), Clocks().times, Settings())
        gate.look()
        await asyncio.sleep(5)
        waiting = asyncio.ensure_future(gate.until_writable(asyncio.get_running_loop().time() + 3))
        await asyncio.sleep(0.05)
        assert gate.look()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert waiting.done()
        await waiting

    run(body())


@in_cluster
async def test_what_peers_said_before_a_pause_lets_no_node_serve_after_it(
    cluster: MemoryCluster,
) -> None:
    """An answer that was on its way meanwhile knows nothing of what was written meanwhile."""
    node, network = cluster["a:1"], cluster.network
    network.delay_s = 0.2
    node.peering.heartbeats.poke_all()
    await asyncio.sleep(0.25)  # the peers have answered
    cluster.clock_offset_ms["a:1"] += 60_000
    network.cuts |= {("a:1", "b:2"), ("a:1", "c:3")}  # none of the next heartbeats arrives
    await asyncio.sleep(1)
    assert not node.gate.readable
    network.heal()
    await cluster.until_serving("a:1")


def test_error_that_comes_when_nobody_waits_any_more_is_no_complaint() -> None:
    """The caller has given up in the moment of the answer. Found by the simulator."""

    async def refuse_late() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise PeerSilent("it came at last") from None

    async def body() -> None:
        caller = asyncio.ensure_future(unless(Silence(), refuse_late()))
        await asyncio.sleep(0.1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await asyncio.sleep(0.1)

    run(body())  # fails at an error that nobody has looked at
