"""The table: its name, how it is made, and which rights on it lack.

It is asked for without a schema, so it is found, or made, where the search path of the user says.
Two gateways that start at the same time make it one after the other, behind an advisory lock. Where
the user may not make it an owner does, with the same statements, which the docs repeat.

Columns are bytes, since text takes no NUL and is in the order of a locale. A row that expires is in
a small index of its own, so that the sweep reads nothing else. The sequence caches nothing: numbers
that a connection has put aside would be older than they look.
"""

from __future__ import annotations

import re

import asyncpg

from kvcluster.engines.postgres.postgres_failures import KIND, failure_of
from kvcluster.engines.postgres.postgres_hosts import PostgresPools
from kvcluster.errors import BadSetting, KvError, NothingWritten, NotReady

OLDEST = 130_000
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_LOCK = 0x6B76636C75737472  # "kvclustr"

_MAKE = f"""
SELECT pg_advisory_xact_lock({_LOCK});
CREATE TABLE IF NOT EXISTS {{table}} (
    key bytea PRIMARY KEY,
    value bytea,
    version bigint NOT NULL,
    expires_ms bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS {{table}}_expires ON {{table}} (expires_ms) WHERE expires_ms > 0;
CREATE SEQUENCE IF NOT EXISTS {{table}}_version CACHE 1;
"""
_IS_THERE = """
SELECT to_regclass($1) IS NOT NULL AND to_regclass($1 || '_version') IS NOT NULL AS is_there
"""
_IS_OURS = "SELECT key, value, version, expires_ms FROM {table} LIMIT 0"
_LACKS = """
SELECT asked FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS asked
WHERE NOT has_table_privilege($1, asked)
UNION ALL SELECT 'USAGE' WHERE NOT has_sequence_privilege($1 || '_version', 'USAGE')
"""


def checked_name(name: str) -> str:
    """A table's name that is safe in SQL as it stands. Raises BadSetting."""
    if not _NAME.fullmatch(name):
        raise BadSetting(
            "the table of the engine is a name of at most 40 small letters, digits and _, which"
            f" does not begin with a digit; got {name[:80]!r}"
        )
    return name


class PostgresTable:
    """The table at the primary."""

    def __init__(self, name: str) -> None:
        self._name = checked_name(name)

    async def prepare(self, pools: PostgresPools, deadline_s: float) -> None:
        """Make it if it is not there, and look whether it can be used. Raises NotReady."""
        try:
            link = await pools.reading.take(deadline_s)
        except NothingWritten as error:
            raise NotReady(str(error)) from None
        try:
            ((row),) = await link.ask(_IS_THERE, self._name, deadline_s=deadline_s)
            if not row["is_there"]:
                await link.run(_MAKE.format(table=self._name), deadline_s=deadline_s)
            lacking = await link.ask(_LACKS, self._name, deadline_s=deadline_s)
            if lacking:
                raise NotReady(self._told({row["asked"] for row in lacking}))
            await link.ask(_IS_OURS.format(table=self._name), deadline_s=deadline_s)
        except asyncpg.InsufficientPrivilegeError as error:
            raise NotReady(
                f"{failure_of(error, link.where)}; there is no table {self._name}, and the user"
                " may not make one"
            ) from None
        except KvError as error:
            raise NotReady(str(error)) from None
        except Exception as error:
            raise NotReady(str(failure_of(error, link.where))) from None
        finally:
            pools.reading.give_back(link)

    def _told(self, lacking: set[str]) -> str:
        grants = []
        if on_table := sorted(lacking - {"USAGE"}):
            grants.append(f"GRANT {', '.join(on_table)} ON {self._name}")
        if "USAGE" in lacking:
            grants.append(f"GRANT USAGE ON SEQUENCE {self._name}_version")
        return f"{KIND}: the user lacks rights: {'; '.join(grants)}"
