"""Forwarding: a call to a replica that shall do what this node cannot, and what its failure means.

One hop at most: a forwarded operation is carried out where it arrives, or refused there, and the
node that was asked by the client tries the next replica.

**A write that may have been delivered is not sent again.** The second one could land over another
client's newer write. So after a broken connection or silence the outcome is unknown, and the
client is told so. A refusal, or a connection that never came about, is certain: the next replica
is asked. A read may be asked of everybody, any number of times.

**Who is told that nobody knows goes on with his work**, and writes the key anew elsewhere. The
first write may be on its way still, held back by a cut, and would get a later version where it
arrives. So it says how old it may be (`age_limit_ms`), and while it is not clearly older than that
nobody is told, unless the node that was asked is gone. That goes for a broken connection, too: what
was given to it may wait in a kernel or a proxy.

What a node answers passes through as it is, its errors included (wire/failures.py).
"""

from __future__ import annotations

import asyncio

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.errors import (
    BadRequest,
    ConnectionLost,
    HeldBack,
    KvError,
    NoMajority,
    NoReplica,
    NothingWritten,
    NotReady,
    OutcomeUnknown,
    PeerBroke,
    PeerRejected,
    PeerSilent,
    PeerUnavailable,
    PermissionDenied,
    TimedOut,
    Unauthenticated,
)

from demo_pb2 import ForwardRequest, ForwardResponse

_CLEARLY = 1.5
"""What is so many times as old as it may be is too old by every clock: each may run a tenth too
slow (model/clock.py), and is a little behind what was said to others a moment ago."""
_OF_THIS_NODE = (Unauthenticated, PermissionDenied)
"""What a client may was looked at here already, so a peer that says so means us."""


class Forwarding(OnGround):
    """Asks single replicas. Deadlines are times of the event loop's clock."""

    def __init__(self, ground: Ground, peering: Peering) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._calls = peering.calls

    def candidates(self, slot: int, *, reads: bool) -> list[str]:
        """The live replicas of a slot other than this node, the most promising first."""
        others = self._membership.others(slot)
        alive = [self._peers[name] for name in others if self._peers[name].alive]
        alive.sort(key=lambda peer: not peer.serves_reads if reads else peer.lagging)
        return [peer.name for peer in alive]

    def nobody(self, slot: int) -> NoReplica:
        """Why nobody else can be asked for a key of this slot."""
        names = self._membership.others(slot)
        states = [f"{name} is {self._peers[name].detector.state.value}" for name in names]
        if slot in self._membership.held:
            status = self._gate.status.value
            return NoReplica(f"this node is {status}, and no other replica can answer")
        return NoReplica(f"no replica of the key can be reached: {', '.join(states)}")

    async def ask(
        self, name: str, request: ForwardRequest, deadline_s: float, *, reads: bool, last: bool
    ) -> ForwardResponse:
        """One replica; `last`: there is no other one. Raises NothingWritten if another may be asked
        instead.
        """
        asked_s = self._peers.now_s()
        timeout_s = deadline_s - asked_s
        if reads and not last:
            timeout_s = min(timeout_s, self._settings.read_forward_timeout_s)
        if not reads:
            limit_s = min(self._settings.forward_age_limit_s, timeout_s / _CLEARLY)
            request.age_limit_ms = max(1, int(limit_s * 1000))
        try:
            response: ForwardResponse = await self._calls.ask(name, request, timeout_s)
            if not _fits(request, response):
                why = f"{name} answered something else; the write may have happened"
                raise PeerRejected(OutcomeUnknown(why))
        except PeerUnavailable as error:
            meaning = _meaning(name, error, reads=reads)
            if isinstance(meaning, ConnectionLost):
                await self._until_too_old(name, asked_s, _CLEARLY * age_limit_s(request))
            raise meaning from error
        return response

    async def _until_too_old(self, name: str, asked_s: float, wait_s: float) -> None:
        """Return once a write cannot land at a node any more: so long after it was sent, or when
        that node is gone, and its connections with it.
        """
        peer, end_s = self._peers[name], asked_s + wait_s
        while self._peers.now_s() < end_s and peer.gone_s < asked_s:  # noqa: ASYNC110 - it is rare
            await asyncio.sleep(min(end_s - self._peers.now_s(), self._settings.tick_interval_s))


def age_limit_s(request: ForwardRequest) -> float:
    """How old a forwarded write may be when it arrives, if its sender says so; else infinite."""
    return request.age_limit_ms / 1000 or float("inf")


def may_ask_next(error: KvError) -> bool:
    """Whether what one replica refused may be asked of the next: it was not done, and not wrong."""
    return isinstance(error, NothingWritten) and not isinstance(error, BadRequest)


def may_pass(why: KvError, *, waits_here: bool) -> bool:
    """Whether it is worth to wait: a replica is there and not ready, or this node will be.

    Or this node has not heard yet that a replica's clock jumped, and seems to speak from the past.
    """
    if isinstance(why, HeldBack):
        return True
    if isinstance(why, NoMajority):  # who waits for replicas to come back can ask again himself
        return False
    return waits_here or (isinstance(why, NotReady) and not isinstance(why, NoReplica))


def _fits(request: ForwardRequest, response: ForwardResponse) -> bool:
    """Whether this is an answer to what was asked."""
    asked = request.WhichOneof("operation")
    if response.WhichOneof("answer") != asked:
        return False
    if asked != "batch":
        return True
    operations, results = request.batch.operations, response.batch.results
    return len(operations) == len(results) and all(
        result.WhichOneof("result") in (operation.WhichOneof("operation"), "failure")
        for operation, result in zip(operations, results, strict=True)
    )


def _meaning(name: str, error: PeerUnavailable, *, reads: bool) -> KvError:
    """What a failed call to a replica means: ask the next one (NothingWritten), or not."""
    if isinstance(error, PeerRejected) and isinstance(error.reason, _OF_THIS_NODE):
        return NoReplica(f"{name} refuses this node ({error})")  # and not the client
    if isinstance(error, PeerRejected) and not reads:
        return error.reason
    if isinstance(error, PeerRejected) and isinstance(error.reason, NothingWritten):
        return error.reason
    if reads or error.nothing_delivered:
        if isinstance(error, PeerBroke):
            return NotReady(f"the connection to {name} broke ({error})")
        return NoReplica(f"{name} cannot be reached ({error})")
    if isinstance(error, PeerSilent):
        return TimedOut(f"{name} did not answer in time; the write may have happened")
    return ConnectionLost(f"{name} went away before it answered; the write may have happened")
