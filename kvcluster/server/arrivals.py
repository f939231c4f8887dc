"""Arrivals: calls that have begun, and whose message has not come.

A client sends a call and its message in one go. A stranger need not: a call is begun, and its
message comes a byte at a time, or never. Such a call stands outside every budget (budgets.py), for
nobody knows yet what it will ask, and its part of a message takes memory: 160 of them, with 15 MiB
sent of 16, took 2.4 GiB within two seconds.

So whoever is not done within a moment is *slow*, and only so many may be that (`slow_messages`).
One more, and a call is turned away: it did nothing, and its caller hears so. It is one of the
connection that has the most of them, and the oldest of these, so who begins calls by the hundred
turns away his own. A message that comes at once is never in anybody's way, however many others are
awaited, and none is waited for longer than `message_timeout_s`.

What is awaited can be no larger than a message may be, which gRPC sees to. A stream that has had
its message cannot be used to send more: what nobody reads is bounded by its window (listening.py).

A stream of calls (streamed.py) awaits its next message in the same way, for nobody can see whether
one that is silent has begun with 16 MiB. So it counts as slow when it is idle, and is ended in good
order when there are too many, or when it has been idle for long. Its caller opens another with his
next call, which costs him no more than a call of its own.

Rejected: reading a few messages at a time. Whoever is slow would hold up whoever is not.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kvcluster.config import Settings
from kvcluster.errors import BadRequest, KvError, NotReady, Overloaded, TooLate

_LOOKS = 2
"""After so many looks a call is slow. They are made by the event loop, which has then had time to
take what has come."""
_AT_ONCE = 100
"""So many are turned away at a look: it takes a third of a millisecond each."""


@dataclass(eq=False, slots=True)
class _Awaited:
    """A call whose message is awaited."""

    context: Any
    task: asyncio.Task[Any] | None
    begun_s: float
    looks: int = 0
    refusal: KvError | None = None

    def turn_away(self, refusal: KvError) -> None:
        """Wait for it no longer."""
        if self.task and not self.refusal:
            self.refusal = refusal
            self.task.cancel()


class Arrivals:
    """Awaits messages of calls, within bounds."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.slow_messages
        self._look_s = settings.slow_message_s / _LOOKS
        self._timeout_s = settings.message_timeout_s
        self._no_message_s = settings.no_message_s
        self._awaited: dict[_Awaited, None] = {}  # the oldest first
        self._timer: asyncio.TimerHandle | None = None
        self._left = False

    async def message(self, context: Any) -> bytes | None:
        """The next message of a call, as bytes; None if its caller has sent the last one.

        Raises Overloaded, or TooLate, if it does not come; NotReady if the node stops.
        """
        if self._left:
            raise _stopping()
        loop = asyncio.get_running_loop()
        awaited = _Awaited(context, asyncio.current_task(), loop.time())
        self._awaited[awaited] = None
        if self._timer is None:
            self._timer = loop.call_later(self._look_s, self._look)
        try:
            data: Any = await context.read()
        except asyncio.CancelledError:
            if awaited.refusal:
                raise awaited.refusal from None
            raise
        finally:
            del self._awaited[awaited]
        return data if isinstance(data, bytes) else None  # else it is gRPC's mark of the end

    async def only_message(self, context: Any) -> bytes:
        """The one message of a call. Raises BadRequest if there is none, and as `message` does."""
        data = await self.message(context)
        if data is None:
            await asyncio.sleep(self._no_message_s)
            raise BadRequest("the call ended without a message")
        return data

    def leave(self) -> None:
        """The node stops: nobody is waited for any more."""
        self._left = True
        for each in self._awaited:
            each.turn_away(_stopping())

    def _look(self) -> None:
        now_s = asyncio.get_running_loop().time()
        slow = []
        for each in self._awaited:
            each.looks += 1
            if now_s - each.begun_s > self._timeout_s:
                each.turn_away(TooLate(f"no message came within {self._timeout_s:g} s"))
            elif each.looks >= _LOOKS:
                slow.append(each)
        if len(slow) > self._most:
            why = (
                f"{self._most:,} calls whose messages are slow to come are waited for already, the"
                " most this node takes"
            )
            connections = [each.context.peer() for each in slow]
            for place in surplus(connections, self._most)[:_AT_ONCE]:
                slow[place].turn_away(Overloaded(why))
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._look_s, self._look) if self._awaited else None


def _stopping() -> NotReady:
    return NotReady("this node is stopping")


def surplus(connections: Sequence[str], most: int) -> list[int]:
    """Which of some calls are too many: places, given the connection of each, the oldest first.

    Each is the oldest of whoever has the most of those that are left.
    """
    lines: dict[str, deque[int]] = defaultdict(deque)
    for place, connection in enumerate(connections):
        lines[connection].append(place)
    longest = [(-len(line), line[0], line) for line in lines.values()]
    heapq.heapify(longest)
    places = []
    for _ in range(len(connections) - most):
        _, _, line = longest[0]
        places.append(line.popleft())
        if line:
            heapq.heapreplace(longest, (-len(line), line[0], line))
        else:
            heapq.heappop(longest)
    return places
