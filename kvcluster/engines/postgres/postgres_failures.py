"""What PostgreSQL's errors mean for a write: one table, most specific first, a reason each.

A statement of ours is a transaction of its own, so the question of every error is whether it can
come after the commit. PostgreSQL answers an ERROR only to a transaction that it rolled back; once
the commit is in its log, it knows nothing but warnings (a wait for standbys that was given up) and
the end of the connection. So classes of errors that are raised while a statement works are certain,
and named here one by one; **what is not named is unknown**, and so is all that ends a connection:
a commit may wait for its standby at that moment, done on the primary already.

While a connection is being made nothing of a statement was sent, whatever the error: `unreachable`.

Rejected: to believe every ERROR, of classes that nobody has looked at. An error of the system
(class 58) or of the server itself (XX) says that something is not as PostgreSQL takes it to be.
"""

from __future__ import annotations

import asyncio
import enum
import ssl
from dataclasses import dataclass

import asyncpg

from kvcluster.errors import (
    BadRequest,
    ConnectionLost,
    DiskIsFull,
    KvError,
    NotReady,
    OutcomeUnknown,
    Overloaded,
    as_told,
)

KIND = "PostgreSQL"


class PostgresNext(enum.Enum):
    """What a call may do after an error. A write that may have been delivered: nothing."""

    STOP = "tell the caller"
    AGAIN = "the same statement once more"
    LOOK = "see who is the primary, and once more if that is another one"
    PREPARE = "tell the caller, and let the next probe make what lacks"


@dataclass(frozen=True, slots=True)
class PostgresRow:
    """One row of the table: SQLSTATEs that begin so, and what becomes of the call."""

    code: str
    kind: type[KvError]
    then: PostgresNext
    why: str


_STOP, _AGAIN, _LOOK = PostgresNext.STOP, PostgresNext.AGAIN, PostgresNext.LOOK

TABLE = (
    PostgresRow("25006", NotReady, _LOOK, "a standby, or a primary that was demoted: read-only"),
    PostgresRow("40001", Overloaded, _AGAIN, "it collided with another and was rolled back"),
    PostgresRow("40P01", Overloaded, _AGAIN, "rolled back, so that another gets on: a deadlock"),
    PostgresRow("42501", NotReady, PostgresNext.PREPARE, "refused before it began: a grant lacks"),
    PostgresRow("42P01", NotReady, PostgresNext.PREPARE, "refused before it began: no such table"),
    PostgresRow("42", NotReady, _STOP, "refused before it began: the table is not as we made it"),
    PostgresRow("0A", NotReady, _STOP, "refused before it began: it cannot do that"),
    PostgresRow("22", BadRequest, _STOP, "a value that it does not take; rolled back"),
    PostgresRow("23", BadRequest, _STOP, "a constraint that somebody added; rolled back"),
    PostgresRow("54", BadRequest, _STOP, "more than fits into a row or an index; rolled back"),
    PostgresRow("53100", DiskIsFull, _STOP, "no room for a page of a table; rolled back. Without"
                " room for its log it ends instead, and that is a connection lost"),
    PostgresRow("53200", Overloaded, _STOP, "no memory, for a plan or for locks; rolled back"),
    PostgresRow("53300", Overloaded, _STOP, "no place for one more connection: none was made"),
    PostgresRow("55P03", Overloaded, _STOP, "a lock was not to be had in time; rolled back"),
    PostgresRow("57P03", NotReady, _LOOK, "it starts or stops, and took no statement"),
    PostgresRow("57014", OutcomeUnknown, _STOP, "somebody cancelled it, perhaps in its commit"),
    PostgresRow("57", ConnectionLost, _LOOK, "it was ended, perhaps in its commit, which waits for"
                " a standby and is done already here"),
    PostgresRow("08", ConnectionLost, _LOOK, "the connection broke, which says nothing of it"),
)  # fmt: skip
"""The first row that fits decides; none: unknown. Only certain ones may be tried AGAIN."""

_SILENT = (TimeoutError, asyncio.TimeoutError, asyncpg.exceptions.ConnectionDoesNotExistError)
BROKEN = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises by itself where a connection ended, perhaps in the middle of a word."""
_OTHER = PostgresRow("", OutcomeUnknown, _STOP, "nobody has looked at this one")
_LOST = TABLE[-1]


def row_of(error: BaseException) -> PostgresRow:
    """The row for what a statement ended with."""
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        return next((row for row in TABLE if code.startswith(row.code)), _OTHER)
    return _LOST if isinstance(error, BROKEN) else _OTHER


def failure_of(error: BaseException, where: str) -> KvError:
    """What a write is told that ended with this error of the driver."""
    row = row_of(error)
    told = as_told(_words(error))
    if row.kind is ConnectionLost:
        return ConnectionLost(f"{KIND}: the connection to {where} ended: {told}")
    return row.kind(f"{KIND}: {where} says: {told}")


def unreachable(error: BaseException, where: str) -> str:
    """Why no connection came about, for people: the end of a sentence that begins with the host."""
    if isinstance(error, _SILENT):
        return f"{where} does not answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {where} is not good: {as_told(error.verify_message)}"
    if isinstance(error, asyncpg.PostgresError):
        return f"{where} says: {as_told(_words(error))}"
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {where}"
    return f"{where} cannot be reached: {as_told(_words(error))}"


def _words(error: BaseException) -> str:
    """What it says, without the server's details: those repeat values."""
    return str(error.args[0]) if error.args else type(error).__name__
