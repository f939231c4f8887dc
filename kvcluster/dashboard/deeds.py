"""Deeds: from a key that is pressed, over the box that opens, to what came of it.

A put, a get or a delete goes through the library, as those of any program: it finds a node that
serves, moves to another when that one fails, and is honest about writes. Whatever comes of it is
one event, and a failure is a sentence of the library's, never a traceback.

It is carried out beside everything else, so a put that hangs for seconds holds up neither the
screen nor the next box.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from textual.app import App

from kvcluster.client import values
from kvcluster.client.answers import Deleted, Stored
from kvcluster.client.given import checked_key
from kvcluster.console.screen import short
from kvcluster.dashboard.events import Event
from kvcluster.dashboard.following import described
from kvcluster.dashboard.ink import Tone
from kvcluster.dashboard.put_options import OPTIONS, put_options
from kvcluster.dashboard.source import KeyValue
from kvcluster.dashboard.widgets import Confirmation, Question
from kvcluster.errors import BadRequest, ConditionFailed, KvError
from kvcluster.view.histogram import milliseconds

YOU = "you"

T = TypeVar("T")


class Deeds:
    """What a person may ask for; each opens a box first."""

    def __init__(
        self,
        app: App[Any],
        client: KeyValue,
        *,
        tell: Callable[[Event], None],
        follow: Callable[[str], None],
    ) -> None:
        """`tell`: takes what came of a deed. `follow`: takes the key to follow; "" for none."""
        self._app = app
        self._client = client
        self._tell = tell
        self._follow = follow
        self._last_key = ""

    async def begin(self, deed: str) -> None:
        """Open the box of a deed: "put", "get", "delete" or "follow"."""
        match deed:
            case "put":
                await self._ask("Put", self._put, "value", extra=OPTIONS)
            case "get":
                await self._ask("Get", self._get)
            case "delete":
                await self._ask("Delete", self._confirm)
            case "follow":
                fields = [("key; an empty one ends it", self._last_key)]
                await self._open(Question("Follow", fields), self._follow_it)

    async def _ask(
        self, title: str, then: Callable[..., None], *more: str, extra: str = ""
    ) -> None:
        """Ask for a key that may be sent, and for more. `then` takes a text for each."""
        fields = [("key", self._last_key), *((label, "") for label in more)]
        await self._open(Question(title, fields, _objection, extra), then)

    async def _open(self, question: Question, then: Callable[..., None]) -> None:
        def answered(answer: tuple[str, ...] | None) -> None:
            if answer is not None:
                then(*answer)

        await self._app.push_screen(question, answered)
        question.begin()  # what was typed meanwhile waits, and lands in the first field

    def _put(self, key: str, value: str, options: str) -> None:
        stored = f"{described(value)} stored"
        call = self._client.put(key, value, **asdict(put_options(options)))
        self._do("put", key, call, lambda it: _written(it, stored))

    def _get(self, key: str) -> None:
        def told(value: str | None) -> tuple[Tone, str]:
            return Tone.GOOD, "not there" if value is None else described(value)

        self._do("get", key, self._client.get(key), told)

    def _confirm(self, key: str) -> None:
        question = Confirmation(f'Delete "{short(key)}"?')
        self._app.push_screen(question, partial(self._delete, key))

    def _delete(self, key: str, meant: bool | None) -> None:
        def told(answer: Deleted) -> tuple[Tone, str]:
            return _written(answer, "deleted" if answer.found else "was not there")

        if meant:
            self._do("delete", key, self._client.delete(key), told)

    def _follow_it(self, key: str) -> None:
        self._last_key = key or self._last_key
        self._follow(key)

    def _do(
        self, deed: str, key: str, call: Awaitable[T], told: Callable[[T], tuple[Tone, str]]
    ) -> None:
        """Make the call, beside everything else. `told`: what to say of its answer."""

        async def carry_out() -> None:
            started_s = time.monotonic()
            try:
                tone, came_of_it = told(await call)
            except ConditionFailed as failure:
                tone, came_of_it = Tone.BUSY, _instead(failure)
            except KvError as error:
                tone, came_of_it = Tone.BAD, str(error)
            else:
                came_of_it += f", {milliseconds(time.monotonic() - started_s)}"
            self._tell(Event(tone, YOU, f'{deed} "{short(key)}": {came_of_it}'))

        self._last_key = key
        self._app.run_worker(carry_out())


def _objection(answer: tuple[str, ...]) -> str:
    """Why it cannot be sent, before anybody is asked; empty if it can."""
    try:
        checked_key(answer[0])
        for options in answer[2:]:
            put_options(options)
    except BadRequest as error:
        return str(error)
    return ""


def _instead(failure: ConditionFailed) -> str:
    """What is there, where a condition does not hold."""
    if not failure.found:
        return "the condition does not hold: there is no such key; nothing was written"
    text = values.stored(failure.value or "")
    return f"the condition does not hold: it is {described(text)}; nothing was written"


def _written(answer: Stored | Deleted, what: str) -> tuple[Tone, str]:
    tone = Tone.GOOD if answer.acknowledged == answer.replicas else Tone.BUSY
    held = f"on {answer.acknowledged} of {answer.replicas} replicas"
    return tone, f"{what}, {held}, by {answer.served_by}"
