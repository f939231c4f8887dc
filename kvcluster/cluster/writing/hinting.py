"""Hinting: what other replicas missed, kept on disk, told to them, and forgotten once they have it.

The promise of the whole cluster hangs on one sentence:

    *Every node counted in an acknowledgement holds, durably, a hint for each replica that is not.*

So whichever of them survives tells the replica what it missed, before that answers a read. A hint
is one version, whatever was missed (model/hints.py); it goes into the same frame of the journal as
the writes that it is about. What memory says of a hint proves nothing about the disk: the frame
that was to carry it may have met a full one. So every frame with writes carries the hint of each
replica that misses them, known or not; it costs 40 bytes.

A peer that answers, and does not know yet that it is behind, must hear of it before the write is
acknowledged: `tell`.

One object keeps the hints, and everybody comes to it: who sends, who receives, who is pulled from,
who catches up, and heartbeats, which tell of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import unless
from kvcluster.errors import PeerBroke
from kvcluster.model.entry import ZERO, Verdict, Version
from kvcluster.model.fanout import Missed
from kvcluster.model.hints import Hints

from demo_pb2 import MissedWrites


class Hinting(OnGround):
    """Owns the hints of one node."""

    def __init__(self, ground: Ground, hints: Hints, peering: Peering) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._heartbeats = peering.heartbeats
        self.hints = hints
        """To be read. They are changed here; heartbeats say of which a peer has heard."""

    def missed(self, missed: Mapping[str, Missed]) -> list[MissedWrites]:
        """Peers missed writes: the hint of each, to be journaled with these."""
        kept = []
        for name, what in missed.items():
            self.hints.miss(name, what.since, what.count)
            since = self.hints.since(name)
            assert since is not None, "a hint goes back to what was missed"
            assert since <= what.since, "a hint goes back to what was missed"
            kept.append(MissedWrites(peer=name, since=since))
        return kept

    def keep(self, missed: Mapping[str, Missed]) -> asyncio.Future[list[Verdict]]:
        """Peers missed writes that are in the journal already: resolves when the hints are, too."""
        return self._store.write([], self.missed(missed))

    def take_over(self, missed: Iterable[MissedWrites]) -> list[MissedWrites]:
        """Keep what another node says that others missed; what to journal for it."""
        known = [hint for hint in missed if hint.peer in self._peers]
        before = {hint.peer: self.hints.since(hint.peer) for hint in known}
        taken = self.missed({hint.peer: Missed(Version(hint.since), hint.count) for hint in known})
        for hint in taken:
            if hint.since != before[hint.peer]:
                self._heartbeats.poke(hint.peer)  # if we can reach it, it learns of it at once
        return taken

    def untold(self, names: Iterable[str]) -> list[str]:
        """Those of some peers that answer, and do not know yet that they are behind."""
        return [n for n in names if self._peers[n].alive and not self.hints.is_known_to(n)]

    async def tell(self, name: str) -> None:
        """Let a peer know that it missed a write; return when it does, or counts as cut off."""
        peer, now_s = self._peers[name], self._peers.now_s
        end_s = now_s() + self._settings.suspect_after_s
        while peer.alive and not self.hints.is_known_to(name):
            if now_s() >= end_s:
                self._peers.cut_off(name)
                return
            with contextlib.suppress(PeerBroke):  # it is silent, and so no longer alive
                await unless(peer.silence, self._heartbeats.beat(name, end_s - now_s()))
            if not self.hints.is_known_to(name):
                await asyncio.sleep(self._settings.redial_interval_s)

    def begin_pull(self, name: str, asked: Version, *, lacking: bool) -> int:
        """A peer begins to pull from a version on: the mark that its confirmation brings back.

        `lacking`: what is here is not whole. What the peer asked for was told to it in a former
        life of this node, whose data is not back yet, so it still misses that.
        """
        mark = self.hints.begin(name, asked)
        if lacking and asked != ZERO:
            self.hints.miss(name, asked)
        return mark

    async def confirm(self, name: str, mark: int) -> bytes:
        """A peer holds what it pulled: forget that it missed it; what it has missed since, if any.

        Looked up again at the end: more may have been missed while the disk worked.
        """
        if self.hints.confirm(name, mark):
            since = self.hints.since(name) or b""
            await self._store.write([], [MissedWrites(peer=name, since=since)])
        return self.hints.since(name) or b""

    def for_others(self, sender: str, oldest: Version) -> Sequence[MissedWrites]:
        """Hints for a peer to keep as well, which now holds what these others missed.

        Who lives is told from here, and hinted again only by a peer that lost its hints with all
        else; hints about the living that went round would never end.
        """
        return [
            MissedWrites(peer=name, since=since)
            for name, since in self.hints.as_dict().items()
            if name != sender and (oldest == ZERO or not self._peers[name].alive)
        ]
