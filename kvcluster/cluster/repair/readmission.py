"""Readmission: how a node that has lost its data comes to count for majorities again.

What it forgot may have been half of a majority: a promise, on which somebody relies, or an entry
that was acknowledged. It is harmless once all of this is so, in this order:

1. **What was on its way then is gone.** No message is taken that is older than
   `message_age_limit_s`, so whoever relied on the promise is done by then, or never will be. Twice
   that long is waited, as tombstones do: clocks that follow others go a little slower.
2. **It was compared anew**, from then on, with so many of the other replicas that count that what
   it had acknowledged is among what they hold: a majority less itself held it. Compared before, one
   of them may have got it later.

Who started with `--salvage` takes what is there, and is not compared: the others may be lost.

**A new cluster** must not wait for a minute. Where every other member says that nothing was ever
promised nor decided with it, nothing was forgotten here: each majority of which this node was one
had another member, which would remember. That is written down at once. Then it is enough to be
whole, and that everybody who is in the same place has written down as much: or the first of a new
cluster would begin to decide, and the others wait for a minute, or for each other. So does a node
that is started again before anything was decided, and waits for few who are away no longer than
until they are dead.

Rejected: to fetch what the peers have promised. It is of no use beside the first rule, and without
that rule it is not enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.peers import Peer
from kvcluster.cluster.repair.catching_up import CatchingUp
from kvcluster.errors import KvError
from kvcluster.model.ballots import majority
from kvcluster.model.detector import Liveness

log = logging.getLogger("kvcluster")


class Readmission(OnGround):
    """Of one node."""

    def __init__(self, ground: Ground, peering: Peering, catching_up: CatchingUp) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._voting = peering.voting
        self._heartbeats = peering.heartbeats
        self._catching_up = catching_up
        self._groups = {ground.membership.others(slot) for slot in ground.membership.held}
        """Who else holds what this node holds, for each slot of it."""
        self._few = self._membership.replica_count - majority(self._membership.replica_count)
        """So many of the replicas of a slot may be missing."""
        self._compared: set[str] = set()
        """Peers that count, and with which all was compared since the time was over."""

    async def run(self) -> None:
        """Wait for it, and have it count."""
        if not self._store.fsync:
            return
        if not self._voting.remembers or self._voting.undecided:
            await self._until_it_may_count()
        while True:
            try:
                await self._voting.admit()
                return
            except KvError:  # a full disk
                await asyncio.sleep(self._settings.heartbeat_interval_s)

    async def _until_it_may_count(self) -> None:
        begun_s, told = self._now_s(), False
        end_s = begun_s + self._settings.tombstone_wait_s
        remembered = self._voting.remembers
        while not await self._has_forgotten_nothing(remembered):
            left_s = end_s - self._now_s()
            if left_s <= 0 and await self._may_count_all_the_same():
                break
            self._voting.waits_for = self._reason(left_s)
            lasts = self._now_s() - begun_s > self._settings.suspect_after_s
            if lasts and not told and self._heard_all():
                log.info("SYNC  %s %s", self._membership.name, self._voting.refusal)
                told = True
            # At the beginning others say in a moment what is waited for; later there is no hurry.
            interval_s = self._settings.heartbeat_interval_s
            await asyncio.sleep(interval_s if lasts else self._settings.tick_interval_s)
        if told:
            log.info("SYNC  %s counts for majorities from now on", self._membership.name)

    def _heard_all(self) -> bool:
        return all(peer.said is not None for peer in self._peers)

    async def _has_forgotten_nothing(self, remembered: bool) -> bool:
        """Whether it is known that nothing is forgotten here (`remembered`: since before this life
        began), and nobody waits for the same word of this node.
        """
        voting = self._voting
        if voting.nothing_is_forgotten and not voting.remembers:
            with contextlib.suppress(KvError):
                self._store.refuse_if_full()
                await voting.remember()
                self._heartbeats.poke_all()
        waiting = voting.needed_by
        if remembered and waiting:
            away = all(peer.detector.state is Liveness.DEAD for peer in waiting)
            return away and all(self._can_be_compared(waiting))
        return voting.remembers and not waiting and (remembered or self._gate.whole)

    async def _may_count_all_the_same(self) -> bool:
        """Whether this node need not wait for others any more, once the time is over."""
        if self._voting.remembers:  # where nobody else counts, it would be in vain
            return any(self._can_be_compared(self._voting.needed_by))
        return self._store.salvaged or await self._is_compared()

    def _can_be_compared(self, peers: list[Peer]) -> Iterator[bool]:
        """For each group of replicas of which this node is one: whether so many others are in it
        that these can be compared with them, later, and count without our word.
        """
        names = {peer.name for peer in peers}
        return (len(names.intersection(others)) <= self._few for others in self._groups)

    def _reason(self, left_s: float) -> str:
        if self._voting.remembers:
            names = ", ".join(peer.name for peer in self._voting.needed_by)
            why = f"{names} must hear first that nothing was decided yet"
            return why if names else "it is not whole yet"
        if not self._heard_all():
            return "it was started without its data, and has not heard all others"
        if left_s > 0:
            return f"it was started without its data, {left_s:.0f} s more"
        return "it must be compared with the others that count, see --salvage"

    async def _is_compared(self) -> bool:
        """Whether it was, with as many others as it needs; some more are, if not."""
        for peer in self._peers:
            if not self._is_enough() and peer.votes and peer.name not in self._compared:
                await self._compare_with(peer.name)
        return self._is_enough()

    async def _compare_with(self, name: str) -> None:
        try:
            await self._catching_up.fetch_all(name)
            if self._peers[name].votes:
                self._compared.add(name)
        except KvError as error:
            log.debug("SYNC  %s: %s", name, error)

    def _is_enough(self) -> bool:
        """Whether of the other replicas of each slot so many were compared."""
        return all(
            len(self._compared.intersection(others)) >= min(self._few + 1, len(others))
            for others in self._groups
        )

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
