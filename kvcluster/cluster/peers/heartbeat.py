"""Heartbeats: every node asks every peer how it is, twice a second, with the RPC anybody may use.

A heartbeat carries what each side must know of the other: its incarnation, its clocks, its
configuration, and whether the other has missed writes. A peer that was told so answers no reads
until it has caught up.

A beat without an answer says nothing yet: the detector measures the silence. One whose connection
broke says as little, and is repeated at once, for the peer may well live. That nobody is there, or
that a peer refuses us, is an answer.

A beat from a peer that we do not count on makes us ask it at once, so that a return is noticed
from either side, whoever is first.

An answer also says what the peer thinks of us. One that does not find us alive acknowledges writes
without us, and tells us so with a heartbeat at best. So we answer no reads until it counts on us,
and ask again soon. If it never does, it cannot reach us though we reach it: a one-way cut, which
after the time of a death is taken like any other.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.peers import Peer, Peers
from kvcluster.cluster.peers.surroundings import Transport
from kvcluster.cluster.peers.voting import Voting
from kvcluster.errors import (
    ClockAbsurd,
    ConfigurationDiffers,
    PeerBroke,
    PeerRefused,
    PeerRejected,
    PeerSilent,
    PeerUnavailable,
    PeerUnreachable,
    PermissionDenied,
    Unauthenticated,
    as_told,
)
from kvcluster.model.agreement import Terms, conflict, difference
from kvcluster.model.detector import Liveness
from kvcluster.model.entry import Version
from kvcluster.model.hints import Hints
from kvcluster.model.slots import SLOTS

from demo_pb2 import (
    DRAINING,
    Configuration,
    HealthCheckRequest,
    HealthCheckResponse,
    Heartbeat,
    PeerState,
)

_REFUSALS = (PeerRefused, Unauthenticated, PermissionDenied)
"""By these a peer says that it will have nothing to do with us, or TLS says it for it."""


class Heartbeats(OnGround):
    """Beats to every peer, and hears theirs."""

    def __init__(
        self, ground: Ground, transport: Transport, peers: Peers, hints: Hints, voting: Voting
    ) -> None:
        super().__init__(ground)
        self._transport = transport
        self._peers = peers
        self._hints = hints
        self._voting = voting
        self._pokes = {peer.name: asyncio.Event() for peer in peers}
        self._left_out_s: dict[str, float] = {}
        """Peers that answer and do not count on us, and since when."""
        self._broken: set[str] = set()
        """Peers to which the connection of the last heartbeat broke."""
        self._terms = Terms.of(ground.settings)
        peers.on_death.append(self._died)

    @property
    def configuration(self) -> Configuration:
        """What this node tells of its configuration, and what of its settings others must know."""
        return Configuration(
            members=sorted(self._membership.members),
            replicas=self._membership.replica_count,
            slots=SLOTS,
            **asdict(self._terms),
        )

    def start(self) -> None:
        """Start beating."""
        for name in self._pokes:
            self._spawn(self._run(name), f"heartbeat to {name}")

    def poke(self, name: str) -> None:
        """Beat to a peer at once instead of at the next interval."""
        self._pokes[name].set()

    def poke_all(self) -> None:
        """Beat to every peer at once."""
        for name in self._pokes:
            self.poke(name)

    def answer(self, request: HealthCheckRequest) -> Heartbeat | None:
        """Take what a peer's heartbeat says, and return our own; None: it is no peer who asks.

        Raises PeerRefused if it is no member here, its configuration is another, or its clock is
        absurd.
        """
        if not request.HasField("sender"):
            return None
        beat = request.sender
        self._take(beat, answers=False)
        # That it is undecided it may have said long ago, before what our former life decided.
        self._voting.heard(beat.node, undecided=False, noted=beat.noted)
        if beat.missed_since:
            self._gate.told(beat.node, Version(beat.missed_since), at=beat.clock)
        if not self._peers[beat.node].alive and beat.status != DRAINING:
            self.poke(beat.node)
        return self._own_beat(beat.node)

    async def say_goodbye(self) -> None:
        """Tell every peer that we stop, so that no write waits for us."""
        timeout_s = self._settings.heartbeat_interval_s
        requests = [
            self._transport.ask(name, self._request(name), timeout_s) for name in self._pokes
        ]
        await asyncio.gather(*requests, return_exceptions=True)

    async def _run(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            poke = self._pokes[name]
            poke.clear()
            await self.beat(name, self._settings.heartbeat_timeout_s)
            timer = loop.call_later(self._interval_s(name), poke.set)
            await poke.wait()
            timer.cancel()

    async def beat(self, name: str, timeout_s: float) -> None:
        """Beat to a peer once, and take what it answers, or that it does not."""
        pauses, asked_s = self._gate.pauses, self._peers.now_s()
        steady_s = self._time.steady_s()
        self._broken.discard(name)
        try:
            request = self._request(name)
            response = await self._transport.ask(name, request, timeout_s)
            self._peers[name].exchange.heartbeats.add(self._peers.now_s() - asked_s)
            # Else it tells of the time before we were stopped.
            if not self._gate.was_away_since(pauses):
                self._heard(name, response)
                self._time.hear_wall(name, response.responder.wall_ms, steady_s)
                self._hints.told(name, request.sender.missed_since)
        except (PeerUnreachable, PeerRefused) as error:
            self._refused(name, error, asked_s)
        except PeerUnavailable as error:
            if isinstance(error, PeerRejected) and isinstance(error.reason, _REFUSALS):
                self._refused(name, error.reason, asked_s)
            else:
                self._unanswered(name, error)

    def _heard(self, name: str, response: HealthCheckResponse) -> None:
        beat = response.responder
        if beat.node != name:
            raise PeerRefused(f"{name} calls itself {as_told(beat.node) or 'nothing'}")
        self._take(beat, answers=True)
        self._time.settle()
        if beat.status == DRAINING:
            return
        said = HealthCheckResponse(
            status=response.status,
            reason=as_told(response.reason),
            keys=response.keys,
            responder=Heartbeat(
                takes_blocks=beat.takes_blocks,
                decides=beat.decides,
                votes=beat.votes,
            ),
        )
        self._voting.heard(name, undecided=beat.undecided, noted=beat.noted)
        self._peers.answered(name, said, behind=self._hints.since(name) is not None)
        self._gate.heard(
            name,
            Version(beat.missed_since) if beat.missed_since else None,
            at=beat.clock,
            counts_on_us=self._counts_on_us(name, response),
        )

    def _counts_on_us(self, name: str, response: HealthCheckResponse) -> bool:
        """Whether a peer thinks that we are alive, or has had its time to find out."""
        me, now_s = self._membership.name, self._peers.now_s()
        if all(state.state == PeerState.ALIVE for state in response.peers if state.node == me):
            self._left_out_s.pop(name, None)
            return True
        since_s = self._left_out_s.setdefault(name, now_s)
        return now_s - since_s > self._settings.dead_after_s

    def _interval_s(self, name: str) -> float:
        if name in self._broken and self._peers[name].detector.state is not Liveness.DEAD:
            return self._settings.redial_interval_s
        since_s = self._left_out_s.get(name)
        if since_s is None or self._peers.now_s() - since_s > self._settings.dead_after_s:
            return self._settings.heartbeat_interval_s
        return self._settings.return_interval_s

    def _take(self, beat: Heartbeat, *, answers: bool) -> None:
        """What counts in either direction: who it is, what its clock says, whether it leaves.

        `answers`: it answers us, and so is of now.
        """
        theirs, me = beat.configuration, self._membership.name
        node = as_told(beat.node)
        why = self._membership.difference(node, theirs.members, theirs.replicas, theirs.slots)
        terms = Terms.of(theirs)
        why = as_told(why or conflict(node, terms, me, self._terms))
        if not beat.decides and self._store.needs_new_nodes:
            why = why or f"{node} is too old for conditions and expiries, which are in use"
        if beat.node not in self._peers:
            why = why or f"{node!r} is no member here"
            self._peers.strangers.met(node, why, self._peers.now_s())
        if why:
            raise ConfigurationDiffers(f"their configurations differ: {why}")
        self._time.accept(beat.node, beat.clock, stale_is_fine=True)
        if self._peers.met(beat.node, beat.incarnation, beat.clock, answers=answers):
            self._gate.met_anew(beat.node)
        self._peers.differs(beat.node, difference(node, terms, me, self._terms))
        if beat.status == DRAINING:
            self._peers.left(beat.node, beat.incarnation)

    def _unanswered(self, name: str, error: PeerUnavailable) -> None:
        """No answer. A peer that was dead before this process was stopped dies no second time, and
        is not waited for.
        """
        if isinstance(error, PeerBroke):
            self._broken.add(name)
        if self._peers.unanswered(name, "" if isinstance(error, PeerSilent) else str(error)):
            self._died(self._peers[name])

    def _refused(self, name: str, error: Exception, asked_s: float) -> None:
        """Nobody is there, or nobody who wants to talk to us: nothing can be had from it."""
        if isinstance(error, ConfigurationDiffers):
            self._disagree(name, str(error), "configuration", asked_s)
        elif isinstance(error, ClockAbsurd):
            self._disagree(name, str(error), "clock", asked_s)
        elif isinstance(error, Unauthenticated | PermissionDenied):
            self._disagree(name, str(error), "secret or certificate", asked_s)
        elif self._peers.refused(name, str(error), asked_s):
            self._left_out_s.pop(name, None)
            self._peers.refuses(name, str(error) if isinstance(error, PeerRefused) else "")
            self._gate.excuse(name)

    def _died(self, peer: Peer) -> None:
        self._left_out_s.pop(peer.name, None)
        if self._peers.now_s() - peer.refused_s < self._settings.dead_after_s:
            return  # it is there, and we know already that nothing can be had
        self._peers.refuses(peer.name, "")
        self._gate.excuse(peer.name)

    def _disagree(self, name: str, why: str, about: str, asked_s: float) -> None:
        self._left_out_s.pop(name, None)
        self._peers.refuses(name, why)
        self._peers.refused(name, f"its {about} is another", asked_s)
        self._gate.disagree(name, about)

    def _request(self, name: str) -> HealthCheckRequest:
        return HealthCheckRequest(sender=self._own_beat(name))

    def _own_beat(self, name: str) -> Heartbeat:
        return Heartbeat(
            node=self._membership.name,
            incarnation=self._time.incarnation,
            clock=self._time.now(),
            status=self._gate.status.name,  # it is called the same on the wire
            missed_since=self._hints.since(name) or b"",
            configuration=self.configuration,
            takes_blocks=True,
            decides=True,
            undecided=self._voting.undecided,
            votes=not self._voting.refusal,
            noted=self._voting.has_noted,
            wall_ms=self._time.wall_ms(),
        )
