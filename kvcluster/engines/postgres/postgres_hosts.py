"""The hosts: which of them is the primary, and what each says of itself.

All are asked at the same time, each on a connection that is kept for it, with a short patience. The
first that says that it takes writes, on a newer timeline than any seen so far, is the primary from
that moment: nobody waits until a frozen one has used up its patience. Everything that is open to
the old one is closed, so what hangs there ends at once (as unknown).

**The higher timeline wins.** Each promotion begins one. A primary that was frozen, replaced and
thawed says in good faith that it is one; it has a lower timeline than one that was seen here, and
is not used again: its writes would be lost. To shut it off is the failover manager's duty, since a
gateway that sees only this one cannot know; it is told of as trouble.

Rejected: the driver's `target_session_attrs`. It asks one host after the other, so a frozen first
one costs its patience each time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from kvcluster.engines.postgres.postgres_copies import WAITS_SQL
from kvcluster.engines.postgres.postgres_door import Host, PostgresDoor, spelled
from kvcluster.engines.postgres.postgres_failures import BROKEN, KIND, unreachable
from kvcluster.engines.postgres.postgres_link import PostgresLink
from kvcluster.engines.postgres.postgres_pool import PostgresPool
from kvcluster.errors import KvError, NotReady

LOOK_S = 1.0
"""How long a host may take to say what it is. More: a failover is seen later. Less: a busy host is
told of as silent."""
_LOOK = f"""
SELECT pg_is_in_recovery() AS is_standby,
       current_setting('server_version_num')::int AS version,
       current_setting('server_version') AS version_text,
       CASE WHEN pg_is_in_recovery() THEN ''
            ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END AS timeline,
       (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming')::int AS streaming,
       pg_has_role('pg_monitor', 'USAGE') AS sees_standbys,
       {WAITS_SQL} AS waits
"""
"""The timeline in the control file would be that of the last checkpoint."""


@dataclass(frozen=True, slots=True)
class PostgresView:
    """What a host said of itself, or why it said nothing."""

    host: Host
    why_silent: str = ""
    is_standby: bool = True
    timeline: int = 0
    version: int = 0
    version_text: str = ""
    streaming: int = 0
    """How many standbys follow it, as far as the user is told: see `sees_standbys`."""
    sees_standbys: bool = False
    """Whether the user may know of standbys; it is a member of pg_monitor then."""
    waits: str = ""
    """For whom its commits wait; see postgres_copies.py."""

    @property
    def is_primary(self) -> bool:
        """Whether it takes writes, as it says."""
        return not self.why_silent and not self.is_standby


class PostgresPools:
    """The links to the primary. Reads have their own: writes may hang while a standby is gone."""

    def __init__(self, door: PostgresDoor, host: Host) -> None:
        self.host = host
        self.writing, self.reading = (
            PostgresPool(spelled(host), lambda deadline_s: door.open_primary(host, deadline_s))
            for _ in range(2)
        )

    def shed(self) -> None:
        """Close what nobody waits for."""
        self.writing.shed()
        self.reading.shed()

    def close(self) -> None:
        """Close all."""
        self.writing.close()
        self.reading.close()


class PostgresHosts:
    """The hosts of an address."""

    def __init__(self, door: PostgresDoor) -> None:
        self._door = door
        self._links: dict[Host, PostgresLink] = {}
        self._timeline = 0
        """The newest that was seen. A host with an older one is not the primary, whatever it says.
        """
        self._looking: asyncio.Task[None] | None = None
        self.primary: PostgresPools | None = None
        self.views = {host: PostgresView(host, "nobody asked yet") for host in door.hosts}

    async def pools(self, deadline_s: float) -> PostgresPools:
        """Those of the primary. Raises NotReady."""
        if self.primary is None:
            await self.look(deadline_s)
        if self.primary is None:
            raise NotReady(self.why_none())
        return self.primary

    @property
    def streaming(self) -> int:
        """How many standbys were seen to follow the primary of late."""
        return self.views[self.primary.host].streaming if self.primary else 0

    async def has_moved(self, pools: PostgresPools, deadline_s: float) -> bool:
        """Look, and say whether another host than theirs is the primary now, or it came back."""
        if self.primary is pools:
            await self.look(deadline_s)
        return self.primary is not None and self.primary is not pools

    async def look(self, deadline_s: float) -> None:
        """Ask all hosts what they are; who comes while others wait for that waits with them."""
        left_s = max(0.0, deadline_s - asyncio.get_running_loop().time())
        await asyncio.wait((self.look_soon(),), timeout=left_s)

    def look_soon(self) -> asyncio.Task[None]:
        """Begin to ask all hosts, unless that is under way."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return self._looking

    async def _look(self) -> None:
        await asyncio.gather(*map(self._look_at, self._door.hosts))

    async def _look_at(self, host: Host) -> None:
        deadline_s = asyncio.get_running_loop().time() + LOOK_S
        try:
            if host not in self._links or not self._links[host].is_fit:
                self._drop(host)
                self._links[host] = await self._door.open(host, deadline_s)
            ((row),) = await self._links[host].ask(_LOOK, deadline_s=deadline_s)
            self._heard(_view_of(host, row))
        except KvError as error:
            self._silent(host, str(error).removeprefix(f"{KIND}: "))
        except (asyncpg.PostgresError, *BROKEN) as error:
            self._silent(host, unreachable(error, spelled(host)))

    def _heard(self, view: PostgresView) -> None:
        self.views[view.host] = view
        is_here = self.primary is not None and self.primary.host == view.host
        if not view.is_primary or view.timeline < self._timeline:
            if is_here:
                self._replace(None)
        elif view.timeline > self._timeline or self.primary is None:
            # Also at the same address: a name may lead to another server than before.
            self._timeline = view.timeline
            self._replace(PostgresPools(self._door, view.host))

    def _silent(self, host: Host, why: str) -> None:
        self._drop(host)
        self.views[host] = replace(self.views[host], why_silent=why)
        if self.primary is not None and self.primary.host == host:
            self.primary.shed()

    def _replace(self, pools: PostgresPools | None) -> None:
        old, self.primary = self.primary, pools
        if old is not None:
            old.close()

    def _drop(self, host: Host) -> None:
        if link := self._links.pop(host, None):
            link.end()

    def why_none(self) -> str:
        """Why there is no primary, for people."""
        return f"{KIND}: no primary: {'; '.join(map(self._told, self.views.values()))}"

    def _told(self, view: PostgresView) -> str:
        if view.why_silent:
            return view.why_silent
        where = spelled(view.host)
        return f"{where} is a standby" if view.is_standby else f"{where} was replaced by another"

    def is_old(self, view: PostgresView) -> bool:
        """Whether it says that it is a primary, and another is."""
        return view.is_primary and (self.primary is None or self.primary.host != view.host)

    async def close(self) -> None:
        """Close everything."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,))
        for host in list(self._links):
            self._drop(host)
        self._replace(None)


def _view_of(host: Host, row: Any) -> PostgresView:
    timeline = int(row["timeline"], 16) if row["timeline"] else 0
    return PostgresView(
        host,
        "",
        row["is_standby"],
        timeline,
        row["version"],
        row["version_text"].split()[0],
        row["streaming"],
        row["sees_standbys"],
        row["waits"],
    )
