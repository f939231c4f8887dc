"""Redialling: a call whose connection broke is made again at once, over a new one.

A connection may break for no fault of the peer's: a NAT table is full, a firewall is reloaded, a
proxy restarts. Nobody knows then whether the call was carried out. So this is for calls of which a
second one changes nothing: entries keep their versions, pages are only read.

It goes on until the time of the call is over, or the peer has been silent for so long that it
counts as cut off. What a client asked is never repeated here (forwarding.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kvcluster.cluster.envelope import Envelope
from kvcluster.cluster.peers import Peers
from kvcluster.config import Settings
from kvcluster.errors import PeerBroke

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Redial:
    """Makes calls that may be made twice."""

    def __init__(self, peers: Peers, envelope: Envelope, settings: Settings) -> None:
        self._peers = peers
        self._envelope = envelope
        self._settings = settings

    async def ask(
        self,
        name: str,
        call: Callable[[str, Request, float], Awaitable[Answer]],
        request: Request,
        timeout_s: float,
    ) -> Answer:
        """The answer of a peer to a call of the transport. Raises PeerUnavailable."""
        now_s = asyncio.get_running_loop().time
        end_s, rest_s = now_s() + timeout_s, 0.0
        while True:
            try:
                return await call(name, self._envelope.stamp(request), end_s - now_s())
            except PeerBroke:
                if self._peers[name].silence.is_set() or now_s() + rest_s >= end_s:
                    raise
            await asyncio.sleep(rest_s)
            rest_s = self._settings.redial_interval_s
