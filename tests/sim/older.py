"""Lives of an older version: nodes that know of no columns, in the middle of others that do.

A node is brought up to date, or taken back, with each of its starts. One that is older ignores the
block in a Replicate, as protobuf does with every field that it does not know, and answers as if
there had been none; a peer that takes that for "stored" acknowledges what nobody has. It has no
PutMany. It reads the journals of all versions here; that an older one refuses them is tested in
tests/storage.
"""

from __future__ import annotations

from typing import Any

from kvcluster.errors import NotReady
from kvcluster.node import Node
from tests.sim.world import World

from demo_pb2 import Heartbeat, ReplicateRequest, ReplicateResponse

_OF_EACH = 4
"""One life of so many is older."""


UNKNOWN_METHOD = "there is no such method"
"""Why a call is refused that the real gRPC refuses with UNIMPLEMENTED."""


class Older:
    """Makes some of the lives older."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.opened.append(self._opened)

    def _opened(self, name: str, node: Node) -> None:
        if node._around.incarnation % _OF_EACH:
            return
        build = node._build

        def build_older() -> None:
            build()
            self._make_older(node)

        node._build = build_older  # type: ignore[method-assign]

    def _make_older(self, node: Node) -> None:
        beats: Any = node.peering.heartbeats
        replica: Any = node.writing.replica
        own_beat, replicate = beats._own_beat, replica.replicate

        def beat_of_before(name: str) -> Heartbeat:
            beat: Heartbeat = own_beat(name)
            beat.ClearField("takes_blocks")
            return beat

        async def ignore_block(request: ReplicateRequest, deadline_s: float) -> ReplicateResponse:
            if request.HasField("block"):
                self._world.saw("a block was not understood by an older node")
            request.ClearField("block")
            answer: ReplicateResponse = await replicate(request, deadline_s)
            return answer

        async def know_no_put_many(*_: object) -> None:
            self._world.saw("an older node did not know PutMany")
            raise NotReady(UNKNOWN_METHOD)

        beats._own_beat, replica.replicate = beat_of_before, ignore_block
        node.put_many = know_no_put_many  # type: ignore[assignment]
