"""Calls: the one way in which a node asks a peer anything but how it is.

A request is stamped with the sender and its clock (ground.py). The clock of the answer is looked
at before anything else in it is believed, and moves ours on. What the call says of the peer, that
it lives or that nobody is there, is told to Peers. So whoever asks has an answer, or one error of a
small family, and need know nothing of all this.

**Which calls are made again.** A connection may break for no fault of the peer's: a NAT table is
full, a firewall is reloaded, a proxy restarts. Nobody knows then whether the call was carried out.
Calls of which a second one changes nothing (entries keep their versions, pages are only read) are
made again at once, over a new connection, until their time is over or the peer has been silent for
so long that it counts as cut off. What a client asked is never repeated here
(cluster/requests/forwarding.py), nor what may be another thing by then (cluster/repair/holding.py).
Who waits for one of these waits no longer once the peer is silent, since there may be somebody else
to ask.

Heartbeats are how a peer becomes known in the first place, and have their own way (heartbeat.py).
"""

from __future__ import annotations

import asyncio
from typing import Any

from google.protobuf.message import Message

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.peers import Peers
from kvcluster.cluster.peers.surroundings import Transport
from kvcluster.cluster.peers.tasks import unless
from kvcluster.errors import (
    OutcomeUnknown,
    PeerBroke,
    PeerRefused,
    PeerRejected,
    PeerUnreachable,
)

from demo_pb2 import (
    CompareRequest,
    ConfirmPullRequest,
    PullDifferencesRequest,
    PullRequest,
    ReplicateRequest,
)

_MAY_BE_REPEATED = (
    CompareRequest,
    ConfirmPullRequest,
    PullDifferencesRequest,
    PullRequest,
    ReplicateRequest,
)


class Calls(OnGround):
    """Asks peers."""

    def __init__(self, ground: Ground, transport: Transport, peers: Peers) -> None:
        super().__init__(ground)
        self._transport = transport
        self._peers = peers

    async def ask(self, name: str, request: Message, timeout_s: float) -> Any:
        """The answer of a peer, the message that belongs to the request.

        Raises PeerUnavailable, of the fitting kind. An answer that cannot be believed is
        PeerRejected with OutcomeUnknown: what was asked may have been done all the same.
        """
        asked_s = self._peers.now_s()
        try:
            if isinstance(request, _MAY_BE_REPEATED):
                answer = await self._again_and_again(name, request, asked_s + timeout_s)
            else:
                call = self._transport.ask(name, self._envelope.stamp(request), timeout_s)
                answer = await unless(self._peers[name].silence, call)
        except PeerUnreachable as error:
            self._peers.refused(name, str(error), asked_s)
            raise
        try:
            self._time.accept(name, answer.clock, stale_is_fine=True)
        except PeerRefused as error:
            raise PeerRejected(OutcomeUnknown(f"{error}; the write may have happened")) from error
        self._peers.signs_of_life(name)
        return answer

    async def _again_and_again(self, name: str, request: Message, end_s: float) -> Any:
        now_s, rest_s = self._peers.now_s, 0.0
        while True:
            try:
                stamped = self._envelope.stamp(request)
                return await self._transport.ask(name, stamped, end_s - now_s())
            except PeerBroke:
                if self._peers[name].silence.is_set() or now_s() + rest_s >= end_s:
                    raise
            await asyncio.sleep(rest_s)
            rest_s = self._settings.redial_interval_s
