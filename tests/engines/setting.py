"""A setting: one engine with a place of its own in it, for one test.

A kind of engine is a `Stage`: the twin, or real servers on this machine, which are started once for
all tests of a process and get a new prefix or table for each. Where the servers are not installed
the tests skip, with a sentence that says what to install. CI says ENGINES=must: there they fail.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import pytest

from kvcluster.engines.address import parse_engine
from kvcluster.engines.catalogue import engine_at
from kvcluster.engines.contract import Engine
from tests.engines.twin import Twin

REAL = ("etcd", "postgresql", "redis")
ALL = ("twin", *REAL)
STAGES = {
    "etcd": "tests.engines.etcd.servers",
    "postgresql": "tests.engines.postgres.servers",
    "redis": "tests.engines.redis.servers",
}
_PATIENCE_S = 15.0


class Servers(Protocol):
    """Real servers of one kind. Each module in STAGES has `lacking()`, a sentence on what must be
    installed, empty if nothing; and `start()`, which gives one of these.
    """

    def place(self, name: str) -> tuple[str, dict[str, str]]:
        """The --engine of a place of its own, and what the environment must say."""

    def stop(self) -> None:
        """Stop them and remove their data."""


_running: dict[str, Servers] = {}


def servers_of(kind: str) -> Servers:
    """The servers of one kind, started if need be; skips the test where they are not installed."""
    if kind not in _running:
        stage: Any = import_module(STAGES[kind])
        if lacking := stage.lacking():
            if os.environ.get("ENGINES") == "must":
                pytest.fail(lacking)
            pytest.skip(lacking)
        _running[kind] = stage.start()
    return _running[kind]


def stop_all() -> None:
    """Stop what was started."""
    while _running:
        _running.popitem()[1].stop()


@dataclass
class Setting:
    """An engine that is open and ready."""

    kind: str
    engine: Engine

    @property
    def soon_s(self) -> float:
        """A deadline that is far enough away."""
        return asyncio.get_running_loop().time() + _PATIENCE_S

    async def pass_time(self, ms: int) -> None:
        """Let time go by for the engine."""
        if isinstance(self.engine, Twin):
            self.engine.now_ms += ms
        else:
            await asyncio.sleep(ms / 1000)

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        """Return when something holds; fails after a while."""
        end_s = time.monotonic() + _PATIENCE_S
        while not await holds():
            assert time.monotonic() < end_s, f"never: {what}"
            await self.pass_time(50)


def engine_in(kind: str, place: str) -> Engine:
    """An engine that is not open yet, with a place of its own."""
    if kind == "twin":
        return Twin()
    text, environment = servers_of(kind).place(place)
    return engine_at(parse_engine(text, environment))
