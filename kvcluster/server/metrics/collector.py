"""The collector: one look at a node, taken in its event loop, whoever asks from wherever.

The page is served by threads, and a node belongs to its event loop. A thread that walked through
the node's dicts while the loop changes them would fail now and then, and what it read would belong
to several moments. So a thread asks the loop for a look, which takes it a millisecond or two, and
then writes the page by itself, which takes longer.

A loop that does not answer is news of its own. After `metrics_patience_s` whoever asked is told so
instead of being kept waiting, and Prometheus shows the node as down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotInTime

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as PrometheusCollector

from kvcluster.gateway.gateway import Gateway
from kvcluster.node import Node
from kvcluster.server.budgets import Intake
from kvcluster.server.metrics.call_metrics import calls
from kvcluster.server.metrics.engine_metrics import engine
from kvcluster.server.metrics.peer_metrics import replication, states_of_peers
from kvcluster.server.metrics.storage_metrics import checkpoints, held, journal
from kvcluster.server.metrics.upkeep_metrics import process, syncing


class NoAnswer(Exception):
    """The node's event loop hangs, or has ended."""


class Collector(PrometheusCollector):
    """Gives every metric of a node. Made inside its event loop, once the node is started."""

    def __init__(self, node: Node | Gateway, intake: Intake) -> None:
        self._loop = asyncio.get_running_loop()
        self._node = node
        self._intake = intake
        self._patience_s = node.settings.metrics_patience_s
        self._started_at_s = time.time() - node.status().uptime_s

    def collect(self) -> list[Metric]:
        """From any other thread. Raises NoAnswer."""
        if self._loop.is_closed():
            raise NoAnswer("the node has stopped")
        looking = asyncio.run_coroutine_threadsafe(self._look(), self._loop)
        try:
            return looking.result(self._patience_s)
        except (NotInTime, CancelledError):
            raise NoAnswer(
                f"the node's event loop did not answer in {self._patience_s:g} s"
            ) from None
        finally:
            looking.cancel()

    async def _look(self) -> list[Metric]:
        return list(self.look())

    def look(self) -> Iterator[Metric]:
        """From the loop, all in one step."""
        node, status = self._node, self._node.status()
        yield from process(node, status, self._started_at_s)
        yield from calls(self._intake)
        if isinstance(node, Gateway):
            yield from engine(node, status)
            return
        yield from held(status, node.peering.peers)
        yield from journal(node.store)
        yield from checkpoints(status, node.store)
        yield from states_of_peers(status, node.peering.peers)
        yield from replication(status, node.peering.peers)
        yield from syncing(node, status)
