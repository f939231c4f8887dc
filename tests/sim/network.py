"""The network: hands bytes over after a while, or twice, or late, or never.

A message is drawn its fate when it leaves: how long it takes (so messages overtake each other),
whether it gets lost, whether it arrives again, a moment or half a minute later. Requests of peers
may be repeated, since nothing but the network decides how often they come; what a client asks, and
what is forwarded for one, is not: a store cannot tell a repeated Put from a second one.

A call whose way is cut, lost, or leads to a frozen process is silence for the caller, who gives up
at its own deadline. The callee hears of that too, where it can: as gRPC does, a request that was
given up before its handler began mostly never begins, and one that runs is cancelled.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import xxhash

from kvcluster.errors import (
    KvError,
    PeerBroke,
    PeerRejected,
    PeerSilent,
    PeerUnconnected,
    PeerUnreachable,
)
from kvcluster.storage.block import Block
from tests.sim.calls import Call, Handle, Process
from tests.sim.connections import Connections
from tests.sim.cuts import Cuts
from tests.sim.loop import SimLoop, current_life
from tests.sim.weather import Weather
from tests.storage.virtual_loop import in_time

from demo_pb2 import Entry, ReplicateRequest

if TYPE_CHECKING:
    from tests.sim.secrecy import Secrecy

T = TypeVar("T")

_SENT_AGAIN_S = (0.05, 1.0)
"""What a machine does not hear that sleeps is sent again, ever later, as TCP does."""
_OF_CLIENTS = frozenset({"put", "delete", "get", "batch", "put_many", "scan"})
_ONCE = _OF_CLIENTS | {"forward"}
_BRINGING = frozenset({"replicate", "hold"})
"""Requests by which a node has entries stored elsewhere."""
_BEGINS_ALL_THE_SAME = 0.5
"""How often a request begins though its caller has given up already (measured: 3 to 11 of 500
calls that waited for a frozen process; more here, to see what it does)."""


def entries_in(request: Any) -> Sequence[Entry]:
    """The entries that a request brings, be they in a block."""
    if isinstance(request, ReplicateRequest) and request.HasField("block"):
        return Block.of(request.block)
    entries: Sequence[Entry] = request.entries
    return entries


class Network:
    """Carries calls between named processes."""

    def __init__(self, loop: SimLoop, rng: random.Random, weather: Weather) -> None:
        self._loop = loop
        self._rng = rng
        self.weather = weather
        self.processes: dict[str, Process] = {}
        self.members: tuple[str, ...] = ()
        self.cuts = Cuts(loop, self._delay_s)
        self.hash = xxhash.xxh3_64()
        """Of every message with its time: two runs of one seed must agree."""
        self.asking: list[Callable[[str, str, str, Any], None]] = []
        """Called when a request leaves: caller, callee, method, request."""
        self.answering: list[Callable[[str, str, str, Any, Any], None]] = []
        """Called when an answer leaves, but no refusal: callee, caller, method, both messages."""
        self.refusing: list[Callable[[str, str, str, Exception], None]] = []
        """Called when a refusal leaves: callee, caller, method, why."""
        self.failing: list[Callable[[Exception], None]] = []
        """Called when a request ends in an error that is no answer."""
        self._bringing: dict[Call, None] = {}
        """Requests on their way that bring entries, those that wait at a cut included."""
        self.messages = 0
        self.connections = Connections(rng, self._broke)
        self.secrecy: Secrecy | None = None
        """Where nodes have a secret: what makes their proofs, and looks at them."""

    async def call(
        self,
        caller: str,
        callee: str,
        method: str,
        request: Any,
        handle: Handle,
        timeout_s: float,
    ) -> Any:
        """One call. Raises PeerUnavailable of the fitting kind."""
        life = current_life()
        if life is not None and life.ended:
            await asyncio.Event().wait()
        answer: asyncio.Future[Any] = self._loop.create_future()
        data = request.SerializeToString()
        parse = type(request).FromString
        call = Call(caller, callee, method, data, parse, handle, answer, self._loop.now_s)
        for listener in self.asking:
            listener(caller, callee, method, request)
        self._send(call)
        try:
            with self.connections.carrying(call):
                understand, response = await in_time(answer, timeout_s)
        except asyncio.TimeoutError:
            raise PeerSilent("no answer in time") from None
        finally:
            if not answer.done() or answer.cancelled():
                self._loop.later(self._delay_s(call), self._give_up, call)
        return understand(response)

    def reset(self, process: Process, *, tell: bool) -> None:
        """A process is gone: who waits for it is told (a connection reset), or not (no power)."""
        for call in list(process.calls):
            if tell:
                self._loop.later(self._delay_s(call), call.fail, PeerBroke("connection reset"))
        process.calls.clear()

    def _broke(self, call: Call) -> None:
        """The connection of a call broke: both ends will know."""
        self._loop.later(self._delay_s(call), call.fail, PeerBroke("connection reset"))
        self._loop.later(self._delay_s(call), self._give_up, call)

    def _send(self, call: Call) -> None:
        weather, rng = self.weather, self._rng
        self._proved(call)
        self._count(call.caller, call.callee, call.method.encode() + call.request)
        if not self.connections.comes_about(call):
            failure = PeerUnconnected("connection reset in its handshake")
            self._loop.later(2 * self._delay_s(call), call.fail, failure)
            return
        if not self._is_lost():
            self._leave(self._delay_s(call), call)
        if call.method in _ONCE:
            return
        if weather.repeat and rng.random() < weather.repeat:
            self._leave(2 * self._delay_s(call), self._proved(call.again()))
        if weather.capture and rng.random() < weather.capture:
            self._leave(rng.uniform(*weather.capture_s), self._proved(call.again()))

    def _proved(self, call: Call) -> Call:
        """A message of a member has a proof; one that is sent again, one of its own."""
        if self.secrecy and call.caller in self.members:
            call.proof = self.secrecy.prove(call)
        return call

    def _leave(self, delay_s: float, call: Call) -> None:
        if call.method in _BRINGING:
            self._bringing[call] = None
        self._loop.later(delay_s, self._arrive, call)

    def on_their_way(self, within_s: float) -> Iterator[tuple[str, Sequence[Entry]]]:
        """What was sent within the last seconds and is not there: who gets it, and the entries."""
        oldest_s = self._loop.now_s - within_s
        for call in self._bringing:
            if call.sent_s >= oldest_s:
                yield call.callee, entries_in(call.parse(call.request))

    def _arrive(self, call: Call) -> None:
        """A request is there."""
        if self.cuts.stop((call.caller, call.callee), lambda: self._arrive(call)):
            return
        if call.lost:
            self._bringing.pop(call, None)
            return
        process = self.processes.get(call.callee)
        if process and process.life.is_deaf(self._loop.now_s) and not call.given_up:
            self._loop.later(self._rng.uniform(*_SENT_AGAIN_S), self._arrive, call)
            return
        self._bringing.pop(call, None)
        if call.given_up and process and process.life.is_deaf(self._loop.now_s):
            return
        if process is None:
            refusal = PeerUnreachable("connection refused")
            self._loop.later(self._delay_s(call), call.fail, refusal)
            return
        process.calls[call] = None
        process.life.run(self._serve(process, call))

    async def _serve(self, process: Process, call: Call) -> None:
        """In the callee's life: carry a request out and send the answer."""
        try:
            if call.given_up and self._rng.random() > _BEGINS_ALL_THE_SAME:
                return
            call.running = asyncio.current_task()
            if call.running and call.given_up:
                self._loop.call_soon(call.running.cancel)
            if call.proof and self.secrecy:
                self.secrecy.check(process, call)
            request = call.parse(call.request)
            response = await call.handle(process.node, request)
            if not process.life.ended:
                for listener in self.answering:
                    listener(call.callee, call.caller, call.method, request, response)
            data: bytes = response.SerializeToString()
            self._answer(process, call, (type(response).FromString, data))
        except KvError as error:
            for told in self.refusing:
                told(call.callee, call.caller, call.method, error)
            self._answer(process, call, PeerRejected(error))
        except Exception as error:
            for failed in self.failing:
                failed(error)
        finally:
            process.calls.pop(call, None)

    def _answer(self, process: Process, call: Call, answer: Any) -> None:
        if process.life.ended:
            return
        text = str(answer).encode() if isinstance(answer, Exception) else answer[1]
        self._count(call.callee, call.caller, text)
        settle = call.fail if isinstance(answer, Exception) else call.succeed
        if self.cuts.stop((call.callee, call.caller), lambda: settle(answer)):
            return
        if not self._is_lost():
            self._loop.later(self._delay_s(call), settle, answer)

    def _give_up(self, call: Call) -> None:
        """The callee hears that nobody waits any more."""
        if self.cuts.stop((call.caller, call.callee), lambda: self._give_up(call)):
            return
        process = self.processes.get(call.callee)
        if process and process.life.is_deaf(self._loop.now_s) and call in process.calls:
            return  # what slept with its machine hears no farewell, not even later
        call.given_up = True
        if call.running is not None:
            call.running.cancel()

    def _is_lost(self) -> bool:
        return bool(self.weather.lose) and self._rng.random() < self.weather.lose

    def _delay_s(self, call: Call | None = None) -> float:
        weather = self.weather
        near = call is not None and call.method in _OF_CLIENTS
        delay_s = self._rng.uniform(*(weather.near_s if near else weather.delay_s))
        if weather.straggle and self._rng.random() < weather.straggle:
            delay_s += self._rng.uniform(0, weather.straggle_s)
        return delay_s

    def _count(self, sender: str, receiver: str, data: bytes) -> None:
        self.messages += 1
        self.hash.update(f"{self._loop.now_s:.9f} {sender} {receiver} ".encode())
        self.hash.update(data)
