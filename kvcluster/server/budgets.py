"""Budgets: how many calls may run at once, and how much they may carry together.

A call past its budget is refused at once (`Overloaded`), not queued: a queue would only add its own
length to everybody's latency, and its client has a deadline. What was refused was certainly not
done, so a client may try it elsewhere.

Each kind of call has a budget of its own: busy clients cannot starve peers, and a reader that is
slow to take its scan stands in nobody's way. What is answered without waiting needs none, a
heartbeat above all: it is over before the next call is looked at, so nobody can hide a node's
health.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kvcluster.config import Settings
from kvcluster.errors import Overloaded
from kvcluster.security.needs import Need
from kvcluster.server.arrivals import Arrivals
from kvcluster.server.guard import Guard
from kvcluster.server.traffic import Traffic


class Budget:
    """That of one kind of call. A call alone is taken whatever it carries."""

    def __init__(self, what: str, limit: int, limit_bytes: int) -> None:
        self._what = what
        self._limit = limit
        self._limit_bytes = limit_bytes
        self.running = 0
        """Calls that hold a place now."""
        self.running_bytes = 0
        """What they carry together."""
        self.asked = 0
        """Calls that ever asked for a place."""

    @contextmanager
    def admit(self, size_bytes: int) -> Iterator[None]:
        """Hold a place for the time of a call. Raises Overloaded."""
        self.asked += 1
        if self.running >= self._limit:
            raise self._overloaded("")
        if self.running and self.running_bytes + size_bytes > self._limit_bytes:
            raise self._overloaded(f" of together {self._limit_bytes:,} bytes")
        self.running += 1
        self.running_bytes += size_bytes
        try:
            yield
        finally:
            self.running -= 1
            self.running_bytes -= size_bytes
            assert self.running > 0 or self.running == self.running_bytes == 0

    def _overloaded(self, size: str) -> Overloaded:
        count = self.running if size else self._limit
        return Overloaded(
            f"{count:,} {self._what} calls{size} are in flight already, the most this node takes"
        )


@dataclass(frozen=True)
class Intake:
    """What stands around every call of a server: its limits, and what is counted of it."""

    clients: Budget
    peers: Budget
    forwards: Budget
    scans: Budget
    watchers: Budget
    streams: Budget
    settings: Settings
    arrivals: Arrivals
    """For calls whose message has not come."""
    traffic: Traffic = field(default_factory=Traffic)
    guard: Guard | None = None
    """Sees who calls; None: nothing is configured, and everybody may do everything."""

    needs: dict[str, Need] = field(default_factory=dict)
    """What each method needs of its caller, by its path: all that the server has (registrar.py)."""

    @property
    def asked(self) -> int:
        """How many calls ever came whose caller must know what became of them."""
        return self.clients.asked + self.forwards.asked + self.scans.asked

    @classmethod
    def of(cls, settings: Settings, guard: Guard | None = None) -> Intake:
        """The intake that the settings ask for."""
        size_bytes = settings.call_bytes_in_flight
        return cls(
            clients=Budget("client", settings.client_calls_in_flight, size_bytes),
            peers=Budget("peer", settings.peer_calls_in_flight, size_bytes),
            forwards=Budget("forwarded", settings.client_calls_in_flight, size_bytes),
            scans=Budget("scan", settings.scan_calls_in_flight, size_bytes),
            watchers=Budget("watching", settings.watch_calls_in_flight, size_bytes),
            streams=Budget("streamed", settings.streams, size_bytes),
            settings=settings,
            arrivals=Arrivals(settings),
            guard=guard,
        )
