"""An election: one of many candidates leads, until he resigns or is not heard for a while.

It is a lock whose value says who holds it. The name stands in front of the token that makes each
candidacy another one, so that everybody can read who leads.
"""

from __future__ import annotations

import os
import socket
import uuid

from kvcluster import AsyncClient, Client, Version
from kvcluster.recipes.lock import AsyncLock, Lock


def _token(name: str | None) -> str:
    name = name or f"{socket.gethostname()} {os.getpid()}"
    return f"{name} {uuid.uuid4().hex}"


def _name_in(token: str | None) -> str | None:
    """The name of who leads; of a key that something else has put, all of it."""
    return None if token is None else token.rpartition(" ")[0] or token


class Election:
    """One of many leads.

        election = Election(client, "leader/mail", name="mail-1")
        if election.campaign(timeout_s=60):
            while election.renew():      # more often than every ttl_s seconds
                ...                      # a piece of work, handed `election.term`
            election.resign()

    **What it does not protect**: that only one candidate *believes* that he leads. Who was stopped
    for longer than `ttl_s` does so until he looks. As with a lock, what he changes must carry
    `term`, and whoever takes it must refuse a term that is smaller than the largest he has seen.
    """

    def __init__(
        self, client: Client, key: str, *, ttl_s: float = 30.0, name: str | None = None
    ) -> None:
        """`ttl_s`: so long he leads who does not renew it. `name`: what others read of a leader;
        None: the name of this machine, and the number of this process.
        """
        self.key = key
        self._client = client
        self._lock = Lock(client, key, ttl_s=ttl_s, owner=_token(name))

    def campaign(self, timeout_s: float | None = None) -> bool:
        """Wait until this candidate leads, at most so many seconds; whether he does.

        Raises as `Lock.acquire` does.
        """
        return self._lock.acquire(timeout_s)

    def renew(self) -> bool:
        """Lead for `ttl_s` seconds from now; False: somebody else does, or may. See Lock."""
        return self._lock.renew()

    def resign(self) -> bool:
        """Lead no longer; whether this candidate still did. See `Lock.release`."""
        return self._lock.release()

    def leader(self) -> str | None:
        """The name of who leads; None: nobody does. It is a linearizable read."""
        return _name_in(self._client.get(self.key, linearizable=True))

    @property
    def leads(self) -> bool:
        """Whether this candidate certainly leads now, by this machine's clock. It asks nobody."""
        return self._lock.held

    @property
    def term(self) -> Version | None:
        """The version of his office, which grows with each leader; None: he has none."""
        return self._lock.fence


class AsyncElection:
    """The same as `Election` for programs on asyncio. All that is said there holds here."""

    def __init__(
        self, client: AsyncClient, key: str, *, ttl_s: float = 30.0, name: str | None = None
    ) -> None:
        self.key = key
        self._client = client
        self._lock = AsyncLock(client, key, ttl_s=ttl_s, owner=_token(name))

    async def campaign(self, timeout_s: float | None = None) -> bool:
        """See Election."""
        return await self._lock.acquire(timeout_s)

    async def renew(self) -> bool:
        """See Election."""
        return await self._lock.renew()

    async def resign(self) -> bool:
        """See Election."""
        return await self._lock.release()

    async def leader(self) -> str | None:
        """See Election."""
        return _name_in(await self._client.get(self.key, linearizable=True))

    @property
    def leads(self) -> bool:
        """See Election."""
        return self._lock.held

    @property
    def term(self) -> Version | None:
        """See Election."""
        return self._lock.fence
