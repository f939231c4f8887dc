"""The report of a gateway: how it is, what its engine says of itself, and where a key lives.

The members of an engine stand in a place of their own, never among the peers: a client asks peers
as nodes, and an engine speaks another language.
"""

from __future__ import annotations

import asyncio

from kvcluster.engines.contract import Engine, EngineState
from kvcluster.gateway.presence import Presence
from kvcluster.model.members import Cluster
from kvcluster.model.readiness import Status
from kvcluster.model.slots import slot_of

from demo_pb2 import (
    Configuration,
    EngineMember,
    EngineStatus,
    HealthCheckResponse,
    LocateResponse,
    PeerState,
    StatusResponse,
)


class EngineReport:
    """Says how a gateway is and what it sees."""

    def __init__(self, gateways: Cluster, engine: Engine, presence: Presence) -> None:
        self._gateways = gateways
        self._engine = engine
        self._presence = presence
        self._now_s = asyncio.get_running_loop().time
        self._started_s = self._now_s()

    @property
    def uptime_s(self) -> float:
        """How long the gateway has been there."""
        return self._now_s() - self._started_s

    def health(self) -> HealthCheckResponse:
        """How it is."""
        presence = self._presence
        engine = f"{self._engine.traits.kind} {presence.state.version}".strip()
        return HealthCheckResponse(
            status=presence.status.name,
            node=self._gateways.self_name,
            keys=presence.keys,
            peers=[PeerState(node=name) for name in self._gateways.peers],
            reason=presence.reason,
            decides=True,
            engine=engine,
        )

    def status(self) -> StatusResponse:
        """Everything that a person on call may ask."""
        presence, serves = self._presence, self._presence.status is Status.SERVING
        state = presence.state if serves else EngineState(presence.state.version, ())
        return StatusResponse(
            node=self._gateways.self_name,
            status=presence.status.name,
            reason=presence.reason,
            uptime_s=self.uptime_s,
            configuration=Configuration(members=sorted(self._gateways.members)),
            keys=presence.keys,
            checkpoint_age_s=-1.0,
            fsync=True,
            engine=engine_status(self._engine.traits.kind, state),
        )

    def locate(self, key: str) -> LocateResponse:
        """Where a key lives."""
        return LocateResponse(
            slot=slot_of(key), node=self._gateways.self_name, engine=self._engine.where(key)
        )


def engine_status(kind: str, state: EngineState) -> EngineStatus:
    """What the engine said last, as a message."""
    members = [
        EngineMember(name=it.name, role=it.role, reachable=it.reachable, detail=it.detail)
        for it in state.members
    ]
    return EngineStatus(kind=kind, version=state.version, members=members, trouble=state.trouble)
