"""The decider: operations on one key that need a majority, from start to finish.

Whoever coordinates is a replica of the key whose word counts, by preference the primary, so that
rivals meet in one place. There they wait for the key in a line, and all that wait are decided
together (model/decision.py). Rivals at other nodes cost a retry each, and nothing else.

    1  what this node holds is looked at. If it has something for the operations to do, on to 3.
    2  what is chosen is read. If nothing is to be done with that either, it is the answer: so a
       condition that fails costs one round and leaves nothing behind.
    3  a ballot is made, and a majority promises to take nothing older. The newest that they hold
       is what the operations are given.
    4  what is left of it goes out in a round, as any write does, and is done once a majority has
       stored this very entry. If no operation had anything to do, and what they were given is not
       on a majority, it is written again as it is: the answer must hold for ever.

**What is not known is not tried again**, by nobody: the entry may be chosen yet, by who reads it
and hands it on. A rival who came first is another thing, and so is a majority that was not reached
for the promises: nothing was written, and there is another ballot within the deadline.

Reading (Attiya, Bar-Noy, Dolev, "Sharing Memory Robustly in Message-Passing Systems", 1995): where
replicas differ, the newest is handed to a majority before it is told, or the next reader could be
told of an older one. One that cannot be handed over, for somebody has promised more, is about to be
replaced: after a moment there is something else to read. Only if that lasts it is decided.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kvcluster.cluster.deciding.majorities import Majorities, content_message
from kvcluster.cluster.deciding.turns import Decided, Proposal, Turn, parts, tell, unknown
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import within
from kvcluster.cluster.peers.voting import Voting
from kvcluster.cluster.writing.rounds import Rounds
from kvcluster.errors import KvError, NotReady, OutcomeUnknown, TimedOut, TooLate
from kvcluster.model.ballots import ballots_from, deciding_incarnation, majority
from kvcluster.model.decision import Content, decide, would_write
from kvcluster.model.entry import ZERO, Version, time_of
from kvcluster.model.operation import Operation

_MOST_DOUBLINGS = 6
_PATIENCE = 7
"""So often a reader looks again before he settles a key, and so gets in the way of a writer."""


@dataclass(eq=False, slots=True)
class _Joined:
    """Readers who wait for a key to be read after they came."""

    deadline_s: float = 0.0
    chosen: asyncio.Future[Content] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Decider(OnGround):
    """Of one node. Deadlines are times of the event loop's clock."""

    def __init__(
        self, ground: Ground, majorities: Majorities, voting: Voting, rounds: Rounds
    ) -> None:
        super().__init__(ground)
        self._majorities = majorities
        self._voting = voting
        self._rounds = rounds
        self._rng = random.Random(ground.time.incarnation)
        place = sorted(ground.membership.members).index(ground.membership.name)
        self._incarnation = deciding_incarnation(place, self._rng.getrandbits(8))
        self._lines: dict[str, list[Turn]] = {}
        self._reading: dict[str, _Joined | None] = {}
        """Keys that are being read, and who waits for the next."""

    @property
    def refusal(self) -> str:
        """Why this node cannot coordinate; empty: it can."""
        return self._voting.refusal

    async def decide(
        self, operations: Sequence[Operation], deadline_s: float
    ) -> list[Decided | KvError]:
        """Carry out operations on one key of this node, in their order. Raises NotReady, TooLate,
        OutcomeUnknown.
        """
        self._refuse_unless_voting()
        key = operations[0].key
        asked = Turn(operations, deadline_s)
        is_first = key not in self._lines
        self._lines.setdefault(key, []).append(asked)
        if is_first:
            self._spawn(self._work(key), "deciding a key")
        try:
            return await within(asked.done, deadline_s, "deciding the key")
        except TimedOut:
            raise self._given_up(asked) from None

    async def settle(self, key: str, deadline_s: float) -> Content:
        """Have what is there, or may be, chosen in a ballot of now. Raises NotReady, TooLate,
        OutcomeUnknown.
        """
        self._refuse_unless_voting()
        for tries in itertools.count():
            (ballot,) = self._ballots(1)
            seen = await self._majorities.prepare(key, ballot, deadline_s)
            if seen is not None:
                left = replace(seen.newest, version=ballot)
                await self._accept(key, left, deadline_s)
                return left
            await self._rest(deadline_s, tries)
        raise AssertionError("it goes on until it comes about or time is over")

    async def read(self, key: str, deadline_s: float) -> Content:
        """What is chosen of a key. Raises NotReady, TooLate.

        One at a time reads a key; who comes meanwhile is told by the next, which begins after that.
        """
        self._refuse_unless_voting()
        if key in self._reading:
            joined = self._reading[key] = self._reading[key] or _Joined()
            joined.deadline_s = max(joined.deadline_s, deadline_s)
            try:
                return await within(joined.chosen, deadline_s, "reading the key")
            except TimedOut:
                raise TooLate("the key was not read in time") from None
        self._reading[key] = None
        try:
            return await self._read(key, deadline_s)
        finally:
            if (others := self._reading.pop(key)) is not None:
                self._spawn(self._read_for(key, others), "reading a key")

    async def _read_for(self, key: str, joined: _Joined) -> None:
        try:
            joined.chosen.set_result(await self.read(key, joined.deadline_s))
        except KvError as error:
            joined.chosen.set_exception(error)
            joined.chosen.exception()  # seen, even if all have left

    async def _read(self, key: str, deadline_s: float) -> Content:
        for tries in range(_PATIENCE):
            content = await self._majorities.read(key, deadline_s)
            if content is not None:
                return content
            await self._rest(deadline_s, tries)
        try:
            return await self.settle(key, deadline_s)
        except OutcomeUnknown as error:  # it is a read, and wrote nothing new
            raise NotReady(f"the key could not be settled: {error}") from error

    def _refuse_unless_voting(self) -> None:
        self._gate.refuse_unless_writable()
        if why := self._voting.refusal:
            raise NotReady(f"{self._membership.name} {why}")

    def _given_up(self, asked: Turn) -> KvError:
        asked.done.cancel()
        if asked.proposed is None:
            return TooLate("the key was not decided in time")
        return unknown("the deadline passed while a majority was asked", asked.proposed)

    async def _work(self, key: str) -> None:
        """Decide for all who wait for a key, until nobody does."""
        try:
            while several := self._lines[key]:
                self._lines[key] = []
                await self._decide_for(key, several)
        finally:
            for asked in self._lines.pop(key):
                asked.fail(NotReady("this node is stopping"))

    async def _decide_for(self, key: str, several: list[Turn]) -> None:
        tries = 0
        while several := [asked for asked in several if not asked.done.done()]:
            deadline_s = max(asked.deadline_s for asked in several)
            try:
                if await self._try(key, several, deadline_s):
                    return
                await self._rest(deadline_s, tries)
            except KvError as error:
                for asked in several:
                    asked.fail(error)
                return
            tries += 1

    async def _try(self, key: str, several: list[Turn], deadline_s: float) -> bool:
        """Decide, in one ballot; whether nothing is left to do."""
        operations = [operation for asked in several for operation in asked.operations]
        if not would_write(operations, self._majorities.held(key)):
            chosen = await self.read(key, deadline_s)
            if not would_write(operations, chosen):
                tell(several, decide(operations, chosen, [ZERO] * len(operations)))
                return True
        ballots = self._ballots(len(operations))
        seen = await self._majorities.prepare(key, ballots[-1], deadline_s)
        if seen is None or (seen.newest.version or ZERO) >= ballots[0]:  # versions must ascend
            return False
        decision, left = decide(operations, seen.newest, ballots), None
        if decision.writes:
            left = decision.left
        elif not seen.is_chosen:
            left = replace(seen.newest, version=ballots[-1])
            decision = decide(operations, left, ballots)
        await self._conclude(key, several, Proposal(decision, left, seen.is_chosen), deadline_s)
        return True

    async def _conclude(
        self, key: str, several: list[Turn], proposal: Proposal, deadline_s: float
    ) -> None:
        """Have it accepted, and tell everybody what came of it."""
        decision, left, acknowledged = proposal.decision, proposal.left, 0
        for asked, rulings in parts(several, decision):
            asked.proposed = max((it.version for it in rulings if it.version), default=None)
        try:
            if left is not None:
                acknowledged = await self._accept(key, left, deadline_s)
        except OutcomeUnknown as error:
            for asked, rulings in parts(several, decision):
                asked.settle([proposal.without_an_end(it, error) for it in rulings])
            return
        tell(several, decision, acknowledged, self._membership.replica_count)

    async def _accept(self, key: str, left: Content, deadline_s: float) -> int:
        """Have a majority store what is left; how many hold it, or something newer. Raises
        DiskIsFull, NotReady, OutcomeUnknown.
        """
        assert left.version is not None
        self._store.refuse_if_full()
        pauses = self._gate.pauses
        (seats,) = self._rounds.join([content_message(key, left)])
        outcome = await within(seats.round.done, deadline_s, "storing the write")
        place, needed = seats.places.start, majority(self._membership.replica_count)
        if self._gate.was_away_since(pauses):
            raise OutcomeUnknown("this node was stopped while it wrote; the write may survive")
        if outcome.as_sent(place) < needed:
            stored = outcome.as_sent(place)
            raise OutcomeUnknown(f"{stored} replicas stored it, and {needed} are a majority")
        return outcome.acknowledged[place]

    def _ballots(self, count: int) -> list[Version]:
        return ballots_from(time_of(self._time.ticks(count)), count, self._incarnation)

    async def _rest(self, deadline_s: float, tries: int) -> None:
        """A rival came first: wait for a moment, by chance, for him to finish. Raises TooLate."""
        most_s = self._settings.decide_retry_s * (1 << min(tries, _MOST_DOUBLINGS))
        loop = asyncio.get_running_loop()
        if loop.time() >= deadline_s:
            raise TooLate("others were deciding the key all the time")
        await asyncio.sleep(min(self._rng.uniform(0, most_s), deadline_s - loop.time()))
