"""The membership: who belongs to the cluster, who holds which slots, and who calls all the same.

It never changes while a node runs. Yet it is asked each time; who the peers are is copied at the
start only by those who keep something for each (peers.py, heartbeat.py, model/readiness.py).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from functools import cached_property

from kvcluster.config import Settings
from kvcluster.model.members import Cluster
from kvcluster.model.slots import SLOTS, Cover, placement_of

log = logging.getLogger("kvcluster")


class Membership:
    """A configuration and the placement that follows from it, from the place of one member."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._placement = placement_of(cluster.members, cluster.replicas)
        self.name = cluster.self_name
        """Which member this node is."""
        self.peers = cluster.peers
        """Every member but this node."""
        self.members = cluster.members
        self.digest = cluster.digest
        """What two nodes share only if they agree about all of this."""
        self.replica_count = cluster.replicas
        """How many members hold each key."""
        self.holds_all = cluster.replicas == len(cluster.members)
        """Whether every member holds every key."""
        self.held = self._placement.held(cluster.self_name)
        """The slots of which this member holds a replica."""

    def difference(self, node: str, members: Iterable[str], replicas: int, slots: int) -> str:
        """How another node's configuration differs from this one's; empty if they agree."""
        return self._cluster.difference(node, members, replicas, slots)

    def replicas(self, slot: int) -> tuple[str, ...]:
        """The members that hold a slot, the primary first."""
        return self._placement.replicas(slot)

    def others(self, slot: int) -> tuple[str, ...]:
        """The other members that hold a slot, the primary first."""
        return self._others[slot]

    @cached_property
    def _others(self) -> list[tuple[str, ...]]:
        every = map(self._placement.replicas, range(SLOTS))
        return [tuple(name for name in names if name != self.name) for names in every]

    def leads(self) -> list[int]:
        """The slots of which this member is the primary, ascending."""
        return [slot for slot in range(SLOTS) if self._placement.replicas(slot)[0] == self.name]

    def shared(self, peer: str) -> list[int]:
        """The slots that a peer holds, too, ascending."""
        return self._shared[peer]

    @cached_property
    def _shared(self) -> dict[str, list[int]]:
        return {peer: sorted(self.held & self._placement.held(peer)) for peer in self.peers}

    def cover(self, readable: Collection[str]) -> Cover:
        """Read each slot from this member if it can be, else from the first replica that can."""
        return self._placement.cover(self.name, readable)


class Strangers:
    """Nodes that are no members here and send heartbeats all the same. Anybody can, under any name,
    so few are told of at a time. Times are seconds of the event loop's clock.
    """

    def __init__(self, settings: Settings) -> None:
        self._most = settings.strangers
        self._memory_s = settings.stranger_memory_s
        self._known: dict[str, tuple[str, float]] = {}
        """Why each is refused, and when it called last."""

    def __len__(self) -> int:
        return len(self._known)

    @property
    def whys(self) -> dict[str, str]:
        """Who calls, and why it is refused."""
        return {name: why for name, (why, _) in self._known.items()}

    def met(self, name: str, why: str, now_s: float) -> None:
        """One called."""
        if name not in self._known:
            if len(self._known) >= self._most:
                return
            log.warning("PEER  %s called, and is refused: %s", name, why)
        self._known[name] = (why, now_s)

    def look(self, now_s: float) -> None:
        """Forget who has not called for long."""
        for name, (_, called_s) in list(self._known.items()):
            if now_s - called_s > self._memory_s:
                del self._known[name]
                log.info("PEER  %s, who is no member here, calls no more", name)
