"""The statements: all SQL that is asked after the table is made, each one round trip.

**A row is a key.** A deleted one stays for a minute, without its value, like a tombstone of our own
cluster. So whoever puts a key finds its row, and takes its version while holding the lock on it
(`nextval` behind DO UPDATE), which makes it larger than that of every earlier value. Without a row
the version is taken before the row is made, and somebody may put and delete the key between.

**PUT** is a plain upsert, in the order of the keys, so that those that cross do not deadlock.

**DECIDE** is everything else: it judges what it sees, locks the rows where the condition holds, in
the order of the keys, and judges them again as they are then (READ COMMITTED does so by itself for
a WHERE under FOR UPDATE). What fails at first sight was so at a moment of this call, and is not
locked. Three may come of a condition that held at first: it is written; the key had no row, and
there is nothing to delete; or somebody else was faster, then nothing was written, and it is asked
once more (postgres_writing.py).

**The clock** is the server's, at the time at which the statement arrived.

**A linearizable read** ends with a commit: a message in the log, where the server waits for a
standby. So a primary that was replaced without knowing it gives no answer, rather than an old one.

Rejected: a transaction of several statements, whose locks would be held while the network, or a
gateway that froze, takes its time; and a function in the database, which every version of this
program would have to share.
"""

from __future__ import annotations

from kvcluster.engines.postgres.postgres_copies import WAITS_SQL
from kvcluster.model.expiry import LINGER_MS

PAGE_BYTES = 1 << 20
TOMBSTONE_MS = 60_000
"""How long the row of a deleted or expired key stays. More: more of them to read over. Less: a
process that stands still between a version and its row for so long breaks the order of versions."""
COUNTED = 100_000
"""Up to so many rows, as the server estimates, they are counted. More: a count takes longer."""

_NOW = "(extract(epoch FROM statement_timestamp()) * 1000)::bigint"
_LIVE = f"held.value IS NOT NULL AND (held.expires_ms = 0 OR held.expires_ms > {_NOW})"
_LINGERS = (
    f"held.value IS NOT NULL AND (held.expires_ms = 0 OR held.expires_ms + {LINGER_MS} > {_NOW})"
)
_HOLDS = f"""CASE asked.what
    WHEN 'none' THEN true
    WHEN 'absent' THEN NOT ({_LINGERS})
    WHEN 'exists' THEN {_LINGERS}
    WHEN 'version' THEN {_LINGERS} AND held.version = asked.version
    WHEN 'value' THEN {_LINGERS} AND held.value = asked.operand
END"""
_EXPIRES = f"CASE WHEN ttl_ms > 0 THEN {_NOW} + ttl_ms ELSE expires_ms END"
_GONE = f"{_NOW} - {LINGER_MS}"

_READ = """
SELECT held.key, held.value, held.version, held.expires_ms
FROM {table} AS held WHERE held.key = ANY($1) AND {live}
"""

_READ_LAST = """
WITH confirmed AS MATERIALIZED (
    SELECT CASE WHEN current_setting('synchronous_standby_names') <> ''
           THEN pg_logical_emit_message(true, 'kvcluster', '') END AS place
)
SELECT held.key, held.value, held.version, held.expires_ms
FROM confirmed LEFT JOIN {table} AS held ON held.key = ANY($1) AND {live}
"""

_PAGE = """
SELECT key, value, expires_ms, total FROM (
    SELECT key, value, expires_ms, count(*) OVER () AS total,
           sum(octet_length(key) + {size} + 64) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING)
               - {size} AS before
    FROM (
        SELECT held.key, {value} AS value, held.expires_ms FROM {table} AS held
        WHERE held.key > $1 AND held.key >= $2 AND held.key < $3 AND {live}
        ORDER BY held.key LIMIT $4
    ) AS found
) AS sized WHERE before <= {page_bytes} + 2048 ORDER BY key
"""

_PUT = """
INSERT INTO {table} AS held (key, value, version, expires_ms)
SELECT key, value, nextval('{sequence}'), {expires}
FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[])
     AS asked (key, value, ttl_ms, expires_ms)
ON CONFLICT (key) DO UPDATE SET
    value = excluded.value, expires_ms = excluded.expires_ms, version = nextval('{sequence}')
RETURNING held.key, held.version, CASE WHEN held.key = ($1)[1] THEN {waits} END AS waits
"""

_DECIDE = """
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::text[],
                         $6::bigint[], $7::bytea[])
        AS asked (key, value, ttl_ms, expires_ms, what, version, operand)
), seen AS MATERIALIZED (
    SELECT asked.key, asked.value IS NULL AS deletes, held.key IS NOT NULL AS is_row,
           {holds} AS holds, {lingers} AS lingers,
           held.value, held.version, held.expires_ms
    FROM asked LEFT JOIN {table} AS held ON held.key = asked.key
), locked AS MATERIALIZED (
    SELECT held.key, asked.value, asked.ttl_ms, asked.expires_ms, {live} AS was_live
    FROM asked JOIN {table} AS held ON held.key = asked.key
    WHERE {holds} ORDER BY held.key FOR UPDATE OF held
), updated AS (
    UPDATE {table} AS held SET
        value = locked.value, version = nextval('{sequence}'),
        expires_ms = CASE WHEN locked.value IS NULL THEN {gone}
            WHEN locked.ttl_ms > 0 THEN {now} + locked.ttl_ms ELSE locked.expires_ms END
    FROM locked WHERE held.key = locked.key
    RETURNING held.key, held.version, locked.was_live
), inserted AS (
    INSERT INTO {table} (key, value, version, expires_ms)
    SELECT key, asked.value, nextval('{sequence}'), {expires}
    FROM asked JOIN (SELECT key FROM seen WHERE holds AND NOT is_row AND NOT deletes) AS free
        USING (key)
    ORDER BY key
    ON CONFLICT DO NOTHING RETURNING key, version, false AS was_live
)
SELECT seen.key, seen.holds, done.was_live,
       CASE WHEN seen.deletes AND NOT seen.is_row AND seen.holds THEN nextval('{sequence}')
            ELSE done.version END AS done,
       CASE WHEN seen.lingers AND NOT seen.holds THEN seen.value END AS value,
       seen.version, seen.expires_ms,
       CASE WHEN seen.key = ($1)[1] THEN {waits} END AS waits
FROM seen LEFT JOIN (SELECT * FROM updated UNION ALL SELECT * FROM inserted) AS done USING (key)
"""

_COUNT = """
SELECT CASE WHEN reltuples < {counted}
       THEN (SELECT count(*) FROM
             (SELECT FROM {table} AS held WHERE {live} LIMIT {most}) AS counted)
       ELSE reltuples::bigint END AS keys
FROM pg_class WHERE oid = '{table}'::regclass
"""

_SWEEP = """
DELETE FROM {table} WHERE key = ANY(ARRAY(
    SELECT held.key FROM {table} AS held
    WHERE held.expires_ms > 0 AND held.expires_ms <= {gone} - $1
    ORDER BY held.expires_ms LIMIT $2 FOR UPDATE SKIP LOCKED
)) RETURNING 1
"""


class PostgresStatements:
    """The SQL for one table, whose name is a plain identifier (postgres_table.py)."""

    def __init__(self, table: str) -> None:
        sequence = f"{table}_version"

        def made(text: str, **more: str) -> str:
            return text.format(
                table=table,
                sequence=sequence,
                live=_LIVE,
                lingers=_LINGERS,
                holds=_HOLDS,
                expires=_EXPIRES,
                gone=_GONE,
                now=_NOW,
                waits=WAITS_SQL,
                **more,
            )

        self.read, self.read_last = made(_READ), made(_READ_LAST)
        self.put, self.decide, self.sweep = made(_PUT), made(_DECIDE), made(_SWEEP)
        self.page, self.page_of_keys = (
            made(_PAGE, value=value, size=size, page_bytes=str(PAGE_BYTES))
            for value, size in (("held.value", "octet_length(value)"), ("''::bytea", "0"))
        )
        self.count = made(_COUNT, counted=str(COUNTED), most=str(2 * COUNTED))
