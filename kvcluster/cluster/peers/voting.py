"""Voting: whether what this node holds counts for a majority.

A majority is worth something because two of them have a replica in common, which remembers what it
was told. One that has lost its disk does not: what it promised and what it stored may have been
what made a majority. So its disk says that it counts, from the moment on in which it is known that
nothing is forgotten that matters (cluster/repair/readmission.py), and before it does. It is written
down as soon as it is known: a new node that was killed before it counted would not know it any
more, and two of them would wait for each other for ever.

That something was lost is written down as well (`Store.forgot`). It outlasts that the node is made
whole: it holds every entry then, and still does not know what it promised. A folder that says
neither is that of a node which never counted, and has nothing to remember.

Whether it serves otherwise does not matter. A node that was stopped, or missed writes, remembers.

A node that does not sync its journal does not count: after a power cut it has forgotten, and does
not know.
"""

from __future__ import annotations

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.peers import Peer, Peers


class Voting(OnGround):
    """Of one node."""

    def __init__(self, ground: Ground, peers: Peers) -> None:
        super().__init__(ground)
        self._peers = peers
        self.remembers = not self._store.forgot
        """Whether all that it ever promised and stored is on its disk."""
        self._counts = False
        self.waits_for = "it was just started"
        """Why it does not count yet."""
        self._undecided: set[str] = set()
        self._noted: set[str] = set()

    @property
    def undecided(self) -> bool:
        """Whether nothing was ever promised here, nor decided by a majority."""
        return not self._store.table.decided

    def heard(self, name: str, *, undecided: bool, noted: bool) -> None:
        """A peer says so of itself; `noted`: it need not hear any more that we are undecided."""
        if undecided:
            self._undecided.add(name)
        (self._noted.add if noted else self._noted.discard)(name)

    @property
    def needed_by(self) -> list[Peer]:
        """Who may need to hear that this node never decided anything."""
        return [peer for peer in self._peers if peer.name not in self._noted]

    @property
    def has_noted(self) -> bool:
        """Whether a peer may begin to decide: this node needs no more to hear that it never did,
        not even if it is killed.
        """
        return self.remembers or self._counts

    @property
    def nothing_is_forgotten(self) -> bool:
        """Whether each other member said, in this life of ours, that nothing was ever decided with
        it. Then nothing was with us, for there would have been another.
        """
        return all(peer.name in self._undecided for peer in self._peers)

    @property
    def too_old(self) -> list[str]:
        """Members of a version that would carry out an operation with a condition without it."""
        return [peer.name for peer in self._peers if peer.is_too_old]

    @property
    def refusal(self) -> str:
        """Why it does not count, as the end of a sentence about it; empty: it does."""
        if not self._store.fsync:
            return "was started with --fsync never, and does not count for a majority"
        return "" if self._counts else f"does not count for a majority yet: {self.waits_for}"

    async def remember(self) -> None:
        """Nothing is forgotten that matters: it is written down. Raises OutcomeUnknown."""
        if not self._store.votes:
            await self._store.write_vote()
        self.remembers = True

    async def admit(self) -> None:
        """From now on it counts: first it is written down. Raises OutcomeUnknown."""
        await self.remember()
        self._counts = True
