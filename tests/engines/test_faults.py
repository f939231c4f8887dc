"""A member of the engine killed and frozen under load: nothing acknowledged is gone.

Each kind of engine says in its `servers.py` which faults there are (`FAULTS`): what breaks, and
what mends it again. They happen to servers of their own, since other tests use the shared ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from kvcluster.engines.address import parse_engine
from kvcluster.engines.catalogue import engine_at
from tests.engines.load import GrowingLoad, batches_of
from tests.engines.setting import REAL, STAGES, servers_of

_PATIENCE_S = 4.0
_GAP_S = 15.0
"""Far more than any of them needs; what it was is printed."""


def _faults() -> list[tuple[str, str]]:
    return [
        (kind, name) for kind in REAL for name in getattr(import_module(STAGES[kind]), "FAULTS", ())
    ]


@contextmanager
def _servers(kind: str) -> Iterator[Any]:
    servers_of(kind)  # skips where they are not installed
    made = import_module(STAGES[kind]).start()
    try:
        yield made
    finally:
        made.stop()


@pytest.mark.parametrize(("kind", "fault"), _faults())
async def test_nothing_acknowledged_is_gone(kind: str, fault: str) -> None:
    """Nothing that was refused is there, no value goes back, and writes succeed again."""
    with _servers(kind) as servers:
        text, environment = servers.place("faults")
        engine = engine_at(parse_engine(text, environment))
        await engine.open()
        await engine.probe(asyncio.get_running_loop().time() + 15)
        breaks, mends = import_module(STAGES[kind]).FAULTS[fault]
        async with GrowingLoad(
            engine, batches_of(8), patience_s=_PATIENCE_S, leaves_doubt=True, probes=True
        ) as load:
            await load.succeed(25)
            await asyncio.to_thread(breaks, servers)
            await load.succeed(50)
            await asyncio.to_thread(mends, servers)
            await load.succeed(25)
        await load.check()
        await engine.close()
    print(f"\n{kind}, {fault}: {load.report()}")
    assert load.gap_s < _GAP_S
