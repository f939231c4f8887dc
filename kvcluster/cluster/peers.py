"""The peers: what this node thinks of each, and who wants to know when that changes.

One place changes a peer's state (`happen`), so each change is one log line and one call to those
who act on it: healing starts when a peer returns or is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kvcluster.model.peer import Happening, PeerState, next_state

log = logging.getLogger("kvcluster")

Listener = Callable[["Peer", PeerState], None]
"""Told of a peer that changed, and the state it was in before."""

_SENTENCES = {
    PeerState.ALIVE: "is alive; it gets every write",
    PeerState.BEHIND: "is there but has missed writes; it will pull them",
    PeerState.DOWN: "is down; writes go on without it",
}


@dataclass
class Peer:
    """One peer. Change `state` through Peers.happen only."""

    name: str
    state: PeerState = PeerState.UNKNOWN
    incarnation: int | None = None

    @property
    def gets_writes(self) -> bool:
        """Whether a write is sent to it and waits for it."""
        return self.state is PeerState.ALIVE


class Peers:
    """All peers of this node, in member order."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._peers = {name: Peer(name) for name in names}
        self._listeners: list[Listener] = []

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def __len__(self) -> int:
        return len(self._peers)

    def __contains__(self, name: str) -> bool:
        return name in self._peers

    def __getitem__(self, name: str) -> Peer:
        return self._peers[name]

    def listen(self, listener: Listener) -> None:
        """Have a function called after each change of state."""
        self._listeners.append(listener)

    def happen(self, name: str, happening: Happening, why: str = "") -> None:
        """Something happened to a peer: move it to the state that follows."""
        peer = self._peers[name]
        before, peer.state = peer.state, next_state(peer.state, happening)
        if peer.state is before:
            return
        log.info("PEER  %s %s%s", name, _SENTENCES[peer.state], f" ({why})" if why else "")
        for listener in self._listeners:
            listener(peer, before)

    def met(self, name: str, incarnation: int) -> None:
        """Note which life of a peer is talking. A new one means that it was gone in between."""
        peer = self._peers[name]
        known, peer.incarnation = peer.incarnation, incarnation
        if known is not None and known != incarnation:
            self.happen(name, Happening.GONE, "it was started anew")
