"""`server.py`, but with other ways to its peers: through the links of a test.

    python tests/processes/linked_server.py PEER=HOST:PORT ... -- PORT OPTIONS

A node is called by the name that the member list gives it, and its peers reach it under that name.
To cut a single link, each node must reach each peer on a way of its own, while everybody still
agrees on the names. So this program puts a table between the two, in the one place where a node
opens a channel, and is `server.py` in all else.

Rejected: an option of the server for it. Nobody but a test needs one today.
"""

from __future__ import annotations

import sys
from typing import Any

import grpc

import server


def main(arguments: list[str]) -> int:
    """Run one node; its exit code."""
    end = arguments.index("--")
    ways = dict(argument.split("=", 1) for argument in arguments[:end])
    plain = grpc.aio.insecure_channel

    def insecure_channel(target: str, *more: Any, **named: Any) -> grpc.aio.Channel:
        return plain(ways.get(target, target), *more, **named)

    grpc.aio.insecure_channel = insecure_channel
    return server.main(arguments[end + 1 :])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
