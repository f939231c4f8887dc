"""What a client of any system can do: what the cases are made of.

Each system is called by the best client that its users have, which does what it likes inside: a
pool of connections, batches, pipelines. What writes returns when the system has kept its promise,
and raises if it has not.

A method that a client does not have makes its system stay out of the cases that need it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable

VALUE = "x" * 100
_FIRST_WAY_S = 0.004
_LONGEST_WAY_S = 0.5

Spec = dict[str, list[str]]
"""Where a system is: words that its client understands, mostly "nodes"."""


class LoadClient:
    """A client of one system. `spec`: where it is."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    async def open(self) -> None:
        """Connect; returns once the system takes reads and writes."""

    async def close(self) -> None:
        """Let go of everything."""

    async def put(self, key: str) -> None:
        """Store VALUE under a key, and return when that is as durable as the system promises."""
        raise NotImplementedError

    async def get(self, key: str) -> str | None:
        """Read a key as the system's users do by default."""
        raise NotImplementedError

    async def connect(self, key: str) -> str | None:
        """Read a key by a client of its own, which connects for it and lets go."""
        raise NotImplementedError

    async def get_local(self, key: str) -> str | None:
        """Read a key from what one member holds, without asking the others."""
        raise NotImplementedError

    async def get_linearizable(self, key: str) -> str | None:
        """Read a key so that no write is hidden which anybody knows of, whoever is cut off."""
        raise NotImplementedError

    async def put_if_unchanged(self, key: str) -> None:
        """Store VALUE under a key that this client has put, if nobody else has since then.

        The first time it looks what is there; the key must be.
        """
        raise NotImplementedError

    async def put_if_absent(self, key: str) -> None:
        """Store VALUE under a key where none is."""
        raise NotImplementedError

    async def add_one(self, key: str) -> None:
        """Add one to the number under a key: look, and put if nothing came between; 0 at first."""
        raise NotImplementedError

    async def increment(self, key: str) -> None:
        """Add one by a command that the system has for it."""
        raise NotImplementedError

    async def number(self, key: str) -> int:
        """The number under a key, with every addition that was acknowledged."""
        raise NotImplementedError

    async def raw_put(self, key: str) -> None:
        """Store VALUE by a unary call of gRPC, without a library."""
        raise NotImplementedError

    async def raw_get(self, key: str) -> str | None:
        """Read by a unary call of gRPC, without a library."""
        raise NotImplementedError

    async def put_many(self, keys: Iterable[str]) -> None:
        """Store VALUE under many keys, as fast as it can be done."""
        raise NotImplementedError

    async def scan(self, prefix: str) -> int:
        """Read all pairs whose key begins so; how many there were."""
        raise NotImplementedError

    async def in_use(self) -> str:
        """The address whose process this system would miss most: the node in use, the leader."""
        raise NotImplementedError

    def threaded_put(self) -> Callable[[str], None]:
        """A put for threads, all on one client."""
        raise NotImplementedError


async def give_way(failures: int) -> None:
    """Rest for a moment, after others came first so many times in a row; longer each time.

    Of those who meet at one key each comes through in his turn: for all systems that is worth many
    times what it costs. Our library does it by itself.
    """
    longest_s = min(_LONGEST_WAY_S, _FIRST_WAY_S * 2.0 ** min(failures - 1, 10))
    await asyncio.sleep(random.uniform(0.0, longest_s))


def can(client: type[LoadClient], method: str) -> bool:
    """Whether the clients of a system have a method."""
    return getattr(client, method) is not getattr(LoadClient, method)
