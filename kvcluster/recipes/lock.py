"""A lock: a key that is put where none is, with the name of who holds it, and that expires.

Its value is a token that nobody else has. So it is let go of, and renewed, on the condition that
the token is still there; who comes late touches nothing of its successor's. And where nobody knows
whether a put has happened, a linearizable read of the token tells. It is never simply put again: it
is put *if there is none*, and a token that is there then is our own from before.

How long it is ours is counted from before the question was sent, by this machine's own clock. The
nodes count from later on, and give the key to nobody else for two seconds after it has expired.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from types import TracebackType
from typing import Generic, TypeVar

from kvcluster import (
    AsyncClient,
    Client,
    ConditionFailed,
    Held,
    OutcomeUnknown,
    Stored,
    Unavailable,
    Version,
)
from kvcluster.recipes.course import Course, awaited, carried_out, rest

_FIRST_REST_S = 0.05
_LONGEST_REST_S = 1.0

C = TypeVar("C", Client, AsyncClient)
A = TypeVar("A", bound="AsyncLock")
L = TypeVar("L", bound="Lock")


class LockSteps(Generic[C]):
    """What a lock does, for both clients."""

    def __init__(
        self, client: C, key: str, *, ttl_s: float = 30.0, owner: str | None = None
    ) -> None:
        """`ttl_s`: so long it is held if nobody renews it, 1 second to 10 years. `owner`: what
        stands under the key; nobody else may use the same. None: a name that nobody else has.
        """
        self.key = key
        self.ttl_s = ttl_s
        self.owner = owner or f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
        self.fence: Version | None = None
        """The version of the lock since it is ours; None: it is not. It grows with each holder."""
        self._client: C = client
        self._until_s = float("-inf")

    def __repr__(self) -> str:
        held = f", held for {self.left_s:.1f} s more" if self.held else ""
        return f"<{type(self).__name__}({self.key!r}, ttl_s={self.ttl_s:g}){held}>"

    @property
    def left_s(self) -> float:
        """For how many seconds it is certainly ours, by this machine's clock; 0: it is not."""
        return 0.0 if self.fence is None else max(0.0, self._until_s - time.monotonic())

    @property
    def held(self) -> bool:
        """Whether it is certainly ours now, by this machine's clock. It asks nobody."""
        return self.left_s > 0

    def _acquiring(self, timeout_s: float | None) -> Course[bool]:
        ends_s = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        perhaps_since_s: float | None = None
        failures = 0
        while True:
            begun_s = time.monotonic()
            found: Version | None = None
            try:
                stored: Stored = yield lambda it: it.put(
                    self.key, self.owner, if_absent=True, ttl_s=self.ttl_s
                )
                return self._is_ours(stored.version, begun_s)
            except OutcomeUnknown:
                perhaps_since_s = perhaps_since_s or begun_s
                there: Held | None = yield lambda it: it.read(self.key, linearizable=True)
                if there is not None and there.value == self.owner:
                    found = there.version
            except ConditionFailed as failure:
                if perhaps_since_s is not None and failure.value == self.owner:
                    found = Version(failure.version)
            if found is not None and perhaps_since_s is not None:
                self._is_ours(found, perhaps_since_s)
                if (yield from self._made_sure()):
                    return True
            pause = rest(failures, _FIRST_REST_S, _LONGEST_REST_S)
            failures += 1
            if time.monotonic() + pause.seconds > ends_s:
                if perhaps_since_s is not None:
                    yield from self._letting_go()
                return False
            yield pause

    def _is_ours(self, version: Version, begun_s: float) -> bool:
        self.fence, self._until_s = version, begun_s + self.ttl_s
        return True

    def _made_sure(self) -> Course[bool]:
        """Whether it is ours still, after time has gone by until that was known."""
        try:
            return (yield from self._renewing())
        except OutcomeUnknown:
            return self.held

    def _letting_go(self) -> Course[None]:
        """A put of ours may still happen: take it away if it has. If it comes later, it expires."""
        with contextlib.suppress(ConditionFailed, OutcomeUnknown, Unavailable):
            yield lambda it: it.delete(self.key, if_value=self.owner)

    def _renewing(self) -> Course[bool]:
        if self.fence is None:
            return False
        begun_s = time.monotonic()
        try:
            yield lambda it: it.put(self.key, self.owner, if_value=self.owner, ttl_s=self.ttl_s)
        except ConditionFailed:
            self.fence = None
            return False
        self._until_s = begun_s + self.ttl_s
        return True

    def _releasing(self) -> Course[bool]:
        if self.fence is None:
            return False
        was_ours = self.held
        while True:
            try:
                yield lambda it: it.delete(self.key, if_value=self.owner)
                break
            except ConditionFailed:
                was_ours = False
                break
            except OutcomeUnknown:
                there: Held | None = yield lambda it: it.read(self.key, linearizable=True)
                if there is None or there.value != self.owner:
                    break  # nobody else could have taken it before its time was over
        self.fence = None
        return was_ours


class Lock(LockSteps[Client]):
    """A lock that everybody who uses the cluster can see.

        with Lock(client, "lock/report") as lock:
            write_report(fence=lock.fence)

    It is held until it is released, or `ttl_s` seconds after it was acquired or renewed, whatever
    comes first; it is not renewed by itself. Make one for each thread that wants it.

    **A lock without a fence protects nothing.** Its holder may be stopped for a minute, by a full
    machine or a closed lid, and go on as if it still had it, while somebody else does. So what is
    to be protected must refuse who comes late: hand `fence` along with each change, and refuse one
    that is smaller than the largest that was seen. Where the thing to be protected is a key of
    this cluster, a condition (`if_version`) does it by itself, and no lock is needed.
    """

    def acquire(self, timeout_s: float | None = None) -> bool:
        """Wait until it is ours, at most so many seconds; whether it is.

        None: as long as it takes. 0: one try. Each try may take as long as a call of the client.
        Raises Unavailable and OutcomeUnknown where the cluster cannot be asked; a put that was on
        its way then may still happen, and expires.
        """
        return carried_out(self._client, self._acquiring(timeout_s))

    def renew(self) -> bool:
        """Hold it for `ttl_s` seconds from now; False: it is not ours any more.

        Raises Unavailable and OutcomeUnknown: then it is ours as long as it was before, at least,
        and to try again does no harm.
        """
        return carried_out(self._client, self._renewing())

    def release(self) -> bool:
        """Let go of it; whether it was still ours.

        Raises Unavailable where the cluster cannot be asked; then it expires.
        """
        return carried_out(self._client, self._releasing())

    def __enter__(self: L) -> L:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class AsyncLock(LockSteps[AsyncClient]):
    """The same as `Lock` for programs on asyncio. All that is said there holds here."""

    async def acquire(self, timeout_s: float | None = None) -> bool:
        """See Lock."""
        return await awaited(self._client, self._acquiring(timeout_s))

    async def renew(self) -> bool:
        """See Lock."""
        return await awaited(self._client, self._renewing())

    async def release(self) -> bool:
        """See Lock."""
        return await awaited(self._client, self._releasing())

    async def __aenter__(self: A) -> A:
        await self.acquire()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.release()
