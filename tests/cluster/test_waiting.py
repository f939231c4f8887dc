"""Waiting, at the door of a node and for an answer: who waits, and what becomes of it."""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.waiting import unless
from kvcluster.config import Settings
from kvcluster.errors import NotReady, PeerSilent
from kvcluster.model.readiness import Readiness
from tests.storage.virtual_loop import run


def test_write_that_waited_at_the_door_of_a_stopped_node_is_not_carried_out() -> None:
    """It waits until the watch has looked and the peers were heard; its caller's farewell has
    arrived by then. Found by the simulator.
    """

    async def body() -> None:
        gate = Gate(Readiness({"b:2": {1}}), Settings())
        gate.heard("b:2", None, at=1, counts_on_us=True)
        gate.refuse_unless_writable()
        await asyncio.sleep(5)  # and nobody has looked: the process did not run
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(gate.until_writable(loop.time() + 3))
        await asyncio.sleep(0)
        assert not waiting.done()
        with pytest.raises(NotReady, match="was stopped, and has not looked around"):
            gate.refuse_unless_writable()
        gate.was_stopped(5)
        await asyncio.sleep(0.1)
        assert not waiting.done()
        gate.heard("b:2", None, at=2, counts_on_us=True)
        await waiting

    run(body())


def test_error_that_comes_when_nobody_waits_any_more_is_no_complaint() -> None:
    """The caller has given up in the moment of the answer. Found by the simulator."""

    async def refuse_late() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise PeerSilent("it came at last") from None

    async def body() -> None:
        caller = asyncio.ensure_future(unless(asyncio.Event(), refuse_late()))
        await asyncio.sleep(0.1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await asyncio.sleep(0.1)

    run(body())  # fails at an error that nobody has looked at
