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

**Who need not wait in a task** sends (`send`), is called back when there is an answer, and takes it
in (`taken`). That is how copies of writes travel when all goes well (cluster/writing/flights.py);
what failed is seen through by `answer_to`, with all of the above.

Heartbeats are how a peer becomes known in the first place, and have their own way (heartbeat.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
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
    PeerUnavailable,
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


@dataclass(slots=True, eq=False)
class Sent:
    """A request on its way."""

    name: str
    """Of the peer that is asked."""
    request: Message
    asked_s: float
    end_s: float
    """When its time is over."""
    answer: Awaitable[Any]
    """To what was sent first. It fails with PeerUnavailable."""


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
        return await self.answer_to(self._sent(name, request, timeout_s))

    def send(
        self, name: str, request: Message, timeout_s: float
    ) -> tuple[Sent, asyncio.Future[Any]]:
        """Send a request, and wait for nothing; also the future of its answer, to be called back.

        It is never cancelled: where nothing comes of it any more, this node has ended.
        """
        sent = self._sent(name, request, timeout_s)
        if asyncio.isfuture(sent.answer):
            return sent, sent.answer
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._spawn(_settle(answer, sent.answer), f"asking {name}")
        sent.answer = answer
        return sent, answer

    def taken(self, sent: Sent, answer: Any) -> Any:
        """The answer to what was sent, which is there: once it was looked at. Raises as `ask`."""
        try:
            self._time.accept(sent.name, answer.clock, stale_is_fine=True)
        except PeerRefused as error:
            raise PeerRejected(OutcomeUnknown(f"{error}; the write may have happened")) from error
        self._peers.signs_of_life(sent.name)
        return answer

    async def answer_to(self, sent: Sent) -> Any:
        """The same for what may not be there yet, or have failed so far. Raises as `ask` does."""
        try:
            if isinstance(sent.request, _MAY_BE_REPEATED):
                answer = await self._again_and_again(sent)
            else:
                answer = await unless(self._peers[sent.name].silence, sent.answer)
        except PeerUnreachable as error:
            self._peers.refused(sent.name, str(error), sent.asked_s)
            raise
        return self.taken(sent, answer)

    def _sent(self, name: str, request: Message, timeout_s: float) -> Sent:
        now_s = self._peers.now_s()
        answer = self._transport.ask(name, self._envelope.stamp(request), timeout_s)
        return Sent(name, request, now_s, now_s + timeout_s, answer)

    async def _again_and_again(self, sent: Sent) -> Any:
        now_s, rest_s = self._peers.now_s, 0.0
        while True:
            try:
                return await sent.answer
            except PeerBroke:
                if self._peers[sent.name].silence.is_set() or now_s() + rest_s >= sent.end_s:
                    raise
            await asyncio.sleep(rest_s)
            rest_s = self._settings.redial_interval_s
            stamped = self._envelope.stamp(sent.request)
            sent.answer = self._transport.ask(sent.name, stamped, sent.end_s - now_s())


async def _settle(answer: asyncio.Future[Any], call: Awaitable[Any]) -> None:
    """Have a call answer a future. An error of another family is a bug, and ends the node."""
    try:
        answer.set_result(await call)
    except PeerUnavailable as error:
        answer.set_exception(error)
        answer.exception()  # seen: whoever is called back looks at it
