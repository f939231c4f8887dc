"""The map: who is primary of which slots, kept and renewed, and the nodes that were met.

A map that is a second old may name a primary that is frozen. So it is renewed each second by the
probe, and at once by whoever met a refusal or silence; those who ask at the same time share one
renewal. All nodes are asked in parallel, and it ends when more than half have answered: one that is
frozen would cost the whole of LOOK_S, and one that was frozen a moment ago tells of another time.
Of the answers the one of the largest rank counts (redis_view.py). One that is older than the map
there is counts only where most have answered: the cluster was made anew.
"""

from __future__ import annotations

import asyncio

from kvcluster.engines.redis.redis_door import RedisDoor
from kvcluster.engines.redis.redis_failures import ENGINE
from kvcluster.engines.redis.redis_node import RedisNode
from kvcluster.engines.redis.redis_setting import Place, RedisSetting
from kvcluster.engines.redis.redis_view import RedisShard, RedisView, look
from kvcluster.errors import KvError, NotReady

LOOK_S = 1.0
"""More: a renewal waits longer for nodes that are gone. Less: a busy node is taken for gone."""


class RedisMap:
    """What is known of the cluster."""

    def __init__(self, setting: RedisSetting, door: RedisDoor) -> None:
        self._seeds = setting.seeds
        self._door = door
        self._nodes: dict[Place, RedisNode] = {}
        self.view: RedisView | None = None
        """The best so far; None: nobody has answered yet."""
        self._renewal: asyncio.Task[RedisView] | None = None

    def node(self, place: Place) -> RedisNode:
        """The node at a place."""
        if place not in self._nodes:
            self._nodes[place] = RedisNode(place, self._door)
        return self._nodes[place]

    def shard_of(self, slot: int) -> RedisShard | None:
        """Who has a slot, as far as is known."""
        return self.view.shard_of(slot) if self.view else None

    async def renew(self) -> RedisView:
        """Ask the nodes. Raises NotReady if none answers."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(_have_seen)
        return await asyncio.shield(self._renewal)

    async def close(self) -> None:
        """End a renewal, and close all connections."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
        for node in self._nodes.values():
            await node.close()

    async def _renew(self) -> RedisView:
        known = self.view.places if self.view and self.view.is_cluster else set()
        places = dict.fromkeys((*self._seeds, *sorted(known)))
        views, reasons = await self._ask(places)
        if not views:
            raise NotReady("; ".join(reasons) or f"{ENGINE}: no node answers")
        best = max(views, key=lambda it: it.rank)
        if not best.is_cluster and len(self._seeds) > 1:
            raise NotReady(f"{ENGINE}: these nodes are no cluster; name one of them, the primary")
        if self.view is None or best.epoch >= self.view.epoch or 2 * len(views) > len(places):
            self.view = best
        await self._forget_strangers()
        return best

    async def _ask(self, places: dict[Place, None]) -> tuple[list[RedisView], list[str]]:
        time = asyncio.get_running_loop().time
        end_s = time() + LOOK_S
        waiting = {asyncio.create_task(look(self.node(it), end_s)) for it in places}
        views: list[RedisView] = []
        reasons: list[str] = []
        try:
            while waiting and 2 * len(views) <= len(places) and time() < end_s:
                done, waiting = await asyncio.wait(
                    waiting, timeout=end_s - time(), return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    try:
                        views.append(task.result())
                    except KvError as error:
                        reasons.append(str(error))
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        return views, sorted(set(reasons))

    async def _forget_strangers(self) -> None:
        """Close the connections to nodes that have left."""
        kept = {*self._seeds, *(self.view.places if self.view else ())}
        for place in [it for it in self._nodes if it not in kept]:
            await self._nodes.pop(place).close()


def _have_seen(renewal: asyncio.Task[RedisView]) -> None:
    """Those who waited may be gone by now; asyncio would log that nobody looked."""
    if not renewal.cancelled():
        renewal.exception()
