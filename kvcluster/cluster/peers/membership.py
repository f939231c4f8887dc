"""The membership: who belongs to the cluster, and who holds which slots, as this node sees it.

It is asked each time and copied by nobody. Today it never changes while a node runs; when members
come and go, this is the one place that will know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property

from kvcluster.model.members import Cluster
from kvcluster.model.slots import SLOTS, Cover, placement_of


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
        self.held = self._placement.held(cluster.self_name)
        """The slots of which this member holds a replica."""

    def difference(self, node: str, members: Iterable[str], replicas: int, slots: int) -> str:
        """How another node's configuration differs from this one's; empty if they agree."""
        return self._cluster.difference(node, members, replicas, slots)

    def replicas(self, slot: int) -> tuple[str, ...]:
        """The members that hold a slot, the primary first."""
        return self._placement.replicas(slot)

    def others(self, slot: int) -> list[str]:
        """The other members that hold a slot, the primary first."""
        return [name for name in self._placement.replicas(slot) if name != self.name]

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
