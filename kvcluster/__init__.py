"""A replicated key-value store without a leader: the library behind server.py and client.py.

    from kvcluster import AsyncClient, Client

is all that a program needs which uses a cluster. Who reads the code of one begins with `model`
(pure rules), `storage` (the durable dict), `cluster` (talking to peers), `node` (how the parts
fit). Imports point only that way.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# gRPC's own log lines are for its developers; what a person must know, we say ourselves. It reads
# this once, when it is first imported, so it stands here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

if TYPE_CHECKING:
    from kvcluster.client.aio import AsyncClient
    from kvcluster.client.answers import (
        Deleted,
        DeletedMany,
        Held,
        Location,
        NodeStatus,
        Replica,
        Stored,
        Version,
    )
    from kvcluster.client.sync import Client
    from kvcluster.errors import (
        BadRequest,
        ConditionFailed,
        Incomplete,
        KvError,
        NothingWritten,
        OutcomeUnknown,
        PermissionDenied,
        SomeFailed,
        Unauthenticated,
        Unavailable,
    )
    from kvcluster.wire.tls import Tls

__all__ = [
    "AsyncClient",
    "BadRequest",
    "Client",
    "ConditionFailed",
    "Deleted",
    "DeletedMany",
    "Held",
    "Incomplete",
    "KvError",
    "Location",
    "NodeStatus",
    "NothingWritten",
    "OutcomeUnknown",
    "PermissionDenied",
    "Replica",
    "SomeFailed",
    "Stored",
    "Tls",
    "Unauthenticated",
    "Unavailable",
    "Version",
]

_HOMES = {
    "AsyncClient": "kvcluster.client.aio",
    "Client": "kvcluster.client.sync",
    "Deleted": "kvcluster.client.answers",
    "DeletedMany": "kvcluster.client.answers",
    "Held": "kvcluster.client.answers",
    "Location": "kvcluster.client.answers",
    "NodeStatus": "kvcluster.client.answers",
    "Replica": "kvcluster.client.answers",
    "Stored": "kvcluster.client.answers",
    "Tls": "kvcluster.wire.tls",
    "Version": "kvcluster.client.answers",
}


def __getattr__(name: str) -> Any:
    """What programs import from here is loaded when they do; a server never loads the client."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "kvcluster.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
