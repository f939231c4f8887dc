"""What moves the metrics of a gateway: an engine that goes away, and one that loses a member."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric

from kvcluster.engines.contract import EngineMember, EngineState
from kvcluster.gateway.gateway import Gateway
from kvcluster.model.readiness import Status
from kvcluster.server.budgets import Intake
from kvcluster.server.metrics.collector import Collector
from tests.engines.twin import Twin
from tests.gateway.rig import gateway_to
from tests.server.metrics.scene import PROVOKED, Reading

MOVED = ("engine_up", "engine_whole", "engine_member_reachable")
PROVOKED.update(f"kvcluster_{name}" for name in MOVED)


class Watched:
    """A gateway as Prometheus sees it."""

    def __init__(self, gateway: Gateway) -> None:
        self._collector = Collector(gateway, Intake.of(gateway.settings))

    def collect(self) -> Iterator[Metric]:
        """What a registry asks for."""
        return self._collector.look()

    def look(self) -> Reading:
        """Read the page now."""
        return Reading(generate_latest(cast(CollectorRegistry, self)).decode())


async def test_an_engine_that_ails_is_seen() -> None:
    """An alert on each of these would fire."""
    gateway = gateway_to(Twin())
    await gateway.start()
    page = Watched(gateway)
    well, ill = EngineMember("a", "leader"), EngineMember("a", "leader", reachable=False)
    gateway.gate.status, gateway.gate.state = Status.SERVING, EngineState("1", (well,))
    before = page.look()
    gateway.gate.state = EngineState("1", (ill,), "a is away")
    after = page.look()
    assert [it("engine_whole", engine="the twin") for it in (before, after)] == [1, 0]
    reachable = "engine_member_reachable"
    assert [it(reachable, member="a", role="leader") for it in (before, after)] == [1, 0]
    gateway.gate.status = Status.SYNCING
    gone = page.look()
    assert [it("engine_up", engine="the twin") for it in (before, after, gone)] == [1, 1, 0]
    await gateway.stop()
