"""Voting: whether what this node holds counts for a majority.

A majority is worth something because two of them have a replica in common, which remembers what it
was told. One that has lost its disk does not: what it promised and what it stored may have been
what made a majority. So it is silent about majorities until all of this is so:

- it is whole: every peer has been asked for what was lost, and so for what it may have stored;
- the messages of that time have died out: none is taken that is older than `message_age_limit_s`,
  so nobody can go on from a promise that is forgotten.

Whether it serves otherwise does not matter. A node that was stopped, or missed writes, remembers.

**A new cluster** must not wait for half a minute. Where every other member says that it was started
on an empty folder and has stored nothing since (`blank`), nothing was ever decided that anybody
still remembers, and nobody has to be silent.

Rejected: to fetch what the peers have promised. It is of no use beside the second rule, and without
that rule it is not enough.
"""

from __future__ import annotations

import asyncio

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.peers import Peers


class Voting(OnGround):
    """Of one node."""

    def __init__(self, ground: Ground, peers: Peers) -> None:
        super().__init__(ground)
        self._peers = peers
        self._began_s = asyncio.get_running_loop().time()
        self._has_lost = self._store.repair or bool(self._store.incomplete)

    @property
    def blank(self) -> bool:
        """Whether it was started on an empty folder, and has stored nothing since."""
        store = self._store
        nothing = not (store.table.live or store.table.tombstones or len(store.promises))
        return store.found.new and nothing and not store.journal.entries

    @property
    def refusal(self) -> str:
        """Why it does not vote, as the end of a sentence about it; empty: it does."""
        if not self._store.fsync:
            return "was started with --fsync never"
        if not self._has_lost:
            return ""
        if not self._gate.whole:
            return "lost its data, and was not made whole by all others"
        left_s = self._began_s + self._settings.message_age_limit_s - self._now_s()
        if left_s > 0 and not self._all_others_are_blank():
            return f"was started without its data, and counts in {left_s:.0f} s"
        self._has_lost = False
        return ""

    def look(self) -> None:
        """A peer was heard: see whether all others have nothing, which may be so no more later."""
        if self._has_lost and self._all_others_are_blank():
            self._began_s = float("-inf")

    def _all_others_are_blank(self) -> bool:
        return all(peer.said is not None and peer.said.responder.blank for peer in self._peers)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
