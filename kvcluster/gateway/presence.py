"""Presence: whether the engine is there, looked at each second, and what follows for callers.

A gateway starts without its engine, and says SYNCING with the reason; it is SERVING while the
engine answers. In between calls are refused at once, certainly not done: a client has other
gateways to ask, and asks again. An engine of which a part is down goes on, and its trouble is told.

A process that was stopped for a while (SIGSTOP, a suspended machine) takes nothing before it has
looked again: what waits at its door was given up by its callers, and a write among it would undo
what they wrote since. That is decided where nodes have it decided (model/pauses.py).

Expired keys that an engine does not remove by itself are swept here, and its keys are counted, now
and then: nobody waits for either.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kvcluster.config import Settings
from kvcluster.engines.contract import Engine, EngineState
from kvcluster.errors import KvError, NotReady
from kvcluster.model.pauses import Pauses, Times
from kvcluster.model.readiness import Status

log = logging.getLogger("kvcluster")

T = TypeVar("T")


class Presence:
    """Looks at the engine. Made inside the event loop."""

    def __init__(self, engine: Engine, times: Callable[[], Times], settings: Settings) -> None:
        self._engine = engine
        self._times = times
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._pauses = Pauses(interval_s=settings.tick_interval_s, limit_s=settings.pause_limit_s)
        self.changed: asyncio.Future[None] = self._loop.create_future()
        """Resolves at the next change of status. Whoever waits for it leaves it as it is."""
        self.status = Status.STARTING
        self.reason = "has not looked for its engine yet"
        """Why it does not serve, for people; empty when it does."""
        self.state = EngineState("", ())
        """How the engine was when it last answered."""
        self.keys = 0
        """How many keys it had, a while ago."""
        self.pauses = 0
        """How often this process was found to have been away."""

    @property
    def readable(self) -> bool:
        """Whether calls are taken."""
        return self.status is Status.SERVING and not self._pauses.overdue(self._times())

    def refuse_unless_serving(self) -> None:
        """Raise NotReady, with the reason, if calls are not taken."""
        if self.status is not Status.SERVING:
            raise NotReady(f"this gateway is {self.status.value}: {self.reason}")
        if self._pauses.overdue(self._times()):
            raise NotReady("this gateway was stopped, and has not looked around yet")

    def drain(self) -> None:
        """The gateway is stopping: nothing new is let in."""
        self._become(Status.DRAINING, "stopping")

    async def watch(self) -> None:
        """Look at the engine, for ever."""
        while True:
            await self._look()
            serving = self.status is Status.SERVING
            interval_s = self._settings.engine_probe_interval_s
            await asyncio.sleep(interval_s if serving else interval_s / 5)

    async def tick(self) -> None:
        """Find out when this process was away, for ever."""
        while True:
            if pause := self._pauses.look(self._times()):
                self.pauses += 1
                log.warning("PAUSE  this process was away for %.1f s", pause.duration_s)
            await asyncio.sleep(self._settings.tick_interval_s)

    async def keep_house(self) -> None:
        """Count the keys and sweep out what expired, for ever."""
        while True:
            if self.status is Status.SERVING:
                swept = await self._calmly(self._engine.sweep) or 0
                keys = await self._calmly(self._engine.count)
                self.keys = self.keys if keys is None else keys
                if swept:
                    log.debug("ENGINE  swept out %d expired keys", swept)
            await asyncio.sleep(self._settings.engine_sweep_interval_s)

    async def _look(self) -> None:
        limit_s = self._settings.engine_probe_timeout_s
        try:
            state = await self._engine.probe(self._loop.time() + limit_s)
        except KvError as error:
            self._become(Status.SYNCING, str(error))
            return
        trouble, self.state = self.state.trouble, state
        self._become(Status.SERVING, "")
        if state.trouble != trouble:
            log.warning("ENGINE  %s", state.trouble or "it is whole again")

    async def _calmly(self, work: Callable[[float], Awaitable[T]]) -> T | None:
        """What is looked at only by people may fail; the next look says why."""
        try:
            return await work(self._loop.time() + self._settings.request_timeout_s)
        except KvError as error:
            log.debug("ENGINE  %s", error)
            return None

    def _become(self, status: Status, reason: str) -> None:
        if self.status is Status.DRAINING or (status, reason) == (self.status, self.reason):
            return
        is_news = status is not self.status
        self.status, self.reason = status, reason
        log.info("NODE  %s%s", status.value, f": {reason}" if reason else "")
        if is_news:
            self.changed.set_result(None)
            self.changed = self._loop.create_future()
