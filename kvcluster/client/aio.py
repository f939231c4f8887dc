"""AsyncClient: the cluster as a Python dictionary that is somewhere else, for programs on asyncio.

    async with AsyncClient("localhost:50051,localhost:50052") as client:
        await client.put("city", "Hà Nội")
        print(await client.get("city"))

Any node that answers will do; the others of its cluster become known by themselves. The client
stays with one node, and turns to another when that one fails, is silent, or stops. Calls that are
made while others are on their way travel together, so a thousand concurrent puts cost a few calls
and nobody has to ask for it; operations on one key keep the order in which they were begun, and one
that fails, fails alone (`dispatcher.py`).

Every call ends: with its answer, or with an error of a small family, at its timeout at the latest.
The family answers the one question that matters about a write: `NothingWritten` (`BadRequest`,
`Unavailable`, `ConditionFailed`) is certainly not done, `OutcomeUnknown` may have happened.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar, overload

from kvcluster.client.aio_changing import AsyncChanging
from kvcluster.client.aio_many import AsyncManyKeys
from kvcluster.client.answers import (
    Deleted,
    Held,
    Location,
    NodeStatus,
    Replica,
    Stored,
    Version,
    state_word,
)
from kvcluster.client.conditions import condition_given, failed, held, life_given
from kvcluster.client.pending import FOR_EVER, to_delete, to_put
from kvcluster.client.values import Given
from kvcluster.errors import BadRequest, as_told

T = TypeVar("T")
V = TypeVar("V")


class AsyncClient(AsyncChanging, AsyncManyKeys):
    """A client for programs on asyncio. It may be made anywhere, and is used in one event loop."""

    async def put(
        self,
        key: str,
        value: Given,
        *,
        ttl_s: float | None = None,
        expires_at: datetime | None = None,
        if_absent: bool = False,
        if_version: bytes | None = None,
        if_value: Given | None = None,
        keep_ttl: bool = False,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> Stored:
        """Store a value under a key, and return when it is on disk at every node that is counted.

        Text is stored as it is, bytes as a text that says what it is (`get_bytes`, `read`).

        `ttl_s`: the key expires so many seconds from now, from 1 to ten years; `expires_at`: at
        that time, with a time zone; without either never, also if it would have. `keep_ttl`: it
        expires when it would have.

        `if_absent`, `if_version`, `if_value`: only if the key is not there, or has this version
        (`read` and `put` give it), or this value; one of the three. It is judged and done in one
        step, and needs a majority of the replicas, where a put without needs one of them.

        Raises BadRequest, Unavailable: certainly not stored. ConditionFailed: the same, and it says
        what is there instead. OutcomeUnknown: perhaps stored; the node or the connection broke, or
        the time was over, while the put was on its way.

        `retry_unknown`: try again after such a failure, instead of raising OutcomeUnknown. It is
        not done by default, because the first try may have been carried out, and the second may
        then land over what another client has put in the meantime, and undo it. Allow it where
        only one client writes a key, or where all of them write the same. With a condition it is
        never done.
        """
        text, life = self._form.stored(value), life_given(ttl_s, expires_at)
        condition = condition_given(self._form.stored, if_absent, if_version, if_value)
        if keep_ttl:
            if if_absent or life != FOR_EVER:
                raise BadRequest("keep_ttl goes with neither ttl_s, expires_at nor if_absent")
            answer = await self._put_keeping(key, text, condition, timeout_s)
        else:
            make = partial(to_put, key, text, condition=condition, life=life)
            answer = await self._answer_to(make, timeout_s, retry_unknown)
        if answer.HasField("mismatch"):
            raise failed(answer.mismatch, self._form.value)
        version = Version(answer.version)
        return Stored(version, answer.replicas, answer.acknowledged, answer.served_by)

    @overload
    async def get(
        self, key: str, *, linearizable: bool = False, timeout_s: float | None = None
    ) -> str | None: ...

    @overload
    async def get(
        self, key: str, default: T, *, linearizable: bool = False, timeout_s: float | None = None
    ) -> str | T: ...

    async def get(
        self,
        key: str,
        default: T | None = None,
        *,
        linearizable: bool = False,
        timeout_s: float | None = None,
    ) -> str | T | None:
        """The text under a key, or `default` if there is no such key.

        Bytes come as the data URL (RFC 2397) that is stored for them: "data:;base64,iVBORw0...".

        `linearizable`: what a majority of the replicas holds. Nothing older is ever given so after
        that, whoever asks whichever node, and nothing that was given so is lost. It costs a round
        between the nodes; without it one replica answers, which may have missed the last writes.

        Raises BadRequest, Unavailable. A read that fails at one node is tried at another.
        """
        return await self._get(key, self._form.text, default, linearizable, timeout_s)

    @overload
    async def get_bytes(
        self, key: str, *, linearizable: bool = False, timeout_s: float | None = None
    ) -> bytes | None: ...

    @overload
    async def get_bytes(
        self, key: str, default: T, *, linearizable: bool = False, timeout_s: float | None = None
    ) -> bytes | T: ...

    async def get_bytes(
        self,
        key: str,
        default: T | None = None,
        *,
        linearizable: bool = False,
        timeout_s: float | None = None,
    ) -> bytes | T | None:
        """The bytes under a key, of a text those of its UTF-8; `default` if there is no such key.

        `linearizable`, and what it raises: as with `get`.
        """
        return await self._get(key, self._form.bytes, default, linearizable, timeout_s)

    @overload
    async def read(
        self, key: str, *, linearizable: bool = False, timeout_s: float | None = None
    ) -> Held | None: ...

    @overload
    async def read(
        self, key: str, default: T, *, linearizable: bool = False, timeout_s: float | None = None
    ) -> Held | T: ...

    async def read(
        self,
        key: str,
        default: T | None = None,
        *,
        linearizable: bool = False,
        timeout_s: float | None = None,
    ) -> Held | T | None:
        """What is under a key: `.value` as it was put, text or bytes, `.version` for conditions,
        `.expires_at` in UTC, None if it never does; `default` if there is no such key.

        `linearizable`, and what it raises: as with `get`.
        """
        there = await self._look(key, linearizable, timeout_s)
        return held(there, self._form.value) if there.found else default

    async def exists(
        self, key: str, *, linearizable: bool = False, timeout_s: float | None = None
    ) -> bool:
        """Whether there is such a key. `linearizable`, and what it raises: as with `get`."""
        return await self._get(key, lambda _: True, False, linearizable, timeout_s)

    async def delete(
        self,
        key: str,
        *,
        if_version: bytes | None = None,
        if_value: Given | None = None,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> Deleted:
        """Remove a key. One that is not there is no error; the answer says so.

        With a condition, as with `put`, it must be there. Raises and retries as `put` does.
        """
        condition = condition_given(self._form.stored, False, if_version, if_value)
        make = partial(to_delete, key, condition=condition)
        answer = await self._answer_to(make, timeout_s, retry_unknown)
        if answer.HasField("mismatch"):
            raise failed(answer.mismatch, self._form.value)
        version = Version(answer.version)
        return Deleted(
            answer.found, version, answer.replicas, answer.acknowledged, answer.served_by
        )

    async def locate(self, key: str, *, timeout_s: float | None = None) -> Location:
        """Where a key lives, whether it is there or not: its slot, its primary, its replicas.

        Raises as `get` does.
        """
        answer = await self._session.where(key, timeout_s)
        replicas = [Replica(it.node, state_word(it.state), it.lagging) for it in answer.replicas]
        return Location(answer.slot, tuple(replicas), answer.node, as_told(answer.engine))

    async def status(self, *, timeout_s: float | None = None) -> tuple[NodeStatus, ...]:
        """How every node of the cluster is, by its own account, in the order of their addresses.

        All are asked at once, those that only other nodes name included. One that does not answer
        in time is told as such; it is no error.
        """
        return await self._session.status(timeout_s)

    async def _get(
        self,
        key: str,
        form: Callable[[str], V],
        default: T,
        linearizable: bool,
        timeout_s: float | None,
    ) -> V | T:
        answer = await self._look(key, linearizable, timeout_s)
        return form(answer.value) if answer.found else default
