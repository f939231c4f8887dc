"""Ours upon an engine that others built: the system of that engine, and one server of ours before
it, which is called by our library as three nodes would be.

The engine is started just as where it is measured alone, so what differs between the two is all
that lies before it: the library, one hop of gRPC more, the gateway. Processor time is that of the
gateway and of all members of the engine.

One gateway, though there may be any number: on two cores a second one would take from the engine
what it gives.
"""

from __future__ import annotations

from typing import ClassVar

from bench.cases import ON_ENGINE
from bench.systems.etcd import Etcd
from bench.systems.ours import Ours
from bench.systems.postgresql import Postgresql
from bench.systems.processes import Place
from bench.systems.redis_cluster import RedisCluster
from bench.systems.system import System


class OnEngine(Ours):
    """One gateway and its engine."""

    engine: ClassVar[type[System]]
    """What stands behind it."""
    form: ClassVar[str]
    """How the address of the engine is written; {hosts} are its members."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, 1, row=self.name)
        self._behind = self.engine(place.inner("engine"))

    @property
    def where(self) -> list[str]:
        """The engine: a gateway keeps nothing itself."""
        return ["--engine", self.form.format(hosts=",".join(self._behind.addresses))]

    @property
    def pids(self) -> list[int]:
        """The gateway's, and those of the engine."""
        return [*super().pids, *self._behind.pids]

    def start(self) -> None:
        """The engine first; returns when the gateway serves, so when the engine does."""
        self._behind.start()
        super().start()

    def stop(self) -> None:
        """The gateway first, or it would tell of an engine that is gone."""
        super().stop()
        self._behind.stop()


class OnEtcd(OnEngine):
    """Upon etcd."""

    name = f"{ON_ENGINE}{Etcd.name}"
    promise = "what etcd promises, through one gateway"
    engine = Etcd
    form = "etcd://{hosts}"


class OnPostgresql(OnEngine):
    """Upon PostgreSQL."""

    name = f"{ON_ENGINE}{Postgresql.name}"
    promise = "what PostgreSQL promises, through one gateway"
    engine = Postgresql
    form = "postgresql://kv@{hosts}/postgres"


class OnRedisCluster(OnEngine):
    """Upon Redis Cluster. By default it would wait for a second copy, which nobody has here."""

    name = f"{ON_ENGINE}{RedisCluster.name}"
    promise = (
        "what Redis Cluster promises, through one gateway with copies=1, for there are no replicas;"
        " scans are in order, by an index that each put keeps"
    )
    engine = RedisCluster
    form = "redis://{hosts}?copies=1"


GATEWAYS: tuple[type[OnEngine], ...] = (OnEtcd, OnPostgresql, OnRedisCluster)
