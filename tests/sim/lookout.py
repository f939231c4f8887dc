"""The lookout: sees which interesting states a history reaches. It judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kvcluster.errors import DiskIsFull, HeldBack
from kvcluster.model.entry import Entry, Version
from kvcluster.node import Node
from kvcluster.storage.checkpoint_files import TEMPORARY_SUFFIX
from tests.sim.calls import Process
from tests.sim.drops import Drops
from tests.sim.world import World
from tests.storage.fake_disk import FakeDisk

from demo_pb2 import MissedWrites


class Lookout:
    """Tells the world what it has seen (states.py)."""

    def __init__(self, world: World, drops: Drops) -> None:
        self._world = world
        self._drops = drops
        world.opened.append(self._opened)
        world.dropping.append(self._dropping)
        world.ended.append(self._ended)
        world.cut_short.append(lambda *_: world.saw("a start was cut short"))
        world.emptied.append(self._emptied)
        world.network.asking.append(self._asking)
        world.network.answering.append(self._answering)
        world.network.refusing.append(self._refusing)

    def _opened(self, name: str, node: Node) -> None:
        """See what becomes of the hints that a node writes, and which batches it takes."""
        build, write = node._build, node.store.write

        def build_and_look() -> None:
            build()
            self._look_at_batches(node)

        node._build = build_and_look  # type: ignore[method-assign]

        def write_and_look(
            entries: Sequence[Any],
            hints: Sequence[MissedWrites] = (),
            drops: Sequence[Any] = (),
            **more: Any,
        ) -> asyncio.Future[Any]:
            done = write(entries, hints, drops, **more)
            if hints:
                done.add_done_callback(self._noted)
            return done

        node.store.write = write_and_look  # type: ignore[method-assign]

    def _look_at_batches(self, node: Node) -> None:
        plain: Any = node.requests.handlers._plain
        put, got = plain._put, plain._got

        async def put_and_look(*parts: Any) -> Any:
            self._world.saw("a batch of puts went the short way")
            return await put(*parts)

        def got_and_look(keys: Any) -> Any:
            answer = got(keys)
            if answer is not None:
                self._world.saw("a batch of gets went the short way")
            return answer

        plain._put, plain._got = put_and_look, got_and_look

    def _noted(self, done: asyncio.Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and isinstance(error.__cause__, DiskIsFull):
            self._world.saw("a hint met a full disk")

    def _dropping(self, name: str, key: str, version: Version, held: Entry) -> None:
        world, replicas = self._world, self._world.replicas_of(key)
        if name not in replicas:
            return
        world.saw("a tombstone was dropped")
        if any(not world.is_up(other) for other in replicas):
            world.saw("a tombstone was dropped while somebody was down")
        if any(world.is_up(other) and world.process(other).life.frozen for other in replicas):
            world.saw("a tombstone was dropped while somebody was frozen")

    def _ended(self, process: Process, left: FakeDisk) -> None:
        world, name = self._world, process.life.name
        peers = [each for each in world.members if each != name]
        if process.node.gate.pauses:
            world.saw("a process noticed that it had been stopped")
        if process.node.gate.sleeps:
            world.saw("a machine noticed that it had slept")
        if any(process.node.gate.owed(peer) is not None for peer in peers):
            world.saw("a debtor died")
        if any(world.node(peer).gate.owed(name) is not None for peer in peers if world.is_up(peer)):
            world.saw("a debtor's teller died")
        if any(path.name.endswith(TEMPORARY_SUFFIX) for path in left.files()):
            world.saw("a process died in the middle of a checkpoint")

    def _emptied(self, name: str) -> None:
        if any(not self._world.is_up(other) for other in self._world.members if other != name):
            self._world.saw("a folder was lost while somebody was away")
        if any(name in self._world.replicas_of(key) for key in self._drops.waiting()):
            self._world.saw("a folder was lost that held a tombstone")

    def _asking(self, caller: str, callee: str, method: str, request: Any) -> None:
        if method == "confirm_pull":
            self._world.saw("a debt was paid")
        slow = self._world.network.weather.is_slow
        if slow and method == "check_health" and request.sender.missed_since:
            self._world.saw("a missed write was told over a slow way")

    def _answering(self, callee: str, caller: str, method: str, request: Any, answer: Any) -> None:
        if method == "pull" and answer.HasField("next"):
            self._world.saw("a debt took several pages")
        if method == "replicate" and answer.superseded:
            self._world.saw("a replica had something newer than what it was sent")
        if method == "replicate" and answer.block:
            self._world.saw("a block was copied to a replica")
            if answer.superseded:
                self._world.saw("a block met something newer")

    def _refusing(self, callee: str, caller: str, method: str, error: Exception) -> None:
        if isinstance(error, HeldBack):
            self._world.saw("a message came too late and was refused")
