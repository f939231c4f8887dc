"""The keys that begin with what was typed, asked from a node when somebody presses Tab.

Only a few, only keys, and only for half a second: who waits for a completion types on. Whatever
goes wrong, nothing is offered and nothing is said; the command itself will say it.
"""

from __future__ import annotations

import contextlib

import grpc

from kvcluster.client.background import background
from kvcluster.client.connection import GrpcConnection
from kvcluster.terminal.escaping import as_line

from demo_pb2 import ScanRequest, ScanResponse

_LIMIT = 50
_TIMEOUT_S = 0.5


def beginning_with(prefix: str, node: str) -> list[str]:
    """Some keys; none that a line could not show, since nobody could tell what stands there."""
    try:
        request = ScanRequest(prefix=prefix, limit=_LIMIT, keys_only=True)
    except UnicodeError:  # half a letter was typed
        return []
    found = background().run(_keys(request, node), _TIMEOUT_S)
    return [key for key in found if as_line(key).replace("\\\\", "\\") == key]


async def _keys(request: ScanRequest, node: str) -> list[str]:
    found: list[str] = []
    connection = GrpcConnection(node)
    stream = connection.scan(request, _TIMEOUT_S)
    with contextlib.suppress(grpc.aio.AioRpcError):
        while isinstance(message := await stream.read(), ScanResponse):
            found += [pair.key for pair in message.pairs]
    stream.cancel()
    await connection.close()
    return found
