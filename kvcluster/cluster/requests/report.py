"""The report: how this node is and what it sees, for `CheckHealth`, `Status` and `Locate`.

To make one changes nothing; what a peer's heartbeat says is taken before (node.py). Whoever is on
call asks every node and lays the answers side by side; so each says what it sees itself, and of a
peer at most what that one said of itself, never what a third has told.
"""

from __future__ import annotations

import asyncio

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.peers import Peer
from kvcluster.cluster.repair import Repair
from kvcluster.cluster.writing import Writing
from kvcluster.model.slots import slot_of
from kvcluster.wire.limits import check_key

from demo_pb2 import (
    HealthCheckResponse,
    Heartbeat,
    LocateRequest,
    LocateResponse,
    MemberStatus,
    PeerState,
    StatusResponse,
    Waiting,
)


class Report(OnGround):
    """Says how this node is and what it sees."""

    def __init__(self, ground: Ground, peering: Peering, writing: Writing, repair: Repair) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._voting = peering.voting
        self._heartbeats = peering.heartbeats
        self._hints = writing.hinting.hints
        self._rounds = writing.rounds
        self._progress = repair.progress
        self._holding = repair.holding
        self._started_s = asyncio.get_running_loop().time()

    def health(self, beat: Heartbeat | None = None) -> HealthCheckResponse:
        """How this node is; `beat`: to a peer, whose heartbeat it answers, our own."""
        return HealthCheckResponse(
            status=self._gate.status.name,
            node=self._membership.name,
            keys=self._store.table.live,
            peers=[self._state(peer) for peer in self._peers],
            reason=self._gate.reason,
            responder=beat,
            sync=self._progress.current,
            decides=not self._voting.too_old,
            too_old=self._voting.too_old,
        )

    def status(self) -> StatusResponse:
        """Everything that a person on call may ask."""
        now_s = asyncio.get_running_loop().time()
        store, table = self._store, self._store.table
        checkpointed_s = store.checkpointer.finished_s
        return StatusResponse(
            node=self._membership.name,
            status=self._gate.status.name,
            reason=self._gate.reason,
            incarnation=self._time.incarnation,
            uptime_s=now_s - self._started_s,
            configuration=self._heartbeats.configuration,
            primary_slots=len(self._membership.leads()),
            replica_slots=len(self._membership.held),
            keys=table.live,
            size_bytes=table.size_bytes,
            tombstones=table.tombstones,
            strays=self._holding.strays,
            members=[self._member(peer, now_s) for peer in self._peers] + self._strangers(),
            tombstones_waiting=[
                Waiting(node=name, count=count) for name, count in self._holding.waiting.items()
            ],
            sync=self._progress.current,
            checkpoint_age_s=-1.0 if checkpointed_s is None else now_s - checkpointed_s,
            checkpoint_error=store.checkpointer.last_error,
            fsync=store.fsync,
            conflicts=table.conflicts,
            clock_alarms=self._time.skewed,
            writes_waiting=self._rounds.waiting,
            disk_full=store.journal.full,
            abstains=self._voting.refusal,
            promises=len(store.promises),
            expiring_keys=table.lives.expiring,
            expired_keys=table.lives.expired,
        )

    def locate(self, request: LocateRequest) -> LocateResponse:
        """Where a key lives. Raises BadRequest."""
        check_key(request.key, self._settings)
        slot = slot_of(request.key)
        return LocateResponse(
            slot=slot,
            replicas=[self._state_of(name) for name in self._membership.replicas(slot)],
            node=self._membership.name,
        )

    def _member(self, peer: Peer, now_s: float) -> MemberStatus:
        detector, said = peer.detector, peer.said
        answered_s = detector.answered_s
        missed_since = self._hints.since(peer.name)
        oldest = peer.exchange.oldest(missed_since)
        return MemberStatus(
            state=self._state(peer),
            since_s=now_s - detector.since_s,
            silent_s=-1.0 if answered_s is None else now_s - answered_s,
            said=said.status if said else None,
            said_reason=said.reason if said else "",
            said_keys=said.keys if said else 0,
            missed=self._hints.count(peer.name),
            missed_since=missed_since or b"",
            shared_slots=len(self._membership.shared(peer.name)),
            refusal=peer.refusal,
            writes_in_flight=peer.exchange.in_flight,
            behind_s=self._time.age_s(oldest) if oldest else 0.0,
        )

    def _strangers(self) -> list[MemberStatus]:
        """Nodes that are no members here and call all the same."""
        return [
            MemberStatus(state=PeerState(node=name), silent_s=-1.0, refusal=why)
            for name, why in self._peers.strangers.whys.items()
        ]

    def _state(self, peer: Peer) -> PeerState:
        state = peer.detector.state.name  # the names are those of the wire
        return PeerState(node=peer.name, state=state, lagging=peer.alive and peer.lagging)

    def _state_of(self, name: str) -> PeerState:
        if name == self._membership.name:
            return PeerState(node=name, state=PeerState.ALIVE)
        return self._state(self._peers[name])
