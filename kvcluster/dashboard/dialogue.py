"""Asking: from a key that is pressed, over the box that opens, to the deed and what came of it.

The app hands on four keys. Each opens a box; its answer is carried out beside everything else, so
a put that hangs for seconds holds up neither the screen nor the next box.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

from textual.app import App

from kvcluster.dashboard import deeds
from kvcluster.dashboard.ink import short
from kvcluster.dashboard.log import Event
from kvcluster.dashboard.prompts import Confirmation, Question
from kvcluster.dashboard.source import KeyValue

Answer: TypeAlias = "tuple[str, ...] | None"


class Dialogue:
    """`tell`: what is done with what came of a deed. `follow`: begins, and with "" ends, to."""

    def __init__(
        self,
        app: App[Any],
        store: KeyValue,
        *,
        tell: Callable[[Event], None],
        follow: Callable[[str], None],
    ) -> None:
        self._app = app
        self._store = store
        self._tell = tell
        self._follow = follow
        self._last_key = ""

    async def put(self) -> None:
        """Ask for a key and a value, and store it."""

        def put(answer: Answer) -> None:
            if answer is not None:
                key, value = answer
                self._do(key, deeds.put(self._store, key, value, time.monotonic))

        await self._ask("Put", [("key", self._last_key), ("value", "")], put)

    async def get(self) -> None:
        """Ask for a key, and read it."""

        def get(answer: Answer) -> None:
            if answer is not None:
                self._do(answer[0], deeds.get(self._store, answer[0], time.monotonic))

        await self._ask("Get", [("key", self._last_key)], get)

    async def delete(self) -> None:
        """Ask for a key, ask whether it is meant, and remove it."""

        def confirm(answer: Answer) -> None:
            if answer is not None:
                question = Confirmation(f'Delete "{short(answer[0])}"?')
                self._app.push_screen(question, partial(delete, answer[0]))

        def delete(key: str, meant: bool | None) -> None:
            if meant:
                self._do(key, deeds.delete(self._store, key, time.monotonic))

        await self._ask("Delete", [("key", self._last_key)], confirm)

    async def follow(self) -> None:
        """Ask for a key, and show what each of its replicas holds."""

        def follow(answer: Answer) -> None:
            if answer is not None:
                self._last_key = answer[0] or self._last_key
                self._follow(answer[0])

        fields = [("key; an empty one ends it", self._last_key)]
        await self._open(Question("Follow", fields), follow)

    async def _ask(
        self, what: str, fields: list[tuple[str, str]], then: Callable[[Answer], None]
    ) -> None:
        question = Question(what, fields, lambda answer: deeds.objection(answer[0]))
        await self._open(question, then)

    async def _open(self, question: Question, then: Callable[[Answer], None]) -> None:
        """Keys that are pressed meanwhile wait for the box, and land in its first field."""
        await self._app.push_screen(question, then)
        question.begin()

    def _do(self, key: str, deed: Awaitable[Event]) -> None:
        self._last_key = key
        self._app.run_worker(self._carry_out(deed))

    async def _carry_out(self, deed: Awaitable[Event]) -> None:
        self._tell(await deed)
