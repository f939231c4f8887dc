"""The world of one history: the nodes, their disks, their clocks, and what can befall them.

Each start of a node is a life (loop.py) with the disk that the last one left. How a life ends says
what is left: a power cut takes what was not synced, kill -9 takes nothing, and a failed fsync takes
the process. Whatever ends, the judge compares what was in memory with what is on disk.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from kvcluster.cluster.peers.surroundings import Surroundings
from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.members import Cluster as Members
from kvcluster.model.members import split_address
from kvcluster.model.readiness import Status
from kvcluster.model.slots import SLOTS, placement_of, slot_of
from kvcluster.node import Node
from tests.sim.birth import Birth, CutShort
from tests.sim.broken import MISWRITTEN
from tests.sim.calls import Process
from tests.sim.countdown import Countdown
from tests.sim.loop import SimLoop, Stop, current_life
from tests.sim.machine import Machine
from tests.sim.network import Network
from tests.sim.states import STATES
from tests.sim.watching import Dropping, Storing, watch
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
        self.network.members = members
        self.network.failing.append(self.breaks)
        self.machines = {name: Machine() for name in members}
        self.log = log
        self.reached: Counter[str] = Counter()
        """How often each of some interesting states was seen (states.py)."""
        self.opened: list[Callable[[str, Node], None]] = []
        """Called when a node has read its files, before it does anything."""
        self.ended: list[Callable[[Process, FakeDisk], None]] = []
        """Called when a process ends, with the disk that it leaves."""
        self.cut_short: list[Callable[[str, FakeDisk, FakeDisk], None]] = []
        """Called when the power of a node went as it started: its disk before that, and after."""
        self.emptied: list[Callable[[str], None]] = []
        """Called when a machine has lost its folder."""
        self.thawed: list[Callable[[], None]] = []
        """Called a moment after a process went on, when what had waited in it is done."""
        self.storing: list[Storing] = []
        self.dropping: list[Dropping] = []
        self.went_on_s = dict.fromkeys(members, 0.0)
        """When the process of a node came up, or went on after it was held, last."""
        self.visits: Callable[[str], list[Coroutine[Any, Any, object]]] = lambda name: []
        """What clients ask of a process that is held, so that it waits at its door."""
        self._visitors: set[asyncio.Task[object]] = set()
        self.days_apart = 0
        """Faults that keep the clocks of some nodes days apart now; these refuse each other."""
        self.agreed_s = 0.0
        """When the last of them was over."""
        self.broken: asyncio.Future[None] = loop.create_future()
        """Fails when a promise is broken out of everybody's sight (`breaks`), or a node stops by
        itself without a reason."""
        self._placement = placement_of(members, replicas)
        self._replicas: dict[str, tuple[str, ...]] = {}
        self._incarnations = iter(range(1, 100_000))

    @property
    def up(self) -> list[str]:
        """The nodes that can be reached, in member order."""
        return [name for name in self.members if self.is_up(name)]

    def is_up(self, name: str) -> bool:
        """Whether a node can be reached."""
        return name in self.network.processes

    def process(self, name: str) -> Process:
        """A node that is up."""
        return self.network.processes[name]

    def node(self, name: str) -> Node:
        """A node that is up."""
        return self.process(name).node

    def replicas_of(self, key: str) -> tuple[str, ...]:
        """The nodes where a key belongs."""
        if key not in self._replicas:
            self._replicas[key] = self._placement.replicas(slot_of(key))
        return self._replicas[key]

    @cached_property
    def groups(self) -> set[frozenset[str]]:
        """Which nodes hold the same slots."""
        return {frozenset(self._placement.replicas(slot)) for slot in range(SLOTS)}

    def wall_ms(self, name: str) -> int:
        """What a machine's clock says."""
        return self.machines[name].wall_ms(self.loop.now_s)

    def node_path(self, name: str) -> Path:
        """Where a node's JSON is."""
        return self.machines[name].disk.root / f"data_node_{split_address(name)[1]}.json"

    async def start(self, name: str, *, dies_after: int = 0) -> None:
        """Start a node that is down; it says in the log if it cannot.

        `dies_after`: the power goes behind so many operations on its disk, if it still starts then.
        """
        machine = self.machines[name]
        if machine.busy:
            return
        machine.busy = True
        machine.lives += 1
        machine.may_fail = ""
        birth = Birth(self, name, dies_after)
        try:
            node = await birth.node()
        except (CannotStart, CutShort) as error:
            self.log(f"{name} cannot start: {error}")
            before, machine.disk = machine.disk, await birth.end()
            if isinstance(error, CutShort):
                for listener in self.cut_short:
                    listener(name, before, machine.disk)
            machine.busy = False
            return
        process = Process(birth.life, node)
        node.failed.add_done_callback(lambda _: self._failed(name, process))
        self.network.processes[name] = process
        self.went_on_s[name] = self.loop.now_s
        self.log(f"{name} starts")
        birth.life.context.run(node.meet_peers)

    def make(self, name: str) -> Node:
        """A node that has read its files."""
        disk = self.machines[name].disk
        around = Surroundings(
            disk=disk,
            wall_ms=lambda: self.wall_ms(name),
            steady_s=self._steady_clock(),
            incarnation=next(self._incarnations),
        )
        members = Members(self.members, name, self.replicas)
        node = Node(members, disk.root, self.settings, surroundings=around)
        node.open()
        watch(name, node.store.table, self.storing, self.dropping)
        for listener in self.opened:
            listener(name, node)
        return node

    def saw(self, state: str) -> None:
        """An interesting state was reached."""
        assert state in STATES, state
        self.reached[state] += 1

    def _steady_clock(self) -> Callable[[], float]:
        """The clock of the life that is running now which stands still only if all do."""
        life, loop = current_life(), self.loop
        assert life is not None
        return lambda: loop.now_s - life.steady_slept_s

    @contextmanager
    def judging(self) -> Iterator[None]:
        """Judge in the middle of what a node does, whom an error would make stop."""
        try:
            yield
        except AssertionError as error:
            self.breaks(error)

    def breaks(self, error: Exception) -> None:
        """Something must not be, in the middle of what a node does: the history is over."""
        if not self.broken.done():
            self.broken.set_exception(error)

    async def cut_power(self, name: str) -> None:
        """A power cut: what was not synced may be gone."""
        await self._end(self.process(name), self.machines[name].disk.crash(self.rng), tell=False)

    async def cut_power_within(self, name: str, operations: int) -> None:
        """A power cut right behind the nth operation on the disk from now on, or soon."""
        process, disk = self.process(name), self.machines[name].disk

        def freeze() -> None:
            if not process.life.ended:  # else something was quicker
                self.loop.freeze(process.life)
                # What its threads still do reaches no disk, though it seems to.
                self.machines[name].disk = countdown.left or disk

        countdown = Countdown(disk, operations, self.rng, freeze)
        for _ in range(100):
            if countdown.left is not None or process.life.ended:
                break
            await asyncio.sleep(0.02)
        countdown.stop()
        await self._end(process, countdown.left or disk.crash(self.rng), tell=False)

    async def kill(self, name: str) -> None:
        """kill -9: what was written is there."""
        await self._end(self.process(name), self.machines[name].disk.kill(), tell=True)

    def replace_disk(self, name: str, disk: FakeDisk, *, damaged: bool = False) -> None:
        """A node that is down finds other files than it left there."""
        self.machines[name].damaged = damaged
        self.machines[name].disk = disk
        self.machines[name].set_right()  # by whoever had it in hand: its disk may tell no time
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

    def freeze(self, process: Process, stop: Stop = Stop.FROZEN) -> None:
        """SIGSTOP, or its machine sleeps."""
        self.loop.freeze(process.life, stop)

    def knock(self, name: str) -> None:
        """Clients stand at the door of a process that is held."""
        for visit in self.visits(name):
            visitor = self.keep(visit)
            self._visitors.add(visitor)
            visitor.add_done_callback(self._visitors.discard)

    async def until_visits_are_over(self) -> None:
        """Wait until all who stood at such a door have their answers, or gave up."""
        while self._visitors:
            await asyncio.wait(list(self._visitors))

    def thaw(self, process: Process) -> None:
        """SIGCONT, or its machine wakes up."""
        if process.life.frozen and not process.life.ended:
            self.loop.thaw(process.life)
            self.went_on_s[process.life.name] = self.loop.now_s
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
            gave_up = AssertionError(f"{name} gave up without a reason: {why!r}")
            self.breaks(why if isinstance(why, MISWRITTEN) else gave_up)
        self.log(f"{name} gives up: {why}")
        left = self.machines[name].disk.crash(self.rng)
        self.loop.later(0, lambda: self.keep(self._end(process, left, tell=True)))

    def keep(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
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
            self.serves(name) and all(peer.gets_writes for peer in self.node(name).peering.peers)
            for name in self.up
        )
