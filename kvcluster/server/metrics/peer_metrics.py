"""Peers: what this node thinks of each of the others, and how far each is behind.

Every peer is on the page from the start, whatever its state, so that an alert needs no `absent()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import Metric

from kvcluster.cluster.peers.peers import Peer, Peers
from kvcluster.model.detector import Liveness
from kvcluster.model.timings import Timings
from kvcluster.server.metrics.families import Labels, counter, gauge, histogram, states

from demo_pb2 import MemberStatus, StatusResponse

_STATES = [state.name for state in Liveness]


def states_of_peers(status: StatusResponse, peers: Peers) -> Iterator[Metric]:
    """What each is thought to be."""
    of: dict[Labels, float] = {}
    for peer in peers:
        of |= states(peer.detector.state.name, _STATES, (peer.name,))
    yield gauge("kvcluster_peer_state", "1 for the state that a peer is in", of, ["peer", "state"])
    members = _members(status, peers)
    yield _of_members(
        "kvcluster_peer_lagging",
        "1: it answers, and gets no writes until it begins to catch up",
        members,
        lambda member: member.state.lagging,
    )
    yield _of_members(
        "kvcluster_peer_refused",
        "1: it and this node refuse each other, for their options or their clocks",
        members,
        lambda member: bool(member.refusal),
    )
    yield _of_members(
        "kvcluster_peer_silence_seconds",
        "Since when it has not answered; since the start, if it never did",
        members,
        lambda member: member.silent_s if member.silent_s >= 0 else status.uptime_s,
    )
    yield gauge(
        "kvcluster_strangers",
        "Nodes that are no members here and call all the same",
        len(peers.strangers),
    )
    yield _timings(
        "kvcluster_heartbeat_duration_seconds",
        "Round trips of heartbeats that a peer answered",
        peers,
        lambda peer: peer.exchange.heartbeats,
    )


def replication(status: StatusResponse, peers: Peers) -> Iterator[Metric]:
    """How copies of writes get to each."""
    members = _members(status, peers)
    yield gauge(
        "kvcluster_writes_waiting",
        "Writes that wait here for the round before theirs",
        status.writes_waiting,
    )
    yield _of_members(
        "kvcluster_peer_writes_in_flight",
        "Writes sent to a peer and not answered yet",
        members,
        lambda member: member.writes_in_flight,
    )
    yield _of_members(
        "kvcluster_peer_lag_seconds",
        "Age of the oldest write that a peer may not have; 0: it has all",
        members,
        lambda member: member.behind_s,
    )
    yield _of_members(
        "kvcluster_peer_missed_writes",
        "Writes that a peer missed and has not fetched, as far as this process counted",
        members,
        lambda member: member.missed,
    )
    yield _timings(
        "kvcluster_replicate_duration_seconds",
        "How long a peer took to store copies of writes",
        peers,
        lambda peer: peer.exchange.copies,
    )
    yield counter(
        "kvcluster_replicate_failures_total",
        "Calls of that kind that had no answer, or a no",
        {(peer.name,): peer.exchange.failures for peer in peers},
        ["peer"],
    )


def _members(status: StatusResponse, peers: Peers) -> list[MemberStatus]:
    """The peers in a status; strangers are in it, too."""
    return [member for member in status.members if member.state.node in peers]


def _of_members(
    name: str, about: str, members: list[MemberStatus], value: Callable[[MemberStatus], float]
) -> Metric:
    values: dict[Labels, float] = {(member.state.node,): value(member) for member in members}
    return gauge(name, about, values, ["peer"])


def _timings(name: str, about: str, peers: Peers, of: Callable[[Peer], Timings]) -> Metric:
    return histogram(name, about, {(peer.name,): of(peer) for peer in peers}, ["peer"])
