"""Forwarding: a call to a replica that shall do what this node cannot, and what its failure means.

One hop at most: a forwarded operation is carried out where it arrives, or refused there, and the
node that was asked by the client tries the next replica.

**A write that may have been delivered is not sent again.** The second one could land over another
client's newer write. So after a broken connection or silence the outcome is unknown, and the
client is told so. A refusal, or a connection that never came about, is certain: the next replica
is asked. A read may be asked of everybody, any number of times.

What a node answers passes through as it is, its errors included (wire/failures.py).
"""

from __future__ import annotations

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
        timeout_s = deadline_s - self._peers.now_s()
        if reads and not last:
            timeout_s = min(timeout_s, self._settings.read_forward_timeout_s)
        try:
            response: ForwardResponse = await self._calls.ask(name, request, timeout_s)
            if not _fits(request, response):
                why = f"{name} answered something else; the write may have happened"
                raise PeerRejected(OutcomeUnknown(why))
        except PeerUnavailable as error:
            raise _meaning(name, error, reads=reads) from error
        return response


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
