"""The page: http://host:port/metrics, for Prometheus and for whoever is curious.

It is served by threads, apart from the event loop (collector.py says how the two meet), with what
prometheus_client has for it and a server of our own (web.py). Whoever can reach the port may ask,
or where the node asks who calls, whoever calls from this machine, or shows a token that may read;
but a page is made at most a twentieth of the time, one at a time, as the settings have it
(`metrics_...`). Whoever comes meanwhile is given the same again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

from kvcluster.gateway.gateway import Gateway
from kvcluster.model.members import split_address
from kvcluster.node import Node
from kvcluster.server.budgets import Intake
from kvcluster.server.listening import addresses_of
from kvcluster.server.metrics.collector import Collector, NoAnswer
from kvcluster.server.metrics.web import HttpResponse, Web

log = logging.getLogger("kvcluster")

_PLAIN, _OPEN_METRICS = (choose_encoder(accept) for accept in ("", "application/openmetrics-text"))


class Exposition:
    """Serves the metrics of a node from now on. Made inside the node's event loop."""

    def __init__(self, node: Node | Gateway, intake: Intake, address: tuple[str, int]) -> None:
        """`address`: a host, on all of whose addresses it listens, and a port.

        Raises CannotStart.
        """
        self._settings = node.settings
        self._registry = CollectorRegistry()
        self._registry.register(Collector(node, intake))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._lock = threading.Lock()
        self._made: dict[str, bytes] = {}
        """By its type, what was made last."""
        self._stale_s = 0.0
        self._webs: list[Web] = []
        host, port = address
        try:
            for each in addresses_of(host, port):
                at = split_address(each)[0]
                web = Web(at, port, self._answer, self._settings, intake.guard)
                self._webs.append(web)
        except BaseException:
            self.close()
            raise
        log.info("NODE  its metrics are on http://%s:%d/metrics", host, port)

    def close(self) -> None:
        """Serve nobody any more; takes a tenth of a second."""
        while self._webs:
            self._webs.pop().close()

    def _answer(self, accept: str) -> HttpResponse:
        """What a scraper gets that takes these types."""
        encode, kind = _OPEN_METRICS if "application/openmetrics-text" in accept else _PLAIN
        try:
            return HttpResponse(200, kind, self._fresh(encode, kind))
        except NoAnswer as error:
            return HttpResponse(503, "text/plain", f"{error}\n".encode())
        except Exception as error:
            log.error("BUG  the metrics page failed", exc_info=error)
            return HttpResponse(500, "text/plain", b"an internal error; see the log\n")

    def _fresh(self, encode: Callable[[CollectorRegistry], bytes], kind: str) -> bytes:
        """The page as it is, or was a moment ago. Raises NoAnswer."""
        if not self._lock.acquire(timeout=self._settings.metrics_patience_s):
            raise NoAnswer("others have been waiting for the node's event loop for long")
        try:
            started_s = time.monotonic()
            if started_s >= self._stale_s:
                self._made.clear()
            if kind not in self._made:
                self._made[kind] = encode(self._registry)
                now_s = time.monotonic()
                rest_s = (now_s - started_s) * self._settings.metrics_page_rest
                rest_s = min(rest_s, self._settings.metrics_page_age_s)
                self._stale_s = max(self._stale_s, now_s + rest_s)
            return self._made[kind]
        finally:
            self._lock.release()
