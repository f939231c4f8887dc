"""Who is the primary: what a gateway makes of hosts that contradict each other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kvcluster.engines.postgres.postgres_door import Host
from kvcluster.engines.postgres.postgres_hosts import PostgresHosts, PostgresView
from kvcluster.engines.postgres.postgres_link import PostgresLink
from kvcluster.engines.postgres.postgres_pool import PostgresPool
from kvcluster.errors import NotReady, TimedOut, TooLate

A, B = ("a", 1), ("b", 1)


class Silence:
    """A connection of the driver whose statements end when the test says so."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[list[object]] = asyncio.get_running_loop().create_future()
        self.ended = False

    def add_log_listener(self, listener: object) -> None:
        """Nothing is told."""

    def is_closed(self) -> bool:
        return self.ended

    def terminate(self) -> None:
        self.ended = True
        if not self.answer.done():
            self.answer.set_exception(ConnectionResetError())

    async def fetch(self, sql: str) -> list[object]:
        return await asyncio.shield(self.answer)


class Door:
    """Two hosts that nobody connects to."""

    hosts = (A, B)

    async def open(self, host: Host, deadline_s: float) -> PostgresLink:
        """Nobody is there."""
        raise NotReady("PostgreSQL: nobody there")

    async def open_primary(self, host: Host, deadline_s: float) -> PostgresLink:
        """Nor there."""
        return await self.open(host, deadline_s)


def hosts() -> PostgresHosts:
    """Nobody was asked yet."""
    door: Any = Door()
    return PostgresHosts(door)


def says(host: Host, timeline: int) -> PostgresView:
    """A host that says it is the primary, or with timeline 0 a standby."""
    return PostgresView(host, is_standby=not timeline, timeline=timeline)


@pytest.mark.parametrize(
    ("views", "primary"),
    [
        ([says(A, 1), says(B, 0)], A),
        ([says(A, 0), says(B, 0)], None),
        ([says(A, 1), says(B, 2)], B),
        ([says(B, 2), says(A, 1)], B),
        ([says(B, 2), says(A, 1), says(B, 0)], None),
        ([says(B, 2), says(B, 0), says(A, 1)], None),
        ([says(B, 2), says(B, 0), says(A, 3)], A),
        ([says(A, 1), says(B, 1)], A),
        ([says(A, 2), says(A, 1)], None),
    ],
)
async def test_the_newest_timeline_wins(views: list[PostgresView], primary: Host | None) -> None:
    """In whatever order they answer; an old one is not believed even when it is the only one."""
    made = hosts()
    for view in views:
        made._heard(view)
    assert (made.primary.host if made.primary else None) == primary
    if primary is None:
        assert "no primary" in made.why_none()
    await made.close()


async def test_connections_to_who_was_replaced_are_not_used_again() -> None:
    """Nor at the same address: a name may lead to another server than before."""
    for newer in (says(B, 2), says(A, 2)):
        made = hosts()
        made._heard(says(A, 1))
        old = made.primary
        made._heard(newer)
        assert old is not None
        assert made.primary is not old
        with pytest.raises(NotReady, match="the primary no more"):
            await old.writing.take(asyncio.get_running_loop().time() + 5)
        await made.close()


async def test_a_pool_has_so_many_places_and_no_more() -> None:
    """One whose statement nobody waits for any more is taken until that has ended."""
    loop = asyncio.get_running_loop()
    connections: list[Silence] = []

    async def connect(deadline_s: float) -> PostgresLink:
        connections.append(Silence())
        return PostgresLink(connections[-1], "a:1")

    pool = PostgresPool("a:1", connect, links=2)
    for _ in range(2):
        link = await pool.take(loop.time() + 5)
        with pytest.raises(TimedOut):
            await link.ask("", deadline_s=loop.time() + 0.01)
        pool.give_back(link)
    with pytest.raises(TooLate, match="still busy"):
        await pool.take(loop.time() + 0.05)
    waiting = [asyncio.ensure_future(pool.take(loop.time() + 5)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    connections[0].answer.set_result([])
    taken = await waiting[1]
    pool.give_back(taken)
    assert await waiting[2] is taken, "it goes on from hand to hand"
    pool.shed()
    assert connections[1].ended, "the host was silent, and nobody waits for it"
    assert not connections[0].ended, "somebody uses it"
    pool.give_back(taken)
    assert await pool.take(loop.time() + 5)
    pool.close()
    assert all(it.ended for it in connections)
    with pytest.raises(NotReady):
        await pool.take(loop.time() + 5)


async def test_who_waits_for_a_pool_that_closes_is_told() -> None:
    """He would wait for his whole deadline, though there is another primary."""
    loop = asyncio.get_running_loop()

    async def connect(deadline_s: float) -> PostgresLink:
        return PostgresLink(Silence(), "a:1")

    pool = PostgresPool("a:1", connect, links=1)
    await pool.take(loop.time() + 5)
    waiting = asyncio.ensure_future(pool.take(loop.time() + 5))
    await asyncio.sleep(0)
    pool.close()
    with pytest.raises(NotReady):
        await waiting
