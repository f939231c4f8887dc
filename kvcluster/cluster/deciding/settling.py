"""Settling: keys that something is left undone about, here.

Two things may be left. An entry was refused for a promise: then others hold, and have perhaps
acknowledged, what this node does not. Or a promise was given and nobody came back for it: he has
died, or his condition did not hold. In both cases what is there is decided anew, as it is, in a
ballot of now, which reaches everybody and ends the promise. Until then reads of a key that is
behind are answered elsewhere (cluster/requests/router.py).

Everybody who refused does it, by chance not at the same moment.
"""

from __future__ import annotations

import asyncio
import logging
import random

from kvcluster.cluster.deciding.decider import Decider
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.errors import KvError
from kvcluster.model.slots import slot_of

log = logging.getLogger("kvcluster")

_AT_ONCE = 100


class Settling(OnGround):
    """Of one node."""

    def __init__(self, ground: Ground, decider: Decider) -> None:
        super().__init__(ground)
        self._decider = decider
        self._rng = random.Random(ground.time.incarnation)
        self.settled = 0
        """Keys, since the start."""

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._settings.settle_interval_s * self._rng.uniform(0.5, 1.5))
            for key in self._left():
                await self._settle(key)

    def _left(self) -> list[str]:
        """Keys that are to be settled now; few at a time."""
        promises = self._store.promises
        if not promises or self._decider.refusal:
            return []
        left = [key for key in promises if key in promises.behind or self._is_old(key)]
        mine = [key for key in left if slot_of(key) in self._membership.held]
        return mine[:_AT_ONCE]

    def _is_old(self, key: str) -> bool:
        ballot = self._store.promises.ballot(key)
        return ballot is not None and self._time.age_s(ballot) > self._settings.settle_after_s

    async def _settle(self, key: str) -> None:
        if self._store.promises.ballot(key) is None:  # meanwhile
            return
        deadline_s = asyncio.get_running_loop().time() + self._settings.replication_timeout_s
        try:
            await self._decider.settle(key, deadline_s)
            self.settled += 1
        except KvError as error:  # no majority, a rival: another time
            log.debug("SYNC  %.40r is not settled yet: %s", key, error)
