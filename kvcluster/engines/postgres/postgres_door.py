"""The door: how a connection to a host is made, and what it is told before anybody uses it.

A session may come with timeouts that the server, the database or the role was given. Those that
could strike in a commit are turned off (see postgres_link.py), and `synchronous_commit = off`,
which would lose what was acknowledged, is turned on. Plans are made once for each connection, and
never by reading the whole table: a plan that was made while it was small would still do so later.

With an authority (`ca`) or a certificate the server is spoken to in TLS or not at all, and its name
must be in its certificate. The password goes to the driver and nowhere else.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import asyncpg

from kvcluster.engines.address import EngineAddress
from kvcluster.engines.postgres.postgres_failures import BROKEN, KIND, unreachable
from kvcluster.engines.postgres.postgres_link import PostgresLink
from kvcluster.errors import CannotStart, NotReady, OutcomeUnknown

Host = tuple[str, int]
CONNECT_S = 2.0
"""For a connection, at most. More: a host that is frozen holds those up who want one to it."""

_SESSION = {
    "application_name": "kvcluster",
    "default_transaction_isolation": "read committed",
    "enable_seqscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": "0",
}
_NO_CONNECTION = (
    asyncpg.PostgresError,
    *BROKEN,
    ValueError,
    asyncio.TimeoutError,  # another than TimeoutError before Python 3.11
)
_SETTLE = """
SELECT pg_is_in_recovery() AS is_standby,
       set_config('synchronous_commit', replace(current_setting('synchronous_commit'),
                                                'off', 'on'), false),
       (SELECT count(set_config(name, '0', false)) FROM pg_settings WHERE name IN
        ('transaction_timeout', 'idle_session_timeout'))
"""
"""Neither timeout is in every version, so they are turned off where they are."""


def spelled(host: Host) -> str:
    """A host, as people write it."""
    return f"[{host[0]}]:{host[1]}" if ":" in host[0] else f"{host[0]}:{host[1]}"


class PostgresDoor:
    """Makes connections as an address says."""

    def __init__(self, address: EngineAddress) -> None:
        """Raises CannotStart if a file cannot be used."""
        self.hosts = address.hosts
        self._ssl = _context(address) if address.tls else False
        self._user = address.user or None
        self._password = address.password or None
        self._database = address.database or None

    async def open(self, host: Host, deadline_s: float) -> PostgresLink:
        """A connection to a host, whatever it is. Raises NotReady."""
        where, now_s = spelled(host), asyncio.get_running_loop().time()
        try:
            connection = await asyncpg.connect(
                host=host[0],
                port=host[1],
                user=self._user,
                password=self._password,
                database=self._database,
                ssl=self._ssl,
                timeout=max(0.001, min(CONNECT_S, deadline_s - now_s)),
                max_cached_statement_lifetime=0,
                server_settings=_SESSION,
                target_session_attrs="any",
            )
        except _NO_CONNECTION as error:
            raise NotReady(f"{KIND}: {unreachable(error, where)}") from None
        return PostgresLink(connection, where)

    async def open_primary(self, host: Host, deadline_s: float) -> PostgresLink:
        """A connection to a host that takes writes, settled. Raises NotReady."""
        link = await self.open(host, deadline_s)
        try:
            ((row),) = await link.ask(_SETTLE, deadline_s=deadline_s)
            if row["is_standby"]:
                raise NotReady(f"{KIND}: {link.where} is a standby")
        except BaseException as error:
            link.end()
            if isinstance(error, OutcomeUnknown):
                raise NotReady(str(error)) from None
            if isinstance(error, _NO_CONNECTION):
                raise NotReady(f"{KIND}: {unreachable(error, link.where)}") from None
            raise
        return link


def _context(address: EngineAddress) -> Any:
    try:
        context = ssl.create_default_context(cafile=address.ca)
        if address.cert is not None:
            context.load_cert_chain(address.cert, address.key, password=lambda: "")
    except (OSError, ValueError):
        raise CannotStart(
            "the engine's ca, cert and key are no certificates with their key, in PEM, the key"
            " without a password"
        ) from None
    return context
