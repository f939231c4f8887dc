"""Using a server among fake peers: its clients' calls, and what makes it ask its peers.

`use` makes a call of each kind, `behind` and `many_differ` are answers that make it pull.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import grpc

from kvcluster.model.slots import SLOTS
from tests.edges.among_fakes import AmongFakes
from tests.edges.fake_peer import Answer, clock, version

from demo_pb2 import CompareResponse, Condition, GetRequest, PutRequest


def told(call: Callable[[str], Any], key: str) -> str:
    """Make a call: who served it, or the code that it was refused with."""
    try:
        return str(call(key).served_by)
    except grpc.RpcError as error:
        return str(error.code().name)


def use(lone: AmongFakes) -> None:
    """One of each operation, on a key that is here and on one that is not."""
    calls = (lambda key: lone.server.put(key, "v"), lone.server.get, lone.server.delete)
    here, elsewhere = lone.key(held=True, led=True), lone.key(held=False)
    put, got, deleted = (told(call, here) for call in calls)
    assert put == deleted == lone.server.name
    assert got in (lone.server.name, *lone.peers)  # another's, while the node is catching up
    assert {told(call, elsewhere) for call in calls} <= {*lone.peers, "INTERNAL", "UNAVAILABLE"}
    decide(lone)


def decide(lone: AmongFakes) -> None:
    """A read and a write by majority, which ask the peer; how they end depends on what it says."""
    key, stub = lone.key(held=True, led=True), lone.server.stub
    with contextlib.suppress(grpc.RpcError):
        stub.Get(GetRequest(key=key, linearizable=True), timeout=2)
    with contextlib.suppress(grpc.RpcError):
        stub.Put(PutRequest(key=key, value="v", condition=Condition(none=True)), timeout=2)


def behind(lone: AmongFakes) -> Answer:
    """A heartbeat that tells the server that it missed writes."""
    return lambda name, request: lone.script.health(name, missed_since=version(-1))


def many_differ(name: str, request: bytes) -> CompareResponse:
    """A peer that finds some slots different each time, of all that there are."""
    return CompareResponse(clock=clock(), different=range(0, SLOTS, 64))
