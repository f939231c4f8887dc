"""The world of one history: the nodes, their disks, their clocks, and what can befall them.

Each start of a node is a life (loop.py) with the disk that the last one left. How a life ends says
what is left: a power cut takes what was not synced, kill -9 takes nothing, and a failed fsync takes
the process. Whatever ends, the judge compares what was in memory with what is on disk.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from kvcluster.cluster.surroundings import Surroundings
from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.entry import Entry, Verdict, Version
from kvcluster.model.members import Cluster as Members
from kvcluster.model.members import split_address
from kvcluster.model.readiness import Status
from kvcluster.model.slots import placement_of, slot_of
from kvcluster.node import Node
from kvcluster.storage.table import Table
from tests.cluster.memory import MemoryTransport
from tests.sim.loop import Life, SimLoop
from tests.sim.machine import Machine
from tests.sim.network import Network, Process
from tests.sim.states import STATES
from tests.sim.weather import Weather
from tests.storage.fake_disk import FakeDisk

_SETTLES_WITHIN_S = 0.3


class World:
    """All nodes of one history."""

    def __init__(
        self,
        loop: SimLoop,
        rng: random.Random,
        *,
        members: tuple[str, ...],
        replicas: int,
        settings: Settings,
        weather: Weather,
        log: Callable[[str], None],
    ) -> None:
        self.loop = loop
        self.rng = rng
        self.members = members
        self.replicas = replicas
        self.settings = settings
        self.network = Network(loop, rng, weather)
        self.machines = {name: Machine() for name in members}
        self.log = log
        self.reached: Counter[str] = Counter()
        """How often each of some interesting states was seen (states.py)."""
        self.opened: list[Callable[[str, Node], None]] = []
        """Called when a node has read its files, before it does anything."""
        self.ended: list[Callable[[Process, FakeDisk], None]] = []
        """Called when a process ends, with the disk that it leaves."""
        self.emptied: list[Callable[[str], None]] = []
        """Called when a machine has lost its folder."""
        self.thawed: list[Callable[[], None]] = []
        """Called a moment after a process went on, when what had waited in it is done."""
        self.storing: list[Callable[[str, str, Entry], None]] = []
        """Called for an entry that a node is about to have in its table: node, key, entry."""
        self.dropping: list[Callable[[str, str, Version, Entry], None]] = []
        """Called when a node is about to forget a key: up to which version, and what it holds."""
        self.went_on_s = dict.fromkeys(members, 0.0)
        """When the process of a node came up, or went on after it was frozen, last."""
        self.broken: asyncio.Future[None] = loop.create_future()
        """Fails when a promise is broken out of everybody's sight (`breaks`), or a node stops by
        itself without a reason."""
        self._placement = placement_of(members, replicas)
        self._incarnations = iter(range(1, 100_000))

    @property
    def up(self) -> list[str]:
        """The nodes that can be reached, in member order."""
        return [name for name in self.members if name in self.network.processes]

    def process(self, name: str) -> Process:
        """A node that is up."""
        return self.network.processes[name]

    def node(self, name: str) -> Node:
        """A node that is up."""
        return self.process(name).node

    def replicas_of(self, key: str) -> tuple[str, ...]:
        """The nodes where a key belongs."""
        return self._placement.replicas(slot_of(key))

    def wall_ms(self, name: str) -> int:
        """What a machine's clock says."""
        return self.machines[name].wall_ms(self.loop.time())

    def node_path(self, name: str) -> Path:
        """Where a node's JSON is."""
        return self.machines[name].disk.root / f"data_node_{split_address(name)[1]}.json"

    async def start(self, name: str) -> None:
        """Start a node that is down; it says in the log if it cannot."""
        machine = self.machines[name]
        if machine.busy:
            return
        machine.busy = True
        machine.lives += 1
        machine.may_fail = ""
        life = Life(name, lambda: self.rng.uniform(*machine.work_s))
        try:
            node = life.context.run(self._make, name)
            await life.run(node.start(MemoryTransport(self.network, name)))  # type: ignore[arg-type]
        except CannotStart as error:
            self.log(f"{name} cannot start: {error}")
            await life.end()
            machine.disk = machine.disk.kill()
            machine.busy = False
            return
        process = Process(life, node)
        node.failed.add_done_callback(lambda _: self._failed(name, process))
        self.network.processes[name] = process
        self.went_on_s[name] = self.loop.time()
        self.log(f"{name} starts")
        life.context.run(node.meet_peers)

    def _make(self, name: str) -> Node:
        disk = self.machines[name].disk
        around = Surroundings(
            disk=disk,
            wall_ms=lambda: self.wall_ms(name),
            steady_s=self.loop.time,
            incarnation=next(self._incarnations),
        )
        members = Members(self.members, name, self.replicas)
        node = Node(members, disk.root, self.settings, surroundings=around)
        node.open()
        self._watch(name, node.store.table)
        for listener in self.opened:
            listener(name, node)
        return node

    def _watch(self, name: str, table: Table) -> None:
        """Tell of what a node has found on its disk, and of all that it stores and forgets."""
        for key, entry in table.items():
            for listener in self.storing:
                listener(name, key, entry)
        apply, drop = table.apply, table.drop

        def apply_and_tell(key: str, entry: Entry) -> Verdict:
            if table.judge(key, entry).stores:
                for listener in self.storing:
                    listener(name, key, entry)
            return apply(key, entry)

        def drop_and_tell(key: str, version: Version) -> bool:
            held = table.get(key)
            if held is not None and held[1] <= version:
                for listener in self.dropping:
                    listener(name, key, version, held)
            return drop(key, version)

        table.apply = apply_and_tell  # type: ignore[method-assign]
        table.drop = drop_and_tell  # type: ignore[method-assign]

    def saw(self, state: str) -> None:
        """An interesting state was reached."""
        assert state in STATES, state
        self.reached[state] += 1

    def breaks(self, error: AssertionError) -> None:
        """Something must not be, in the middle of what a node does: the history is over."""
        if not self.broken.done():
            self.broken.set_exception(error)

    async def cut_power(self, name: str) -> None:
        """A power cut: what was not synced may be gone."""
        await self._end(self.process(name), self.machines[name].disk.crash(self.rng), tell=False)

    async def cut_power_within(self, name: str, operations: int) -> None:
        """A power cut right behind the nth operation on the disk from now on, or soon."""
        process, disk = self.process(name), self.machines[name].disk
        countdown, image = operations, disk

        def after(*_: object) -> None:
            nonlocal countdown, image
            countdown -= 1
            if countdown == 0 and not process.life.ended:  # else something was quicker
                image = disk.crash(self.rng)
                self.loop.freeze(process.life)

        disk.after = after
        for _ in range(100):
            if countdown <= 0 or process.life.ended:
                break
            await asyncio.sleep(0.02)
        disk.after = None
        await self._end(process, image if countdown <= 0 else disk.crash(self.rng), tell=False)

    async def kill(self, name: str) -> None:
        """kill -9: what was written is there."""
        await self._end(self.process(name), self.machines[name].disk.kill(), tell=True)

    def lose_folder(self, name: str) -> None:
        """The folder of a node that is down is gone."""
        self._replace_disk(name, FakeDisk())

    def flip_bits(self, name: str, count: int) -> None:
        """In the journal and the versions of a node that is down. (A JSON is also edited by people,
        and a flipped bit there looks like that: tests/storage has it.)
        """
        disk = self.machines[name].disk
        files = [path for path, data in disk.files().items() if data and path.suffix != ".json"]
        for _ in range(count if files else 0):
            path = self.rng.choice(files)
            data = bytearray(disk.read(path))
            data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
            disk.write(path, bytes(data))
        self.machines[name].damaged = True
        self._replace_disk(name, disk)

    def swap_folders(self, one: str, other: str) -> None:
        """Two nodes that are down get each other's files, under their own names."""
        disks = {name: self.machines[name].disk for name in (one, other)}
        for name, source in ((one, other), (other, one)):
            self.machines[name].damaged = True
            self._replace_disk(name, self._renamed(disks[source], name))

    def _renamed(self, disk: FakeDisk, name: str) -> FakeDisk:
        """The files of one node, as if they were those of another."""
        json_path, left = self.node_path(name), FakeDisk()
        left.make_folder(json_path.with_suffix(".wal"))
        for path, data in disk.files().items():
            folder = left.root if path.parent == left.root else json_path.with_suffix(".wal")
            left.write(folder / (json_path.name if path.suffix == ".json" else path.name), data)
        return left

    def _replace_disk(self, name: str, disk: FakeDisk) -> None:
        self.machines[name].disk = disk
        for listener in self.emptied:
            listener(name)

    async def stop(self, name: str) -> None:
        """Ctrl+C."""
        process = self.process(name)
        await asyncio.wait([process.life.run(process.node.drain())])
        running = [call.running for call in process.calls if call.running is not None]
        if running:
            await asyncio.wait(running, timeout=self.settings.drain_timeout_s)
        if process.life.ended:
            return  # it ended otherwise meanwhile
        self.network.processes.pop(name, None)  # another stop may have been quicker
        self.network.reset(process, tell=True)
        await asyncio.wait([process.life.run(process.node.stop())])
        await self._end(process, self.machines[name].disk.kill(), tell=True)

    def freeze(self, process: Process) -> None:
        """SIGSTOP."""
        self.loop.freeze(process.life)

    def thaw(self, process: Process) -> None:
        """SIGCONT."""
        if process.life.frozen and not process.life.ended:
            self.loop.thaw(process.life)
            self.went_on_s[process.life.name] = self.loop.time()
            self.keep(self._look_soon())

    async def _look_soon(self) -> None:
        await asyncio.sleep(_SETTLES_WITHIN_S)
        for listener in self.thawed:
            listener()

    async def _end(self, process: Process, left: FakeDisk, *, tell: bool) -> None:
        """End a process, one that is stopping included; `left` is what stands on its disk then."""
        if process.life.ended:
            return
        process.life.ended = True
        name = process.life.name
        if self.network.processes.get(name) is process:
            del self.network.processes[name]
        self.network.reset(process, tell=tell)
        self.machines[name].disk = left
        self._tell_ended(process, left)
        self.loop.thaw(process.life)
        await process.life.end()
        self.machines[name].busy = False

    def _tell_ended(self, process: Process, left: FakeDisk) -> None:
        for listener in self.ended:
            listener(process, left)

    def _failed(self, name: str, process: Process) -> None:
        """A node gave up by itself: right after a broken disk, and a bug without one."""
        why = process.node.failed.exception()
        if process.life.ended or self.network.processes.get(name) is not process:
            return
        if not self.machines[name].may_fail:
            self.breaks(AssertionError(f"{name} gave up without a reason: {why!r}"))
        self.log(f"{name} gives up: {why}")
        left = self.machines[name].disk.crash(self.rng)
        self.loop.later(0, lambda: self.keep(self._end(process, left, tell=True)))

    def keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside; an error in it breaks the history."""
        task = self.loop.create_task(work)

        def ended(task: asyncio.Task[Any]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None and not self.broken.done():
                self.broken.set_exception(error)

        task.add_done_callback(ended)
        return task

    def serves(self, name: str) -> bool:
        """Whether a node answers reads."""
        return self.node(name).gate.status is Status.SERVING

    def is_whole(self) -> bool:
        """Whether every node is up, serves, and counts on every other."""
        return len(self.up) == len(self.members) and all(
            self.serves(name) and all(peer.gets_writes for peer in self.node(name).peers)
            for name in self.up
        )
