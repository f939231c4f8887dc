"""Nodes: the channels to them, and the search for one that can be asked.

What gRPC does by itself is left to it: connecting and connecting again, deadlines, and the pings by
which a connection to a frozen or cut off machine is given up after two and a half seconds. Which
node is asked is decided by the roster; here it is carried out.

A knock at one node is made once at a time, however many want to know.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

import grpc

from kvcluster.client.replies import refusal_in
from kvcluster.client.roster import Roster
from kvcluster.config import Settings

from demo_pb2 import HealthCheckRequest, HealthCheckResponse, ScanRequest
from demo_pb2_grpc import KeyValueStub

_KNOCK_TIMEOUT_S = 1.0
"""How long a node may take to say how it is."""


_LAST_KNOCKS_S = 0.1
"""How long the last knocks may take to end by themselves when a client is closed."""
_ECHO_S = 0.02
"""How long gRPC may take to hear that a call was cancelled."""


class Nodes:
    """The nodes of one cluster. Make it inside the event loop in which it is used."""

    def __init__(self, seeds: Sequence[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._roster = Roster(seeds)
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._stubs: dict[str, Any] = {}  # generated without types
        self._knocks: dict[str, asyncio.Task[int]] = {}
        self._echoes = False
        """Whether a call was cancelled of which gRPC has still something to report."""

    @property
    def reasons(self) -> dict[str, str]:
        """Why nodes were of no use, by address; for sentences."""
        return self._roster.reasons

    def at_hand(self, avoid: Collection[str]) -> str | None:
        """The node to ask, if there is one that needs no search."""
        return self._roster.current(avoid, self._loop.time())

    async def find(self, avoid: Collection[str]) -> str | None:
        """Search for a node to ask, as long as it takes; None: only those to be avoided are left.

        Whoever calls limits the time.
        """
        while True:
            if node := self.at_hand(avoid):
                return node
            if doubtful := self._roster.doubtful(avoid, self._loop.time()):
                await asyncio.wait({self._knock(doubtful)})
                continue  # now it is at hand, or it is no candidate, or others are looked at, too
            candidates = self._roster.candidates(avoid, self._loop.time())
            if candidates and (node := await self._race(candidates)):
                return node
            if avoid:
                return None
            await asyncio.sleep(self._roster.next_rest_ends_s() - self._loop.time())

    async def find_within(self, timeout_s: float, avoid: Collection[str]) -> str | None:
        """As `find`; raises TimeoutError of asyncio.

        Not by `asyncio.wait_for`: before Python 3.12 that may lose the cancellation of its caller.
        """
        search = self._loop.create_task(self.find(avoid))
        try:
            await asyncio.wait({search}, timeout=max(0.0, timeout_s))
            if not search.done():
                raise asyncio.TimeoutError
            return search.result()
        finally:
            search.cancel()

    async def ask(self, node: str, request: Any, timeout_s: float) -> object:
        """The answer of a node to a Put, Get, Delete or Batch; None if it cannot be read.

        Raises AioRpcError.
        """
        name = type(request).__name__.removesuffix("Request")
        answer: object = await getattr(self._stub(node), name)(request, timeout=timeout_s)
        self.answered(node)
        return answer

    def scan(self, node: str, request: ScanRequest, timeout_s: float) -> Any:
        """The call in which a node streams its answer to a Scan; `end_scan` ends it."""
        return self._stub(node).Scan(request, timeout=timeout_s)

    def end_scan(self, call: Any) -> None:
        """Cancel such a call, unless it has come to its end."""
        self._echoes |= call.cancel()

    def answered(self, node: str) -> None:
        """A node gave a sign of life."""
        self._roster.answered(node, self._loop.time())

    def answered_s(self, node: str) -> float:
        """When a node last answered anything, by the event loop's clock."""
        return self._roster.answered_s(node)

    def failed(self, node: str, reason: str) -> None:
        """A node did not answer, or refuses whatever it is asked: it gets a rest."""
        self._roster.failed(node, reason, self._loop.time(), random.random())

    def leave(self, node: str) -> None:
        """Search again before asking this one, or another."""
        self._roster.leave(node)

    async def close(self) -> None:
        """End every connection. Nothing but knocks may be on its way any more."""
        if self._knocks:
            await asyncio.wait(self._knocks.values(), timeout=_LAST_KNOCKS_S)
        await stop_quietly(list(self._knocks.values()))
        if self._echoes:
            await asyncio.sleep(_ECHO_S)
        for channel in self._channels.values():
            await channel.close()

    async def _race(self, candidates: Sequence[str]) -> str | None:
        """Knock at all; the first that serves, else the one that is nearest to it, else None."""
        # Who is knocked at first tends to win, so each client draws an order of its own.
        order = random.sample(candidates, len(candidates))
        racing = {self._knock(address): address for address in order}
        ranks: dict[str, int] = {}
        while racing and 0 not in ranks.values():
            done, _ = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
            ranks |= {racing.pop(knock): knock.result() for knock in done}
        useful = [address for address, rank in ranks.items() if rank >= 0]
        if not useful:
            return None
        best = min(useful, key=ranks.__getitem__)
        self._roster.stay_with(best, ranks[best], self._loop.time())
        return best

    def _knock(self, address: str) -> asyncio.Task[int]:
        knock = self._knocks.get(address)
        if knock is None:
            knock = self._knocks[address] = self._loop.create_task(self._rank_of(address))
            knock.add_done_callback(lambda _: self._knocks.pop(address))
        return knock

    async def _rank_of(self, address: str) -> int:
        """How good a node is for work, by its own account; negative: not at all."""
        reason = "its answer cannot be read"
        try:
            question = self._stub(address).CheckHealth(
                HealthCheckRequest(), timeout=_KNOCK_TIMEOUT_S
            )
            health = await question
        except grpc.aio.AioRpcError as error:
            health, reason = None, refusal_in(error, _KNOCK_TIMEOUT_S).reason
        if not isinstance(health, HealthCheckResponse):
            self.failed(address, reason)
            return -1
        return self._roster.heard(address, health, self._loop.time(), random.random())

    def _stub(self, address: str) -> Any:
        if address not in self._stubs:
            channel = grpc.aio.insecure_channel(address, channel_options())
            self._channels[address] = channel
            self._stubs[address] = KeyValueStub(_Parsing(channel))
        return self._stubs[address]


async def stop_quietly(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks that wait for calls, and return when gRPC knows, too.

    Its threads report the end of a cancelled call to the event loop a moment later. If the loop is
    closed by then, they write a traceback into the log of any other loop of the program.
    """
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(_ECHO_S)


def channel_options() -> list[tuple[str, int]]:
    """Options for a channel to a node, where gRPC's own defaults are wrong for a store."""
    settings = Settings()
    return [
        ("grpc.enable_http_proxy", 0),  # http_proxy in the environment is not meant for us
        ("grpc.use_local_subchannel_pool", 1),  # share no connection and no backoff
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", int(settings.reconnect_backoff_s * 1000)),
        ("grpc.dns_min_time_between_resolutions_ms", int(settings.lookup_interval_s * 1000)),
        # A connection that says nothing for a second is pinged, and given up soon after.
        ("grpc.keepalive_time_ms", int(settings.ping_interval_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(settings.ping_timeout_s * 1000)),
        ("grpc.http2.ping_timeout_ms", int(settings.ping_timeout_s * 1000)),
        ("grpc.http2.max_pings_without_data", 0),  # no limit to them
        # How large a value may be is a setting of the nodes; what they take is taken here.
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
    ]


class _Parsing:
    """Stands between the stub and its channel: what cannot be parsed is None, without a traceback.

    gRPC would write one into the log of the program that uses this library.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def unary_unary(self, method: str, *, response_deserializer: Any, **more: Any) -> Any:
        """What the stub makes a method of."""
        parse = _or_none(response_deserializer)
        return self._channel.unary_unary(method, response_deserializer=parse, **more)

    def unary_stream(self, method: str, *, response_deserializer: Any, **more: Any) -> Any:
        """The same for streams."""
        parse = _or_none(response_deserializer)
        return self._channel.unary_stream(method, response_deserializer=parse, **more)


def _or_none(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def parse_or_none(data: bytes) -> Any:
        try:
            return parse(data)
        except Exception:  # protobuf's own error type differs between its versions
            return None

    return parse_or_none
