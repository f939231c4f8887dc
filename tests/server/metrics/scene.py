"""A scene: a cluster in virtual time whose metrics are read as Prometheus would read them.

Each look makes the real page's text of one node and parses it again. A test says with `provokes`
which metrics it moves; in the end each of them must have had two values at the same node, or the
test fails. So a metric that nobody counts any more is found, whatever else a test asserts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from kvcluster.config import Settings
from kvcluster.node import Node
from kvcluster.server.activity import Activity
from kvcluster.server.budgets import Intake
from kvcluster.server.metrics.collector import Collector
from server import KeyValue
from tests.cluster.memory import MemoryCluster
from tests.storage.virtual_loop import VirtualLoop, run

PROVOKED: set[str] = set()
"""Every metric that some test moves, once the tests are imported."""

Sample = tuple[str, tuple[tuple[str, str], ...]]


class Reading:
    """One look at one node."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self._values = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """The value of one sample, without the common beginning of its name."""
        return self._values[f"kvcluster_{name}", tuple(sorted(labels.items()))]

    def of(self, metric: str) -> dict[Sample, float]:
        """All samples of a metric."""
        family = next((each for each in self.families if name_of(each) == metric), None)
        assert family, f"{metric} is not on the page"
        names = {sample.name for sample in family.samples}
        return {sample: value for sample, value in self._values.items() if sample[0] in names}


def name_of(family: Metric) -> str:
    """A metric's name as its HELP line has it."""
    return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


class Watched:
    """One life of a node, with what server.py puts around it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        intake = Intake.of(node.settings)
        activity = Activity("", node.settings)
        self.front = KeyValue(node, activity, intake)
        self._collector = Collector(node, intake)

    def collect(self) -> Iterator[Metric]:
        """What a registry asks for; from the loop itself."""
        return self._collector.look()


class Scene:
    """A cluster, and all that was read from it."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self.cluster = cluster
        self.looks: dict[str, list[Reading]] = {}
        self._watched: dict[str, Watched] = {}

    def watched(self, name: str = "a:1") -> Watched:
        """The present life of a node."""
        node = self.cluster[name]
        if name not in self._watched or self._watched[name].node is not node:
            self._watched[name] = Watched(node)
        return self._watched[name]

    def look(self, name: str = "a:1") -> Reading:
        """Read a node's page now."""
        page = generate_latest(cast(CollectorRegistry, self.watched(name)))
        reading = Reading(page.decode())
        self.looks.setdefault(name, []).append(reading)
        return reading

    async def until(
        self, holds: Callable[[Reading], bool], name: str = "a:1", step_s: float = 0.25
    ) -> Reading:
        """Look again and again, until what is read is as it should be.

        A look takes more of the test's own time than a second of three nodes does.
        """
        seen = [self.look(name)]

        def look() -> bool:
            seen[0] = self.look(name)
            return holds(seen[0])

        await self.cluster.until(look, "the metrics are as they should be", 200, step_s=step_s)
        return seen[0]

    def slow_disk(self, name: str, sync_s: float) -> None:
        """Each sync of a node's disk takes so long from now on."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)

        def after(method: str, path: Path) -> None:
            if method == "sync":
                loop.skip(sync_s)

        self.cluster.disks[name].after = after

    def check_moved(self, metric: str) -> None:
        """Fail unless some node showed two values of a metric."""
        for readings in self.looks.values():
            values = [reading.of(metric) for reading in readings]
            if any(each != values[0] for each in values):
                return
        raise AssertionError(f"{metric} did not move")


def provokes(
    *metrics: str, started: bool = True, settings: Settings | None = None
) -> Callable[[Callable[[Scene], Coroutine[Any, Any, None]]], Callable[[], None]]:
    """Run a test in virtual time, with three nodes that serve; it moves these metrics.

    `started`: whether the nodes run already when it begins.
    """
    names = [f"kvcluster_{metric}" for metric in metrics]
    PROVOKED.update(names)

    def decorate(test: Callable[[Scene], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        async def body() -> None:
            scene = Scene(MemoryCluster(settings))
            if started:
                await scene.cluster.start()
                await scene.cluster.until_serving()
                await scene.cluster.until_voting()
                scene.look()
            await test(scene)
            for name in names:
                scene.check_moved(name)
            for node in scene.cluster.network.nodes.values():
                assert not node.failed.done(), node.failed.exception()
                await node.kill()

        def run_test() -> None:
            run(body())

        run_test.__name__, run_test.__doc__ = test.__name__, test.__doc__
        return run_test

    return decorate
