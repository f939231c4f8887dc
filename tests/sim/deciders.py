"""Clients of keys that a majority decides: conditions of every kind, linearizable reads, and more.

In every other history (`uses_deciders`) they work beside the other clients, on few keys of their
own. What they try is recorded (tests/linear/tried.py), and at the end of the history, when all is
well again and each key was read once more through every node, tests/linear/checker.py is asked
whether it can all have happened, one after the other.

In some histories they are alone, in a hurry, and whoever coordinates is upset again and again: what
goes wrong only where one overtakes another at the right moment is found in these, if at all.

They behave badly on purpose: after a failure they write blindly at once, through another node; they
put plainly on the same keys; they send several operations on one key in a batch; they use versions
that are long gone.

The other judges never hear of their keys: there a plain write is newer than all that was
acknowledged before, and one value has one version. Here a write may be acknowledged after it was
replaced, and a settled value has a new version. What they judge of all keys (files, tombstones,
words) they judge of these as well.

**Forgotten memory.** A node that lost its folder abstains until it was compared with the others.
Where so many replicas lose theirs meanwhile that no majority remembers, nothing is promised, and
the key is not judged. Where too few are left to compare with, since others never came to count
before, a person must decide (`--salvage`), and the key is not read at last.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from kvcluster.errors import OutcomeUnknown, PeerRejected, PeerUnavailable
from kvcluster.model.condition import Condition
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from tests.linear.checker import judge
from tests.linear.tried import Ended, Recorder, Shown, Tried
from tests.sim.broken import Broken
from tests.sim.calls import Process
from tests.sim.clients import ask_batch, ask_one
from tests.sim.deciding_words import KEYS, asks_of, request_of, shown_of
from tests.sim.operations import Outcome, outcome_of
from tests.sim.world import World
from tests.storage.fake_disk import FakeDisk

from demo_pb2 import BatchRequest, GetRequest, Result
from demo_pb2 import Operation as OperationMessage

_EACH, _REST = 2, 1
_CONTESTS, _CONTEST = 8, 5
_READABLE_WITHIN_S = 150.0
_LATELY = 4
"""So many of the answers of late are what conditions are made from."""


def uses_deciders(seed: int) -> bool:
    """Whether a history has such clients."""
    return seed % _EACH == _REST


def is_contest(seed: int) -> bool:
    """Whether a history has no other clients, and these are in a hurry."""
    return seed % _CONTESTS == _CONTEST


class Deciders:
    """All of them of one history, and their judge."""

    def __init__(
        self, world: World, seed: int, *, hurry: float, log: Callable[[str, str], None]
    ) -> None:
        rng = random.Random(f"deciders {seed}")  # shifts nothing of what the others do
        self._world = world
        self._log = log
        self._rngs = [random.Random(rng.random()) for _ in range(rng.randint(2, 4))]
        self._keys = KEYS[: rng.randint(1, len(KEYS))]
        self._pause_s = rng.choice([0.02, 0.1, 0.3]) / hurry
        self._reads = rng.choice([0.2, 0.5])
        self._deletes = rng.choice([0.1, 0.4])
        self._conditional = rng.choice([0.5, 0.8, 1.0])
        self._batches = rng.choice([0.0, 0.2])
        self._timeout_s = rng.choice([0.5, 1.5, 3.0])
        self._numbers = iter(range(1, 1_000_000))
        self._recorder = Recorder()
        self._lately: dict[str, list[Shown]] = {key: [] for key in KEYS}
        self._remember = dict.fromkeys(world.members, False)
        """By node: whether it counted for majorities, as far as its last end tells."""
        self._emptied_once: set[str] = set()
        self._excused: set[str] = set()
        self.undecided: set[str] = set()
        """Keys of which so many replicas never count again that the others are no majority."""
        self.ended: Counter[str] = Counter()
        """How their operations ended."""
        self.stopped = False
        world.emptied.append(self._emptied)
        world.ended.append(self._process_ended)

    async def play(self) -> None:
        """Work until stopped."""
        await asyncio.gather(*[self._work(f"d{i}", rng) for i, rng in enumerate(self._rngs, 1)])

    async def _work(self, name: str, rng: random.Random) -> None:
        failed, key = False, self._keys[0]
        while not self.stopped:
            if not (failed and rng.random() < 0.5):
                await asyncio.sleep(rng.expovariate(1 / self._pause_s))
                key = rng.choice(self._keys)
            node = rng.choice(self._world.members)
            count = rng.randint(2, 4) if rng.random() < self._batches else 1
            tried = [self._begin(name, node, key, rng, blindly=failed) for _ in range(count)]
            if count == 1:
                failed = not await self._ask(name, node, key, tried[0])
            else:
                failed = not await self._ask_in_a_batch(name, node, key, tried)

    # ------------------------------------------------------------ what is asked

    def _begin(self, name: str, node: str, key: str, rng: random.Random, *, blindly: bool) -> Tried:
        by, condition = f"{name} at {node}", None
        if rng.random() < self._reads and not blindly:
            return self._recorder.begins(key, Kind.GET, by=by)
        kind = Kind.DELETE if rng.random() < self._deletes else Kind.PUT
        value = f"{next(self._numbers)}" if kind is Kind.PUT else ""
        if rng.random() < (0.3 if blindly else self._conditional):
            condition = self._condition(key, rng)
        return self._recorder.begins(key, kind, value=value, condition=condition, by=by)

    def _condition(self, key: str, rng: random.Random) -> Condition:
        """One that may well hold, made from what was seen lately."""
        lately = self._lately[key][-_LATELY:]
        last = rng.choice(lately) if lately else Shown(None, Version(b""))
        if rng.random() < 0.1:
            return Condition.none()
        if last.value is None:
            return rng.choice([Condition.absent(), Condition.absent(), Condition.exists()])
        by_version = Condition.version(last.version)
        others = [Condition.value(last.value), Condition.exists(), Condition.absent()]
        return rng.choice([by_version, by_version, *others])

    # ------------------------------------------------------------ what is answered

    async def _ask(self, name: str, node: str, key: str, tried: Tried) -> bool:
        """One operation; whether it was done."""
        request, method = request_of(key, tried), tried.kind.value
        handle = ask_one(self._timeout_s)
        try:
            answer = await self._world.network.call(
                name, node, method, request, handle, self._timeout_s
            )
        except PeerUnavailable as error:
            self._failed(key, tried, *_certainty(error), why=str(error))
            return False
        self._answered(key, tried, answer)
        return tried.how is Ended.DONE

    async def _ask_in_a_batch(
        self, name: str, node: str, key: str, several: Sequence[Tried]
    ) -> bool:
        request = BatchRequest(operations=[asks_of(key, tried) for tried in several])
        plain = GetRequest(key=key)  # of which nothing is said; it may show what is not chosen yet
        request.operations.append(OperationMessage(get=plain))
        try:
            answer = await self._world.network.call(
                name, node, "batch", request, ask_batch(self._timeout_s), self._timeout_s
            )
        except PeerUnavailable as error:
            for tried in several:
                self._failed(key, tried, *_certainty(error), why=str(error))
            return False
        for tried, result in zip(several, answer.results[:-1], strict=True):
            self._told(key, tried, result)
        return all(tried.how is Ended.DONE for tried in several)

    def _told(self, key: str, tried: Tried, result: Result) -> None:
        if result.HasField("failure"):
            failure = result.failure
            self._failed(key, tried, failure.nothing_written, failure.version, why=failure.message)
        else:
            self._answered(key, tried, getattr(result, tried.kind.value))

    def _answered(self, key: str, tried: Tried, answer: Any) -> None:
        if tried.kind is Kind.GET:
            self._recorder.done(tried, shown=shown_of(answer))
        elif answer.HasField("mismatch"):
            self._recorder.mismatch(tried, shown_of(answer.mismatch))
        elif answer.acknowledged <= answer.replicas // 2:  # it may be overwritten unseen
            self._recorder.unknown(tried)
        else:
            decided = tried.kind is Kind.DELETE and tried.condition is not None
            found = answer.found if decided else None
            self._recorder.done(tried, version=Version(answer.version), found=found)
            value = tried.value if tried.kind is Kind.PUT else None
            self._lately[key].append(Shown(value, Version(answer.version)))
        if tried.shown is not None:
            self._lately[key].append(tried.shown)
        self._note(key, tried)

    def _failed(self, key: str, tried: Tried, certain: bool, version: bytes, why: str) -> None:
        if certain or tried.kind is Kind.GET:
            self._recorder.nothing(tried)
        else:
            self._recorder.unknown(tried, Version(version) if version else None)
        self._note(key, tried, why)

    def _note(self, key: str, tried: Tried, why: str = "") -> None:
        self.ended[f"{tried.kind.value} {tried.how.value}"] += 1
        self._log(f"{tried} {why}".rstrip(), key)

    # ------------------------------------------------------------ the judgement

    def _process_ended(self, process: Process, left: FakeDisk) -> None:
        voting = process.node.peering.voting
        self._remember[process.life.name] = voting.remembers or not voting.refusal

    def _remembers(self, name: str) -> bool:
        """Whether a node knows all that it ever promised and stored."""
        if not self._world.is_up(name):
            return self._remember[name]
        voting = self._world.node(name).peering.voting
        return voting.remembers or not voting.refusal

    def _emptied(self, name: str) -> None:
        """A node lost what was on its disk, and with it what it promised."""
        self._remember[name] = False
        self._emptied_once.add(name)
        lost = self._lost()
        for key in self._keys:
            replicas = self._world.replicas_of(key)
            silent = {each for each in replicas if not self._remembers(each)}
            most = len(replicas) // 2
            if len(lost.intersection(replicas)) > (len(replicas) - 1) // 2:
                self.undecided.add(key)
            if len(silent & self._emptied_once) > most:
                self._excused.add(key)

    def _lost(self) -> set[str]:
        """Nodes that will never count: too few of the others do, or will, to be compared with."""
        lost = {name for name in self._world.members if not self._remembers(name)}
        while found := {name for name in lost if self._can_be_compared(name, lost)}:
            lost -= found
        return lost

    def _can_be_compared(self, name: str, lost: Collection[str]) -> bool:
        groups = [group for group in self._world.groups if name in group]
        needed = {group: min((len(group) + 1) // 2, len(group) - 1) for group in groups}
        return all(len(group.difference(lost)) >= count for group, count in needed.items())

    async def judge(self) -> None:
        """Read each key once more through every node; then ask for an order."""
        for key in self._keys:
            for node in self._world.members if key not in self.undecided else ():
                await self._read_at_last(key, node)
            if key in self._excused:
                self.ended["keys excused"] += 1
                continue
            found = judge(self._recorder.tried.get(key, []))
            self.ended["keys judged"] += 1
            if not found.holds:
                raise Broken(f"{key} is not linearizable: {found.why}", key)

    async def _read_at_last(self, key: str, node: str) -> None:
        end_s = self._world.loop.now_s + _READABLE_WITHIN_S
        while True:
            tried = self._recorder.begins(key, Kind.GET, by=f"at last at {node}")
            if await self._ask("d0", node, key, tried):
                return
            if self._world.loop.now_s > end_s:
                raise Broken(f"{key} cannot be read by majority through {node}", key)
            await asyncio.sleep(0.5)


def _certainty(error: PeerUnavailable) -> tuple[bool, bytes]:
    """Whether nothing was written for certain, and else the version in which it would be."""
    reason = error.reason if isinstance(error, PeerRejected) else None
    version = reason.version if isinstance(reason, OutcomeUnknown) else b""
    return outcome_of(error) is Outcome.REFUSED, version
