"""Deeds: a put, a get or a delete that a person asks for, and the sentence that comes of it.

They go through the library, as those of any program: it finds a node that serves, moves to another
when that one fails, and is honest about writes. Whatever happens is one event for the log; a
failure is a sentence of the library's, never a traceback.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kvcluster.client.answers import Deleted, Stored
from kvcluster.client.pending import checked_key
from kvcluster.dashboard.following import described
from kvcluster.dashboard.ink import Tone, short
from kvcluster.dashboard.log import Event
from kvcluster.dashboard.source import KeyValue
from kvcluster.errors import BadRequest, KvError
from kvcluster.view.histogram import milliseconds

YOU = "you"


Clock = Callable[[], float]


async def put(store: KeyValue, key: str, value: str, clock: Clock) -> Event:
    """Store a value under a key."""

    async def work() -> tuple[Tone, str]:
        answer = await store.put(key, value)
        return _written(answer, f"{described(value)} stored")

    return await _done(f'put "{short(key)}"', work, clock)


async def get(store: KeyValue, key: str, clock: Clock) -> Event:
    """Read a key."""

    async def work() -> tuple[Tone, str]:
        value = await store.get(key)
        return Tone.GOOD, "not there" if value is None else described(value)

    return await _done(f'get "{short(key)}"', work, clock)


async def delete(store: KeyValue, key: str, clock: Clock) -> Event:
    """Remove a key."""

    async def work() -> tuple[Tone, str]:
        answer = await store.delete(key)
        return _written(answer, "deleted" if answer.found else "was not there")

    return await _done(f'delete "{short(key)}"', work, clock)


def objection(key: str) -> str:
    """Why the key cannot be sent, before anybody is asked; empty if it can."""
    try:
        checked_key(key)
    except BadRequest as error:
        return str(error)
    return ""


def _written(answer: Stored | Deleted, what: str) -> tuple[Tone, str]:
    tone = Tone.GOOD if answer.acknowledged == answer.replicas else Tone.BUSY
    held = f"on {answer.acknowledged} of {answer.replicas} replicas"
    return tone, f"{what}, {held}, by {answer.served_by}"


async def _done(what: str, work: Callable[[], Awaitable[tuple[Tone, str]]], clock: Clock) -> Event:
    started_s = clock()
    try:
        tone, came_of_it = await work()
    except KvError as error:
        return Event(Tone.BAD, YOU, f"{what}: {error}")
    return Event(tone, YOU, f"{what}: {came_of_it}, {milliseconds(clock() - started_s)}")
