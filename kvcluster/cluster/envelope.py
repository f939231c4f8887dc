"""The envelope: what every request between nodes says of its sender, written and read in one place.

Who sends it, what time it is there, and a digest of the sender's configuration. `check` is the
first thing that happens to a request: a stranger, a node with another configuration, an absurd
clock and a message that a network held back are refused before anything in it is believed.
"""

from __future__ import annotations

from typing import Any, TypeVar

from kvcluster.cluster.membership import Membership
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.errors import ConfigurationDiffers, as_told

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
