"""Presence: whether the engine is there, and what a gateway says meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from kvcluster import AsyncClient
from kvcluster.config import Settings
from kvcluster.engines.contract import EngineMember, EngineState
from kvcluster.errors import NotReady, Unavailable
from kvcluster.gateway.presence import Presence
from kvcluster.model.pauses import Times
from kvcluster.model.readiness import Status
from tests.edges.in_process import serving, until
from tests.engines.twin import Twin
from tests.gateway.rig import client_of, gateway_to, open_gateway

from demo_pb2 import HealthCheckRequest


async def test_it_starts_without_its_engine_and_says_why() -> None:
    """And serves as soon as that is there, without anybody's help."""
    twin = Twin()
    twin.absent = "the twin cannot be reached: connection refused"
    async with open_gateway(twin) as gateway:
        await until(lambda: gateway.gate.status is Status.SYNCING)
        health = gateway.health(HealthCheckRequest())
        assert health.reason == twin.absent
        async with AsyncClient(gateway.name) as client:
            with pytest.raises(Unavailable, match="connection refused"):
                await client.put("k", "v", timeout_s=0.5)
            twin.absent = ""
            await client.put("k", "v", timeout_s=5)
            assert await client.get("k") == "v"


async def test_an_engine_that_goes_away_is_noticed_and_its_return_too() -> None:
    """Calls in between are refused, certainly not done."""
    twin = Twin()
    async with open_gateway(twin) as gateway:
        await until(lambda: gateway.gate.status is Status.SERVING)
        twin.absent = "the twin is gone"
        await until(lambda: gateway.gate.status is Status.SYNCING)
        with pytest.raises(NotReady, match="this gateway is syncing: the twin is gone"):
            gateway.gate.refuse_unless_serving()
        twin.absent = ""
        await until(lambda: gateway.gate.status is Status.SERVING)
        assert gateway.health(HealthCheckRequest()).reason == ""


async def test_an_engine_in_trouble_is_told_of_and_used(caplog: pytest.LogCaptureFixture) -> None:
    """A part of it is down; what the rest can do is done."""

    class Troubled(Twin):
        trouble = ""

        async def probe(self, deadline_s: float) -> EngineState:
            members = (EngineMember("a", "primary"), EngineMember("b", "replica", reachable=False))
            return EngineState("7", members, self.trouble)

    twin = Troubled()
    async with open_gateway(twin) as gateway:
        await until(lambda: gateway.gate.status is Status.SERVING)
        twin.trouble = "b does not answer"
        await until(lambda: gateway.status().engine.trouble == "b does not answer")
        assert gateway.gate.readable
        assert [it.reachable for it in gateway.status().engine.members] == [True, False]
        twin.trouble = ""
        await until(lambda: not gateway.status().engine.trouble)
    told = [it.getMessage() for it in caplog.records if it.getMessage().startswith("ENGINE")]
    assert told == ["ENGINE  b does not answer", "ENGINE  it is whole again"]


async def test_a_process_that_was_stopped_takes_nothing_before_it_has_looked() -> None:
    """What waited at its door was given up by its callers."""
    now = Times(0, 0, 0)
    presence = Presence(Twin(), lambda: now, Settings(tick_interval_s=0.01))
    presence.status = Status.SERVING
    ticking = asyncio.ensure_future(presence.tick())
    await asyncio.sleep(0)
    presence.refuse_unless_serving()
    now = Times(60, 60, 60)
    assert not presence.readable
    with pytest.raises(NotReady, match="was stopped"):
        presence.refuse_unless_serving()
    await until(lambda: presence.readable)
    assert presence.pauses == 1
    ticking.cancel()


async def test_expired_keys_are_swept_and_keys_counted() -> None:
    """Without anybody asking."""
    twin = Twin()
    async with client_of(twin) as client:
        await client.put("short", "1", ttl_s=1)
        await client.put("long", "1")
        twin.now_ms += 60_000
        await until(lambda: "short" not in twin.held)
        assert await client.get("long") == "1"


async def test_a_gateway_that_leaves_says_so_to_who_watches() -> None:
    """As a node does, by its status."""
    twin = Twin()
    gateway = gateway_to(twin)
    async with serving(gateway):
        await until(lambda: gateway.gate.status is Status.SERVING)
    assert gateway.gate.status is Status.DRAINING
    gateway.gate._become(Status.SERVING, "")
    assert gateway.gate.status is Status.DRAINING
