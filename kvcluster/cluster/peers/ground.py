"""The ground: what every part of a node stands on.

Who belongs, how long things may take, what time it is, whether this node may answer, what it holds,
how messages between nodes are marked, and how something is run in the background. Seven things that
nearly every part needs: they are named once, here, and each part says what it needs besides.

The envelope is what every request between nodes says of its sender: who it is, what time it is
there, and a digest of its configuration. `check` is the first thing that happens to a request: a
stranger, a node with another configuration, an absurd clock and a message that a network held back
are refused before anything in it is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.membership import Membership
from kvcluster.cluster.peers.timekeeper import Timekeeper
from kvcluster.config import Settings
from kvcluster.errors import ConfigurationDiffers, as_told
from kvcluster.storage.store import Spawn, Store

Request = TypeVar("Request", bound=Any)


class Envelope:
    """Stamps what this node sends, checks what it receives."""

    def __init__(self, membership: Membership, time: Timekeeper) -> None:
        self._membership = membership
        self._time = time

    def stamp(self, request: Request) -> Request:
        """Say who sends it, and what time it is here now."""
        request.sender = self._membership.name
        request.clock = self._time.now()
        request.configuration = self._membership.digest
        return request

    def check(self, request: Any) -> str:
        """Return the sender. Raises ConfigurationDiffers, PeerRefused."""
        sender: str = request.sender
        me, peers = self._membership.name, self._membership.peers
        if sender not in peers:
            raise ConfigurationDiffers(f"{as_told(sender)!r} is no peer of {me}")
        if request.configuration != self._membership.digest:
            raise ConfigurationDiffers(f"{sender} and {me} have different configurations")
        self._time.accept(sender, request.clock)
        return sender


@dataclass(frozen=True)
class Ground:
    """Made once, when a node starts."""

    membership: Membership
    settings: Settings
    time: Timekeeper
    gate: Gate
    store: Store
    envelope: Envelope
    spawn: Spawn


class OnGround:
    """A part of a node, which has all of that at hand."""

    def __init__(self, ground: Ground) -> None:
        self._membership = ground.membership
        self._settings = ground.settings
        self._time = ground.time
        self._gate = ground.gate
        self._store = ground.store
        self._envelope = ground.envelope
        self._spawn = ground.spawn
