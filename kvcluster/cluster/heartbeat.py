"""Heartbeats: every node asks every peer how it is, twice a second, with the RPC anybody may use.

A heartbeat carries what each side must know of the other: its incarnation, its clock, and whether
the other has missed writes. A peer that was told so reads nothing out until it has caught up.

The node also watches itself. If its own tick comes late by `pause_limit_s`, the process was stopped
(Ctrl+Z, a suspended laptop), the world has moved on, and it looks around before it answers.
"""

from __future__ import annotations

import asyncio
import contextlib

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.peers import Peers
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.transport import Transport
from kvcluster.config import Settings
from kvcluster.errors import PeerRefused, PeerRejected, PeerSilent, PeerUnavailable
from kvcluster.model.entry import Version
from kvcluster.model.notes import Notes
from kvcluster.model.peer import Happening, PeerState
from kvcluster.model.readiness import Status
from kvcluster.storage.store import Spawn

from demo_pb2 import (
    DRAINING,
    SERVING,
    STARTING,
    SYNCING,
    HealthCheckRequest,
    HealthCheckResponse,
    Heartbeat,
)
from demo_pb2 import PeerState as PeerStateMessage

STATUS_CODES = {
    Status.STARTING: STARTING,
    Status.SYNCING: SYNCING,
    Status.SERVING: SERVING,
    Status.DRAINING: DRAINING,
}
_PEER_CODES = {
    PeerState.UNKNOWN: PeerStateMessage.UNKNOWN,
    PeerState.ALIVE: PeerStateMessage.ALIVE,
    PeerState.BEHIND: PeerStateMessage.BEHIND,
    PeerState.DOWN: PeerStateMessage.DOWN,
}


class Heartbeats:
    """Beats to every peer, and hears theirs."""

    def __init__(
        self,
        peers: Peers,
        transport: Transport,
        *,
        self_name: str,
        gate: Gate,
        notes: Notes,
        time: Timekeeper,
        settings: Settings,
    ) -> None:
        self._peers = peers
        self._transport = transport
        self._self_name = self_name
        self._gate = gate
        self._notes = notes
        self._time = time
        self._settings = settings
        self._pokes = {peer.name: asyncio.Event() for peer in peers}
        self._silent_since_s: dict[str, float] = {}

    def start(self, spawn: Spawn) -> None:
        """Start beating."""
        spawn(self._watch_self(), "pause watch")
        for name in self._pokes:
            spawn(self._run(name), f"heartbeat to {name}")

    def poke(self, name: str) -> None:
        """Beat to a peer at once instead of at the next interval."""
        self._pokes[name].set()

    async def tell(self, name: str) -> None:
        """Let a peer know, now and briefly, that it has missed a write."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._beat(name), self._settings.tell_timeout_s)

    def answer(self, beat: Heartbeat) -> Heartbeat:
        """A peer's heartbeat came in: take what it says, and return our own.

        Raises PeerRefused if it is no member here or its clock is absurd.
        """
        self._take(beat)
        if beat.missed_since:
            self._gate.told(beat.node, Version(beat.missed_since))
        if not self._peers[beat.node].gets_writes and beat.status != DRAINING:
            self.poke(beat.node)
        return self._own_beat(beat.node)

    def describe_peers(self) -> list[PeerStateMessage]:
        """What this node thinks of each peer."""
        return [
            PeerStateMessage(node=peer.name, state=_PEER_CODES[peer.state]) for peer in self._peers
        ]

    async def say_goodbye(self) -> None:
        """Tell every peer that we stop, so that no write waits for us."""
        timeout_s = self._settings.heartbeat_interval_s
        requests = [
            self._transport.check_health(name, self._request(name), timeout_s)
            for name in self._pokes
        ]
        await asyncio.gather(*requests, return_exceptions=True)

    async def _run(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            poke = self._pokes[name]
            poke.clear()
            await self._beat(name)
            timer = loop.call_later(self._settings.heartbeat_interval_s, poke.set)
            await poke.wait()
            timer.cancel()

    async def _beat(self, name: str) -> None:
        pauses = self._gate.pauses
        timeout_s = self._settings.heartbeat_timeout_s
        try:
            response = await self._transport.check_health(name, self._request(name), timeout_s)
            if self._gate.pauses == pauses:  # else it tells of the time before we were stopped
                self._heard(name, response)
        except PeerSilent as error:
            if self._gate.pauses == pauses:
                self._missed(name, str(error))
        except (PeerUnavailable, PeerRefused) as error:
            self._lost(name, str(error))

    def _heard(self, name: str, response: HealthCheckResponse) -> None:
        beat = response.responder
        if beat.node != name:
            raise PeerRejected(f"{name} calls itself {beat.node or 'nothing'}")
        self._silent_since_s.pop(name, None)
        self._take(beat)
        if beat.status == DRAINING:
            return
        behind = self._notes.since(name) is not None
        self._peers.happen(name, Happening.ANSWERED_BEHIND if behind else Happening.ANSWERED)
        self._gate.heard(name, Version(beat.missed_since) if beat.missed_since else None)

    def _take(self, beat: Heartbeat) -> None:
        """What counts in either direction: who it is, what its clock says, whether it leaves."""
        if beat.node not in self._peers:
            raise PeerRefused(f"{beat.node!r} is no peer of {self._self_name}")
        self._time.accept(beat.node, beat.clock, stale_is_fine=True)
        self._peers.met(beat.node, beat.incarnation)
        if beat.status == DRAINING:
            self._lost(beat.node, "it is stopping")

    def _missed(self, name: str, why: str) -> None:
        """No answer in time: writes go on without it; it is excused after a longer silence."""
        now_s = asyncio.get_running_loop().time()
        since_s = self._silent_since_s.setdefault(name, now_s - self._settings.heartbeat_timeout_s)
        self._peers.happen(name, Happening.GONE, why)
        if now_s - since_s >= self._settings.silence_limit_s:
            self._gate.excuse(name)

    def _lost(self, name: str, why: str) -> None:
        """Nobody is there, or nobody who wants to talk to us."""
        self._peers.happen(name, Happening.GONE, why)
        self._gate.excuse(name)

    def _request(self, name: str) -> HealthCheckRequest:
        return HealthCheckRequest(sender=self._own_beat(name))

    def _own_beat(self, name: str) -> Heartbeat:
        return Heartbeat(
            node=self._self_name,
            incarnation=self._time.incarnation,
            clock=self._time.now(),
            status=STATUS_CODES[self._gate.status],
            missed_since=self._notes.since(name) or b"",
        )

    async def _watch_self(self) -> None:
        loop = asyncio.get_running_loop()
        interval_s = self._settings.tick_interval_s
        before_s = loop.time()
        while True:
            await asyncio.sleep(interval_s)
            late_s = loop.time() - before_s - interval_s
            before_s = loop.time()
            if late_s > self._settings.pause_limit_s:
                self._gate.was_stopped(late_s)
                self._silent_since_s.clear()
                for name in self._pokes:
                    self.poke(name)
