"""A rig: a gateway in the test's own process, on the twin or on any engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kvcluster import AsyncClient
from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.config import Settings
from kvcluster.engines.contract import Engine
from kvcluster.gateway.gateway import Gateway
from kvcluster.model.members import Cluster
from kvcluster.model.readiness import Status
from tests.edges.in_process import serving, until

QUICK = Settings(engine_probe_interval_s=0.05, engine_sweep_interval_s=0.1)


def gateway_to(engine: Engine, settings: Settings = QUICK, others: tuple[str, ...] = ()) -> Gateway:
    """One that is not started."""
    name = f"localhost:{free_ports(1)[0]}"
    return Gateway(Cluster((name, *others), name), engine, "engine://here", settings)


@asynccontextmanager
async def open_gateway(engine: Engine, settings: Settings = QUICK) -> AsyncIterator[Gateway]:
    """One that serves, if its engine is there."""
    gateway = gateway_to(engine, settings)
    async with serving(gateway):
        yield gateway


@asynccontextmanager
async def client_of(engine: Engine, settings: Settings = QUICK) -> AsyncIterator[AsyncClient]:
    """The library, in front of a gateway that serves."""
    async with open_gateway(engine, settings) as gateway:
        await until(lambda: gateway.gate.status is Status.SERVING)
        async with AsyncClient(gateway.name) as client:
            yield client
