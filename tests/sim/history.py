"""A history: one seed played from the start to the verdict.

    drawn     how many nodes and replicas, which faults, what weather, what settings, what clients
    played    clients and faults together, for twenty seconds or so of virtual time
    healed    no more faults; everybody up; it must become whole by itself, within a minute
    judged    by verdict.py; then all tombstones must go, and it is judged again

The same seed gives the same history to the byte; `Result.digest` tells. A single history may be too
calm to prove anything; test_sim.py demands enough of many together.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from kvcluster.config import KIB, Settings
from tests.sim.broken import Broken
from tests.sim.clients import Clients
from tests.sim.deciders import Deciders, is_contest, uses_deciders
from tests.sim.faults import Faults
from tests.sim.judge import Judge
from tests.sim.library import LibraryClients, uses_library
from tests.sim.lifetimes import keys_expire
from tests.sim.loop import SimLoop
from tests.sim.older import Older
from tests.sim.operations import Outcome
from tests.sim.schedule import BREAKS, CLOCKS, CUTS, LONG_BREAKS, LOSING, OTHERS, Fault, draw
from tests.sim.secrecy import Secrecy, keeps_a_secret
from tests.sim.stories import tell
from tests.sim.verdict import end, heal, judge_all, until_buried
from tests.sim.weather import Weather
from tests.sim.world import World

_FIVE = ("a:1", "b:2", "c:3", "d:4", "e:5")
_SHAPES = [(3, 3)] * 5 + [(3, 2)] * 3 + [(5, 3)] * 2 + [(2, 2), (5, 2), (4, 3), (3, 1), (1, 1)]
_STORIES = (0, 0, 1, 1, 2)
"""How many a history has."""
_LONG, _LONG_ONES = 3, 0.05
"""So many times as long are these of all histories."""
_COLD_KEYS = (40, 40, 40, 40, 400)
_BREAKS = (0, 0, 2, 4)
"""How many times connections break."""
_OVER_BY_S = 900.0
_UPSETTING = ["isolate", "one way", "kill", "freeze", "reset", "storm", "slow disk", "power cut"]
"""Kinds of faults by which one who coordinates is overtaken by another."""
_SLOW_ONES, _SLOWEST_S = 0.15, 0.35
"""In so many of all histories it takes so long from node to node, and with what straggles 0.45 s:
there and back and the time between two heartbeats is just less than the silence that makes a peer
SUSPECT. Clients are near, so that they see what a node does not know yet.
"""


@dataclass
class Plan:
    """What is drawn from a seed."""

    members: tuple[str, ...]
    replicas: int
    loses_messages: bool
    clocks_agree: bool
    hurry: float
    """How quickly clients go on, of how quickly they like to: a long history is a calm one."""
    cold_keys: int
    settings: Settings
    weather: Weather
    schedule: list[Fault]

    @classmethod
    def of(cls, rng: random.Random) -> Plan:
        """Draw one."""
        count, replicas = rng.choice(_SHAPES)
        cuts, agree = rng.random() < 0.6, rng.random() < 0.6
        loses = cuts and rng.random() < 0.6
        chosen = OTHERS + CUTS * cuts + LOSING * loses + CLOCKS * (not agree)
        times = _LONG if rng.random() < _LONG_ONES else 1
        within_s = times * rng.choice([8.0, 15.0, 25.0])
        stories = times * rng.choice(_STORIES)
        told = [fault for _ in range(stories) for fault in tell(rng, chosen, count, within_s)]
        number = times * (rng.randint(0, 5) if told else rng.randint(3, 14))
        schedule = told + draw(rng, chosen, count, number, within_s)
        plan = cls(
            members=_FIVE[:count],
            replicas=replicas,
            loses_messages=loses,
            clocks_agree=agree,
            hurry=1 / times,
            cold_keys=rng.choice(_COLD_KEYS),
            settings=_settings(rng),
            weather=_weather(rng, loses=loses),
            schedule=schedule,
        )
        plan._break(random.Random(copy.copy(rng).random()), cuts=cuts, within_s=within_s)
        plan.schedule.sort(key=lambda fault: fault.at_s)
        return plan

    def contest(self, rng: random.Random) -> None:
        """Only clients of decided keys, in a hurry, while who coordinates comes and goes."""
        self.members, self.replicas = _FIVE[: rng.choice([3, 3, 3, 5])], 3
        self.hurry, within_s = 20.0, rng.choice([4.0, 8.0])
        self.loses_messages, self.weather = True, _weather(rng, loses=rng.random() < 0.5)
        count = rng.randint(6, 16)
        self.schedule = [
            dataclasses.replace(fault, lasts_s=fault.lasts_s / 4)
            for fault in draw(rng, _UPSETTING, len(self.members), count, within_s)
        ]

    def _break(self, apart: random.Random, *, cuts: bool, within_s: float) -> None:
        """Connections that break, and slow ways: drawn apart, so that they shift nothing else."""
        kinds = BREAKS + LONG_BREAKS * cuts
        count = apart.choice(_BREAKS)
        self.schedule += draw(apart, kinds, len(self.members), count, within_s)
        if apart.random() < _SLOW_ONES:
            self.weather.delay_s = (0.7 * _SLOWEST_S, _SLOWEST_S)


def _settings(rng: random.Random) -> Settings:
    """Quick ones, and small ones, so that there are many pages of everything, and blocks."""
    apart = random.Random(copy.copy(rng).random())  # so that it shifts nothing else
    wait_s = rng.choice([3.0, 6.0])
    return dataclasses.replace(
        Settings(),
        checkpoint_interval_s=rng.choice([0.1, 0.5, 2.0]),
        checkpoint_retry_s=0.5,
        anti_entropy_interval_s=rng.choice([3.0, 10.0]),
        tombstone_interval_s=rng.choice([0.2, 1.0]),
        tombstone_wait_s=wait_s,
        message_age_limit_s=wait_s / 2,
        pull_page_bytes=rng.choice([300, 4000]),
        anti_entropy_request_entries=rng.choice([20, 8192]),
        hold_entries=rng.choice([3, 1000]),
        journal_probe_bytes=rng.choice([100, 64 * KIB]),
        journal_group_bytes=rng.choice([500, 8_000_000]),
        replication_batch_bytes=rng.choice([2000, 4_000_000]),
        scan_page_keys=rng.choice([3, 1000]),
        block_puts=apart.choice([1, 1, 3, 128]),
        doubt_entries=100,
        drain_timeout_s=2.0,
        gather_from=rng.choice([1, 4]),
        rounds_in_flight=rng.choice([1, 1, 3]),
    )


def _weather(rng: random.Random, *, loses: bool) -> Weather:
    slow_s = rng.choice([0.002, 0.01, 0.04])
    return Weather(
        delay_s=(slow_s / 10, slow_s),
        near_s=(slow_s / 10, slow_s),
        straggle=rng.choice([0.0, 0.02, 0.2]),
        straggle_s=1.0 if loses else 0.1,
        lose=rng.choice([0.0, 0.01, 0.05]) if loses else 0.0,
        repeat=rng.choice([0.0, 0.05, 0.3]),
        capture=rng.choice([0.0, 0.02]),
    )


@dataclass
class Result:
    """How a history ended."""

    seed: int
    broken: str = ""
    """What promise was broken; empty if none."""
    key: str = ""
    """The key that shows it, if one does."""
    digest: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    """How often each interesting state was (states.py)."""
    library: Counter[str] = field(default_factory=Counter)
    """What the library went through, where clients use it."""
    reads: int = 0
    judged_reads: int = 0
    deciders: Counter[str] = field(default_factory=Counter)
    """How the operations of those ended who have keys decided by majority."""
    scans: Counter[str] = field(default_factory=Counter)
    """How those went that lasted for a while."""
    messages: int = 0
    virtual_s: float = 0.0
    schedule: list[Fault] = field(default_factory=list)
    events: list[tuple[float, str, str]] = field(default_factory=list)
    """Time, what, and which key it is about, if one."""


class History:
    """Plays one seed, with all of its faults or with some."""

    def __init__(self, seed: int, only: Collection[int] | None = None) -> None:
        self._rng = random.Random(seed)
        self.plan = Plan.of(self._rng)
        if is_contest(seed):
            self.plan.contest(random.Random(f"contest {seed}"))
        chosen = range(len(self.plan.schedule)) if only is None else only
        self._schedule = [self.plan.schedule[index] for index in chosen]
        self.result = Result(seed, schedule=self.plan.schedule)
        self._loop = SimLoop()

    def play(self) -> Result:
        """To the end, or to the first broken promise."""
        result = self.result
        try:
            self._loop.run_until_complete(self._run())
            if asyncio.all_tasks(self._loop) or self._loop.complaints:
                raise Broken(f"left over: {asyncio.all_tasks(self._loop)} {self._loop.complaints}")
        except Broken as broken:
            result.broken, result.key = str(broken), broken.key
        except Exception as error:
            result.broken = f"{type(error).__name__}: {error}"
        finally:
            result.virtual_s = self._loop.now_s
            self._loop.clear_away()
            self._loop.close()
        return result

    async def _run(self) -> None:
        plan, rng = self.plan, self._rng
        world = World(
            self._loop,
            random.Random(rng.random()),
            members=plan.members,
            replicas=plan.replicas,
            settings=plan.settings,
            weather=plan.weather,
            log=self._note,
        )
        judge = Judge(world, tells_in_time=not plan.loses_messages, clocks_agree=plan.clocks_agree)
        clients, deciders = self._clients(world, judge), self._deciders(world)
        faults = Faults(world)
        if not keys_expire(self.result.seed):
            Older(world)
        if keeps_a_secret(self.result.seed):
            Secrecy(world, self.result.seed)
        story = asyncio.ensure_future(self._tell(world, judge, clients, deciders, faults))
        done, _ = await asyncio.wait(
            [story, world.broken], return_when=asyncio.FIRST_COMPLETED, timeout=_OVER_BY_S
        )
        self._take_stock(world, judge, faults)
        self.result.scans = clients.scans
        if world.broken in done:
            world.broken.result()
        if not done:
            raise Broken(f"not over after {_OVER_BY_S:.0f} s")
        await story

    def _clients(self, world: World, judge: Judge) -> Clients | LibraryClients:
        plan, rng = self.plan, self._rng
        if uses_library(self.result.seed):
            using = LibraryClients(
                world,
                judge,
                rng,
                hurry=plan.hurry,
                cold_keys=plan.cold_keys,
                clocks_agree=plan.clocks_agree,
                log=self._note,
            )
            self.result.library = using.seen
            return using
        clients = Clients(
            world.network,
            judge,
            rng,
            members=plan.members,
            hurry=plan.hurry,
            cold_keys=plan.cold_keys,
            sharded=plan.replicas < len(plan.members),
            keys_expire=keys_expire(self.result.seed),
            log=self._note,
        )
        world.visits = clients.visits
        return clients

    def _deciders(self, world: World) -> Deciders | None:
        if not uses_deciders(self.result.seed):
            return None
        deciders = Deciders(world, self.result.seed, hurry=self.plan.hurry, log=self._note)
        self.result.deciders = deciders.ended
        return deciders

    async def _tell(
        self,
        world: World,
        judge: Judge,
        clients: Clients | LibraryClients,
        deciders: Deciders | None,
        faults: Faults,
    ) -> None:
        await asyncio.gather(*[world.start(name) for name in world.members])
        everybody = [each for each in (clients, deciders) if each is not None]
        if is_contest(self.result.seed):
            everybody.remove(clients)
        playing = [world.keep(each.play()) for each in everybody]
        await faults.play(self._schedule)
        await asyncio.sleep(1.0)
        for each in everybody:
            each.stopped = True
        await asyncio.gather(*playing)
        await world.until_visits_are_over()
        undecided = deciders.undecided if deciders is not None else ()
        await heal(world, undecided)
        judge_all(world, judge)
        if deciders is not None:
            await deciders.judge()
        await until_buried(world, undecided)
        judge_all(world, judge)
        await end(world, judge)

    def _note(self, what: str, key: str = "") -> None:
        self.result.events.append((self._loop.now_s, what, key))

    def _take_stock(self, world: World, judge: Judge, faults: Faults) -> None:
        result = self.result
        result.digest = world.network.hash.hexdigest()
        result.messages = world.network.messages
        result.faults = faults.done
        result.reached = world.reached
        result.reads, result.judged_reads = judge.reads, judge.judged_reads
        result.outcomes = Counter(
            {each.value: judge.diary.count(each) for each in Outcome if each is not Outcome.OPEN}
        )
