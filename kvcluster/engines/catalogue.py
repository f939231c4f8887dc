"""The catalogue: which engines there are, and what each needs installed.

Each is loaded when somebody wants it, so nobody installs a driver that he does not use.
"""

from __future__ import annotations

from importlib import import_module

from kvcluster.engines.address import EngineAddress
from kvcluster.engines.contract import Engine
from kvcluster.errors import CannotStart

_WHERE = {
    "etcd": ("kvcluster.engines.etcd.etcd_engine", "EtcdEngine", ""),
    "postgresql": ("kvcluster.engines.postgres.postgres_engine", "PostgresEngine", "postgres"),
    "redis": ("kvcluster.engines.redis.redis_engine", "RedisEngine", "redis"),
}


def engine_at(address: EngineAddress) -> Engine:
    """The engine at an address, not connected yet. Raises CannotStart where its driver lacks, or an
    option or a file of it cannot be used.
    """
    module, name, extra = _WHERE[address.scheme]
    try:
        made = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if not extra:
            raise
        raise CannotStart(
            f"{address.scheme}:// needs {error.name}, which is not installed:"
            f" pip install 'kvcluster[{extra}]'"
        ) from None
    engine: Engine = made(address)
    return engine
