"""Changing: what takes a look first, and then a write on the condition that nothing came between.

`update`, `touch`, `persist`, and a put that keeps the expiry are one loop (`_change`). It reads,
decides what to write, and writes it if the key is still as it was read. If it is not, the loop
begins anew, after a moment that is drawn by chance. A plain look will do, at one replica: at worst
it is old, and the condition says so.

The node also says what is there instead, and it would save a look to go on with that. It was tried:
after the moment it is old, so who has just won, and has the news first, wins again. Of 64 clients
that counted on one key 42 got nothing done within their timeouts; looking again, all did.

Two things end the loop early. **An unknown outcome is raised, and never tried again**: the write
may have happened, and a second one would be done twice. And where nothing is to be written (the key
to be touched is not there) a plain look does not do for an answer, so a linearizable one is taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from kvcluster.client.ahead import Guess
from kvcluster.client.answers import Held, Version, moment
from kvcluster.client.conditions import There, holds, life_given, unchanged
from kvcluster.client.face import AsyncFace
from kvcluster.client.pending import FOR_EVER, Lifespan, to_delete, to_get, to_put
from kvcluster.client.session import Make
from kvcluster.client.values import Given
from kvcluster.errors import BadRequest, Unavailable

from demo_pb2 import Condition, GetResponse, Mismatch, PutResponse

_LEAST_S = 0.001

Answer = Any
"""What a node says to a put or a delete that was carried out."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What is to be under a key instead of what is there."""

    text: str | None
    """As it is stored; None: nothing."""
    life: Lifespan = FOR_EVER


def lives_on(there: There) -> Lifespan:
    """That what is there now expires when it would have."""
    return Lifespan(expires_ms=there.expires_ms)


class AsyncChanging(AsyncFace):
    """The part of AsyncClient that changes a key in one step, whoever else does."""

    async def update(
        self,
        key: str,
        function: Callable[[str | bytes | None], Given | None],
        *,
        ttl_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Held | None:
        """Change what is under a key by a function of it, in one step; what is there afterwards.

            client.update("hits", lambda old: str(int(old or 0) + 1))

        The function is given what is there, text or bytes as `read` gives it, None if there is no
        such key; what it returns is put. None: the key is deleted. It is called again whenever
        somebody else changed the key in between, so it should only compute. A key that expires
        does so when it would have, unless `ttl_s` gives it another time, in seconds from now.

        Raises OutcomeUnknown: the change may have happened, and was **not** tried again, since it
        could then happen twice; Unavailable, certainly not changed, also where others were first
        until the timeout; BadRequest; and whatever the function raises.
        """
        life = life_given(ttl_s)

        def revise(there: There) -> Revision | None:
            new = function(self._form.value(there.value) if there.found else None)
            if new is None:
                return Revision(None) if there.found else None
            return Revision(self._form.stored(new), life if ttl_s else lives_on(there))

        there, revision, answer = await self._change(key, revise, timeout_s, chained=True)
        if revision is None or revision.text is None:
            return None
        expires_ms = life.ttl_ms and round(time.time() * 1000) + life.ttl_ms
        expires_at = moment(expires_ms or there.expires_ms)
        return Held(self._form.value(revision.text), Version(answer.version), expires_at)

    async def touch(self, key: str, ttl_s: float, *, timeout_s: float | None = None) -> bool:
        """Let a key live for so many seconds from now on; whether it is there.

        It is a write on the condition that nobody else wrote the key meanwhile: the value stays,
        its version is a new one. 1 second to 10 years. Raises as `update` does.
        """
        life = life_given(ttl_s)
        if life == FOR_EVER:
            raise BadRequest("touch wants a time to live; persist takes it away")

        def revise(there: There) -> Revision | None:
            return Revision(there.value, life) if there.found else None

        there, _, _ = await self._change(key, revise, timeout_s)
        return there.found

    async def persist(self, key: str, *, timeout_s: float | None = None) -> bool:
        """Let a key never expire; whether it is there. Nothing is written if it never would.

        Raises as `update` does.
        """

        def revise(there: There) -> Revision | None:
            return Revision(there.value) if there.found and there.expires_ms else None

        there, _, _ = await self._change(key, revise, timeout_s)
        return there.found

    async def ttl(
        self, key: str, *, linearizable: bool = False, timeout_s: float | None = None
    ) -> float | None:
        """How many seconds a key has left to live; `math.inf` if it never expires.

        None: there is no such key. It is told by the clock of this machine, which may differ from
        the one by which the nodes let it expire. Raises as `get` does.
        """
        answer = await self._look(key, linearizable, timeout_s)
        if not answer.found:
            return None
        if not answer.expires_ms:
            return math.inf
        return max(0.0, answer.expires_ms / 1000 - time.time())

    async def _look(self, key: str, linearizable: bool, timeout_s: float | None) -> GetResponse:
        """What a node answers to a get."""
        make = partial(to_get, key, linearizable=linearizable)
        answer: GetResponse = await self._answer_to(make, timeout_s)
        return answer

    async def _put_keeping(
        self, key: str, text: str, condition: Condition | None, timeout_s: float | None
    ) -> Answer:
        """What a node answers to a put after which a key expires when it would have before it."""

        def revise(there: There) -> Revision | None:
            if not holds(condition, there):
                return None
            return Revision(text, lives_on(there))

        there, _, answer = await self._change(key, revise, timeout_s)
        if answer is not None:
            return answer
        mismatch = Mismatch(
            found=there.found,
            value=there.value,
            version=there.version,
            expires_ms=there.expires_ms,
        )
        return PutResponse(mismatch=mismatch)

    async def _change(
        self,
        key: str,
        revise: Callable[[There], Revision | None],
        timeout_s: float | None,
        *,
        chained: bool = False,
    ) -> tuple[There, Revision | None, Answer]:
        """Put in place of what is there what `revise` makes of it, if nothing comes between.

        What was there, what took its place (None: nothing was to be written, which is certain), and
        the answer to that. `chained`: it may be based on what others of this client are about to
        put (`ahead.py`). Raises what `revise` raises.
        """
        within_s = self._within_s(timeout_s)
        ends_s = self._now_s() + within_s
        certain, failures = False, 0
        while (left_s := ends_s - self._now_s()) >= _LEAST_S:
            guesses = chained and not certain
            there: There | None = self._ahead.last(key) if guesses else None
            there = there or await self._look_again(key, certain, left_s, failures)
            if there is None:
                break
            if guesses:
                there = self._ahead.last(key) or there  # others set out meanwhile
            revision = _revised(revise, there)
            if revision is None and certain:
                return there, None, None
            certain = revision is None
            if revision is None:
                continue
            left_s = max(_LEAST_S, ends_s - self._now_s())
            answer = await self._written(key, revision, there, left_s, chained)
            if not answer.HasField("mismatch"):
                return there, revision, answer
            failures += 1
            await self._give_way(failures)
        raise _outrun(failures, within_s)

    async def _look_again(
        self, key: str, linearizable: bool, left_s: float, failures: int
    ) -> There | None:
        """What is there; None: time is over, and others were first until then."""
        ends_s = self._now_s() + left_s
        try:
            return await self._look(key, linearizable, left_s)
        except Unavailable:
            if failures and self._now_s() > ends_s - _LEAST_S:
                return None
            raise

    async def _written(
        self, key: str, revision: Revision, there: There, left_s: float, chained: bool
    ) -> Answer:
        """What a node answers to a revision of what is there."""
        make = _write(key, revision, there)
        if not chained or revision.text is None or revision.life != FOR_EVER:
            return await self._answer_to(make, left_s, False)
        guess = self._ahead.begin(key, revision.text)
        try:
            return await self._answer_to(make, left_s, False)
        finally:
            self._ahead.end(key, guess)


def _revised(revise: Callable[[There], Revision | None], there: There) -> Revision | None:
    """What `revise` makes of it. What it raises of a mere guess does not count."""
    try:
        return revise(there)
    except Exception:
        if isinstance(there, Guess):
            return None
        raise


def _write(key: str, revision: Revision, there: There) -> Make:
    """Makes the operation that revises a key, if it is still as it was."""
    condition = unchanged(there)
    if revision.text is None:
        return partial(to_delete, key, condition=condition)
    return partial(to_put, key, revision.text, condition=condition, life=revision.life)


def _outrun(failures: int, within_s: float) -> Unavailable:
    times = "once" if failures == 1 else f"{failures:,} times"
    return Unavailable(
        f"others changed the key first, {times} within {within_s:g} s; nothing was written"
    )
