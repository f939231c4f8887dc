"""The keys that begin with what was typed, asked from a node when somebody presses Tab.

Only a few, only keys, and only for half a second: who waits for a completion types on. Whatever
goes wrong, nothing is offered and nothing is said; the command itself will say it.

It is a plain call on a connection of its own. Rejected: the library's Client, whose event loop
would stay beside those of the commands; gRPC serves all loops of a process from one queue, and
complains on the screen where one of them is gone.
"""

from __future__ import annotations

from typing import Any

import grpc

from kvcluster.client.link import open_channel
from kvcluster.terminal.escaping import as_line

from demo_pb2 import ScanRequest
from demo_pb2_grpc import KeyValueStub

_LIMIT = 50
_TIMEOUT_S = 0.5


def beginning_with(prefix: str, node: str) -> list[str]:
    """Some keys; none that a line could not show, since nobody could tell what stands there."""
    found: list[str] = []
    try:
        request = ScanRequest(prefix=prefix, limit=_LIMIT, keys_only=True)
        with open_channel(node) as channel:
            stub: Any = KeyValueStub(channel)  # generated without types
            for message in stub.Scan(request, timeout=_TIMEOUT_S):
                found += [pair.key for pair in message.pairs]
    except (grpc.RpcError, UnicodeError):  # the latter: half a letter was typed
        pass
    return [key for key in found if as_line(key).replace("\\\\", "\\") == key]
