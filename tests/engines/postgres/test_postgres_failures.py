"""What errors of PostgreSQL mean for a write: each row of the table, on a server that is none."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from kvcluster.engines.contract import WriteDone, WriteOutcome
from kvcluster.engines.postgres.postgres_calls import PostgresCalls
from kvcluster.engines.postgres.postgres_door import PostgresDoor
from kvcluster.engines.postgres.postgres_failures import TABLE, PostgresNext
from kvcluster.engines.postgres.postgres_hosts import PostgresHosts, PostgresPools
from kvcluster.engines.postgres.postgres_link import PostgresLink
from kvcluster.engines.postgres.postgres_statements import PostgresStatements
from kvcluster.engines.postgres.postgres_writing import PostgresWriting
from kvcluster.errors import (
    BadRequest,
    ConnectionLost,
    DiskIsFull,
    KvError,
    NothingWritten,
    NotReady,
    OutcomeUnknown,
    Overloaded,
)
from kvcluster.model.operation import Kind, Operation

HOST = ("nowhere.invalid", 1)
MAY_HAVE_COMMITTED = (
    "57014", "57P01", "57P02", "57P04", "57P05", "08000", "08003", "08006", "08007", "08P01",
    "40003", "58000", "58030", "XX000", "XX001", "XX002", "25P03", "25P04", "72000", "P0001",
    "26000", "99999", "",
)  # fmt: skip
"""Errors that may come after a commit, or that nobody here has looked at."""
CERTAIN: dict[str, type[KvError]] = {
    "25006": NotReady,
    "40001": Overloaded,
    "40P01": Overloaded,
    "42501": NotReady,
    "42P01": NotReady,
    "42703": NotReady,
    "0A000": NotReady,
    "22021": BadRequest,
    "22003": BadRequest,
    "23514": BadRequest,
    "54000": BadRequest,
    "53100": DiskIsFull,
    "53200": Overloaded,
    "53300": Overloaded,
    "55P03": Overloaded,
    "57P03": NotReady,
}


def error_of(code: str) -> asyncpg.PostgresError:
    """What the driver raises for an SQLSTATE."""
    made: asyncpg.PostgresError = asyncpg.PostgresError.new({"C": code, "M": "alas", "D": "secret"})
    return made


class Server:
    """A connection of the driver to a server that fails. `writes`: what it committed."""

    def __init__(self, failures: list[BaseException | None]) -> None:
        self.failures = failures
        self.asked = 0
        self.ended = False
        self.warning = ""
        self._listeners: list[Any] = []

    def add_log_listener(self, listener: Any) -> None:
        self._listeners.append(listener)

    def is_closed(self) -> bool:
        return self.ended

    def terminate(self) -> None:
        self.ended = True

    async def fetch(self, sql: str, *given: Any) -> list[dict[str, Any]]:
        """Fail in turn, then succeed."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        if self.warning:
            notice = type("Notice", (), {"severity_en": "WARNING", "message": self.warning})
            asyncio.get_running_loop().call_soon(self._listeners[0], self, notice)
            await asyncio.sleep(0)
        return [{"key": key, "version": 7, "waits": "on "} for key in given[0]]


class Door:
    """Makes connections to it."""

    hosts = (HOST,)

    def __init__(self, server: Server) -> None:
        self.server = server
        self.refuses: list[KvError] = []

    async def open_primary(self, host: object, deadline_s: float) -> PostgresLink:
        """As the true one does."""
        if self.refuses:
            raise self.refuses.pop(0)
        return PostgresLink(self.server, "nowhere")

    async def open(self, host: object, deadline_s: float) -> PostgresLink:
        """Nobody is seen by a look."""
        raise NotReady("PostgreSQL: nobody there")


async def outcome_of(server: Server, patience_s: float = 5.0) -> WriteOutcome:
    """What becomes of a put."""
    door: Any = Door(server)
    return await put_through(door, patience_s)


async def put_through(door: PostgresDoor, patience_s: float = 5.0) -> WriteOutcome:
    """The same, through a door."""
    hosts = PostgresHosts(door)
    hosts.primary = PostgresPools(door, HOST)
    writing = PostgresWriting(PostgresCalls(hosts), hosts, PostgresStatements("t"))
    deadline_s = asyncio.get_running_loop().time() + patience_s
    try:
        (outcome,) = await writing.write([Operation(Kind.PUT, "k", "v")], deadline_s)
    finally:
        await hosts.close()
    return outcome


@pytest.mark.parametrize("code", MAY_HAVE_COMMITTED)
async def test_what_may_have_been_done_is_unknown_and_asked_once(code: str) -> None:
    """A row that moved to the certain ones: its caller writes anew, and the late one undoes it."""
    server = Server([error_of(code)])
    outcome = await outcome_of(server)
    assert isinstance(outcome, OutcomeUnknown)
    assert not isinstance(outcome, NothingWritten)
    assert server.asked == 1, "never sent again"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("reset"),
        BrokenPipeError(),
        TimeoutError("of the kernel"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch"),
        asyncpg.ProtocolError("rubbish"),
        ValueError("a bug"),
    ],
    ids=lambda it: type(it).__name__,
)
async def test_what_the_driver_raises_by_itself_is_unknown(error: Exception) -> None:
    """A connection that broke says nothing of what was sent on it, nor does a fault of ours."""
    server = Server([error])
    outcome = await outcome_of(server)
    assert isinstance(outcome, OutcomeUnknown)
    assert server.asked == 1


@pytest.mark.parametrize(("code", "kind"), CERTAIN.items())
async def test_what_was_rolled_back_is_certain(code: str, kind: type[KvError]) -> None:
    """A row that was lost: callers would not know what to do, after each deadlock."""
    outcome = await outcome_of(Server([error_of(code) for _ in range(20)]))
    assert isinstance(outcome, kind)
    assert isinstance(outcome, NothingWritten)
    assert "alas" in str(outcome)
    assert "secret" not in str(outcome), "details repeat values"


def test_every_row_is_tried_here() -> None:
    """One that is added without a test could be wrong for years."""
    for row in TABLE:
        tried = [*MAY_HAVE_COMMITTED, *CERTAIN]
        assert any(code.startswith(row.code) for code in tried), row
        is_certain = issubclass(row.kind, NothingWritten)
        assert is_certain or row.then is not PostgresNext.AGAIN, "sent twice"
        others = CERTAIN if is_certain else MAY_HAVE_COMMITTED
        assert any(code.startswith(row.code) for code in others), row
        assert row.why
    for at, row in enumerate(TABLE):
        assert not any(row.code.startswith(it.code) for it in TABLE[:at]), f"{row} is never reached"


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_what_collided_is_asked_again(code: str) -> None:
    """Else two batches that cross would trouble their callers."""
    server = Server([error_of(code), error_of(code)])
    assert isinstance(await outcome_of(server), WriteDone)
    assert server.asked == 3


async def test_what_collided_is_not_asked_again_behind_the_deadline() -> None:
    """Nobody waits for it any more."""
    server = Server([error_of("40P01") for _ in range(20)])
    assert isinstance(await outcome_of(server, 0.01), Overloaded)
    assert server.asked == 1


async def test_a_warning_is_no_success() -> None:
    """Somebody cancelled the wait for standbys: it is committed on the primary alone."""
    server = Server([])
    server.warning = "Warten auf synchrone Replikation wird storniert wegen Benutzeraufforderung"
    outcome = await outcome_of(server)
    assert isinstance(outcome, OutcomeUnknown)
    assert "Warten" in str(outcome)


async def test_a_connection_that_does_not_come_about_is_certain() -> None:
    """Nothing was sent, whatever the reason."""
    door: Any = Door(Server([]))
    door.refuses = [NotReady("PostgreSQL: nobody listens at nowhere")] * 3
    outcome = await put_through(door)
    assert isinstance(outcome, NotReady)
    assert not isinstance(outcome, ConnectionLost)
    assert door.server.asked == 0
