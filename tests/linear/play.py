"""Histories of the model: clients, faults, and the judgement.

    python -m tests.linear.play 5000                    all rules: nothing may break
    python -m tests.linear.play 5000 reads_hand_over    without a rule: how many break, and one
    python -m tests.linear.play 1000 each               without each rule, one after the other

At the end of a history the network is well, everybody is up, and the key is read through every
replica: what was lost shows there at last.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kvcluster.model.condition import Condition
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from tests.linear.checker import Judgement, judge
from tests.linear.deciding import Asked, Coordinator
from tests.linear.plain_puts import PlainPuts
from tests.linear.rules import ALL, NAMES, Rules
from tests.linear.town import AGE_LIMIT, Replica, Town
from tests.linear.tried import Recorder, Shown, Tried
from tests.linear.upkeep import Upkeep

_KEY = "k"
_CALM = 700.0


@dataclass
class Plan:
    """What is drawn from a seed."""

    rng: random.Random
    replicas: int = 3
    clients: int = 3
    operations: int = 6
    pause: float = 10.0
    conditional: float = 0.6
    reads: float = 0.4
    deletes: float = 0.2
    primary: float = 0.5
    """How often a client asks the first replica."""
    faults: Sequence[str] = ()
    lasts: Sequence[float] = (10.0, 60.0, 200.0)
    skips_reads: bool = False
    forgets: bool = False
    heals: float = 80.0
    """So long at most it takes until a replica heals."""
    lose: Sequence[float] = (0.0, 0.05, 0.2)
    straggle: Sequence[float] = (0.0, 0.05, 0.2)

    @classmethod
    def of(cls, seed: int, sort: str = "any") -> Plan:
        """Draw one, of a sort that some fault needs to show."""
        rng = random.Random(seed)
        kinds = ["crash", "crash", "hold", "empty", "cut"]
        plan = cls(
            rng,
            replicas=rng.choice([3, 3, 3, 5, 2]),
            operations=rng.choice([4, 7, 12]),
            pause=rng.choice([2.0, 15.0, 60.0]),
            conditional=rng.choice([0.0, 0.3, 0.7, 1.0]),
            reads=rng.choice([0.2, 0.5]),
            deletes=rng.choice([0.1, 0.5]),
            primary=rng.choice([0.0, 0.5, 0.9]),
            faults=[rng.choice(kinds) for _ in range(rng.choice([0, 1, 3, 6]))],
            skips_reads=rng.random() < 0.5,
            forgets=rng.random() < 0.4,
            heals=rng.choice([20.0, 80.0, 400.0]),
        )
        SORTS[sort](plan)
        return plan


def _crashes(plan: Plan) -> None:
    plan.replicas, plan.operations, plan.faults = 3, 2, ["crash"] * plan.rng.randint(1, 4)
    plan.lasts, plan.straggle, plan.lose = (0.5, 3.0), (0.2, 0.5), (0.0, 0.2)
    plan.conditional, plan.pause, plan.primary = 1.0, 2.0, 0.2


def _lost_disks(plan: Plan) -> None:
    plan.faults, plan.lasts = ["empty"] * 2 + ["hold"], (0.5, 3.0)
    plan.straggle, plan.lose = (0.2, 0.5), (0.0, 0.2)
    plan.replicas, plan.operations = plan.rng.choice([3, 3, 5]), plan.rng.choice([2, 6])
    plan.conditional, plan.pause, plan.heals = 1.0, plan.rng.choice([2.0, 40.0]), 3000.0


def _tombstones(plan: Plan) -> None:
    plan.forgets, plan.deletes, plan.faults = True, 0.6, ["hold", "hold", "crash"]
    plan.operations, plan.pause, plan.conditional = 12, 60.0, plan.rng.choice([0.3, 0.7])
    plan.straggle, plan.heals = (0.1, 0.3), 3000.0


def _plain(plan: Plan) -> None:
    plan.conditional, plan.lose = plan.rng.choice([0.0, 0.1, 0.3]), (0.1, 0.2, 0.3)
    plan.pause, plan.reads = plan.rng.choice([2.0, 15.0]), 0.5
    plan.primary = 0.0


def _promises(plan: Plan) -> None:
    plan.replicas, plan.operations, plan.primary = 3, 2, 0.2
    plan.faults = [plan.rng.choice(["hold", "cut"]) for _ in range(2)]
    plan.straggle, plan.lose, plan.conditional = (0.2, 0.5), (0.0, 0.2), 1.0
    plan.heals, plan.pause = plan.rng.choice([5.0, 30.0]), 2.0


SORTS: dict[str, Callable[[Plan], None]] = {
    "any": lambda plan: None,
    "crashes": _crashes,
    "lost disks": _lost_disks,
    "tombstones": _tombstones,
    "plain puts": _plain,
    "promises": _promises,
}


@dataclass
class History:
    """How one went."""

    tried: list[Tried] = field(default_factory=list)
    judgement: Judgement = field(default_factory=Judgement)
    ended: Counter[str] = field(default_factory=Counter)


class Play:
    """One history."""

    def __init__(self, seed: int, rules: Rules = ALL, sort: str = "any") -> None:
        self.plan = Plan.of(seed, sort)
        self._rng = self.plan.rng
        self._town = Town(self._rng, rules, self.plan.replicas)
        self._coordinator = Coordinator(self._town, skips_reads=self.plan.skips_reads)
        self._plain = PlainPuts(self._town, self._coordinator)
        self._upkeep = Upkeep(
            self._town, self._coordinator, forgets=self.plan.forgets, heals=self.plan.heals
        )
        self._recorder = Recorder()
        self._shown: list[Shown] = []
        self._left = self.plan.clients
        self._number = 0

    def play(self) -> History:
        """To the end."""
        town, rng, weather = self._town, self._rng, self._town.weather
        weather.lose = rng.choice(self.plan.lose)
        weather.repeat = rng.choice([0.0, 0.2])
        weather.straggle = rng.choice(self.plan.straggle)
        weather.slow = rng.choice([3.0, 10.0])
        for replica in town.replicas:
            self._upkeep.start(replica)
        for name in range(self.plan.clients):
            town.later(rng.uniform(0, self.plan.pause), self._client, f"c{name}", 0)
        for fault in self.plan.faults:
            town.later(rng.uniform(0, 25 * self.plan.operations), self._befall, fault)
        town.run(40_000.0, lambda: self._left == 0)
        self._read_everywhere()
        history = self._recorder.tried.get(_KEY, [])
        ended = Counter(it.how.value for it in history)
        return History(history, judge(history), ended)

    # ------------------------------------------------------------ clients

    def _client(self, name: str, done: int, failed: bool = False) -> None:
        if done == self.plan.operations:
            self._left -= 1
            return
        rng = self._rng
        at = self._town.replicas[0] if rng.random() < self.plan.primary else self._any()

        def then(failed: bool) -> None:
            pause = 0.5 if failed and rng.random() < 0.5 else rng.expovariate(1 / self.plan.pause)
            self._town.later(pause, self._client, name, done + 1, failed)

        if rng.random() < self.plan.reads and not failed:
            self._try(name, at, Kind.GET, None, then)
        else:
            kind = Kind.DELETE if rng.random() < self.plan.deletes else Kind.PUT
            conditional = rng.random() < self.plan.conditional
            self._try(name, at, kind, self._condition() if conditional else None, then)

    def _any(self) -> Replica:
        return self._rng.choice(self._town.replicas)

    def _condition(self) -> Condition:
        rng = self._rng
        last = rng.choice(self._shown[-4:]) if self._shown else Shown(None, Version(b""))
        if last.value is None:
            return rng.choice([Condition.absent(), Condition.absent(), Condition.none()])
        return rng.choice(
            [
                Condition.version(last.version),
                Condition.version(last.version),
                Condition.value(last.value),
                Condition.exists(),
                Condition.absent(),
            ]
        )

    def _try(
        self,
        name: str,
        at: Replica,
        kind: Kind,
        condition: Condition | None,
        then: Callable[[bool], None],
    ) -> None:
        """One operation, whose client gives up after a while."""
        town = self._town
        self._number += 1
        value = f"{self._number}" if kind is Kind.PUT else ""
        by = f"{name} at {at.place}"
        tried = self._recorder.begins(_KEY, kind, value=value, condition=condition, by=by)
        if not at.up:
            self._recorder.nothing(tried)
            then(True)
            return
        ends = _Ends(self, tried, then)
        patience = self._rng.choice([60.0, 200.0])
        asked = Asked(
            kind, value, condition, town.now + patience,
            ends.done, ends.shows, ends.unknown, ends.nothing,
        )  # fmt: skip
        plain = condition is None and kind is not Kind.GET
        delay = self._rng.uniform(0.2, 3)
        town.later(delay, self._arrive, at, asked, plain)
        town.later(patience + self._rng.choice([-30.0, 10.0, 150.0]), ends.unknown, None)

    def _arrive(self, at: Replica, asked: Asked, plain: bool) -> None:
        if not at.up:
            return
        if at.held_until > self._town.now:
            self._town.later(at.held_until - self._town.now, self._arrive, at, asked, plain)
        elif plain:
            self._plain.write(at, asked)
        else:
            self._coordinator.queue(at, asked)

    def told(self, tried: Tried, how: str, version: Version | None, shown: Shown | None) -> None:
        """An answer has come back to a client, the first one."""
        recorder = self._recorder
        if how == "done":
            recorder.done(tried, version=version)
            self._shown.append(Shown(tried.value, version or Version(b"")))
        elif how == "unknown":
            recorder.unknown(tried, version)
        elif how == "nothing" or shown is None:
            recorder.nothing(tried)
        else:
            self._shown.append(shown)
            if tried.kind is Kind.GET:
                recorder.done(tried, shown=shown)
            else:
                recorder.mismatch(tried, shown)

    @property
    def majority(self) -> int:
        """How many replicas are one."""
        return self._town.majority

    def later(self, what: Callable[..., None], *arguments: object) -> None:
        """An answer travels back."""
        self._town.later(self._rng.uniform(0.2, 3), what, *arguments)

    # ------------------------------------------------------------ faults

    def _befall(self, fault: str) -> None:
        rng, town, victim = self._rng, self._town, self._any()
        lasts = rng.choice(self.plan.lasts)
        if fault == "hold" and victim.up:
            victim.held_until = town.now + rng.choice([20.0, AGE_LIMIT, 4 * AGE_LIMIT])
        elif fault == "crash" and victim.up:
            victim.crash()
            town.later(lasts, self._start, victim)
        elif fault == "cut":
            town.weather.lose += 0.5
            town.later(lasts, self._mend)
        elif fault == "empty" and victim.up and victim.votes and self._may_lose_one():
            victim.crash(empty=True)
            victim.votes = False
            town.later(rng.choice([2.0, lasts]), self._start, victim)

    def _may_lose_one(self) -> bool:
        """Whether somebody is left, then, who holds whatever was chosen."""
        lost = sum(1 for it in self._town.replicas if not it.votes)
        return lost + 1 < self._town.majority

    def _mend(self) -> None:
        self._town.weather.lose -= 0.5

    def _start(self, victim: Replica) -> None:
        if not victim.up:
            victim.start()
            self._upkeep.start(victim)

    def _read_everywhere(self) -> None:
        town = self._town
        town.weather.lose = town.weather.straggle = 0.0
        for replica in town.replicas:
            replica.held_until = 0.0
            self._start(replica)
        left = list(town.replicas)

        def next_one(failed: bool = True) -> None:
            if not failed:
                left.pop()
            if left:
                town.later(20.0, self._try, "last", left[-1], Kind.GET, None, next_one)

        town.later(_CALM, next_one)
        town.run(town.now + 20 * _CALM, lambda: not left)
        assert not left, "the key could not be read at the end"


class _Ends:
    """Tells a client how its operation ended, once."""

    def __init__(self, play: Play, tried: Tried, then: Callable[[bool], None]) -> None:
        self._play, self._tried, self._then = play, tried, then
        self._told = False

    def done(self, version: Version, holders: int) -> None:
        """It happened; by fewer than a majority it may be overwritten unseen."""
        if holders < self._play.majority:
            self.unknown(None)
        else:
            self._play.later(self._tell, "done", version, None)

    def shows(self, shown: Shown) -> None:
        """It is a read, or its condition did not hold."""
        self._play.later(self._tell, "shown", None, shown)

    def unknown(self, version: Version | None) -> None:
        """Nobody knows."""
        self._tell("unknown", version, None)

    def nothing(self) -> None:
        """It certainly did not happen."""
        self._play.later(self._tell, "nothing", None, None)

    def _tell(self, how: str, version: Version | None, shown: Shown | None) -> None:
        if not self._told:
            self._told = True
            self._play.told(self._tried, how, version, shown)
            self._then(how in {"unknown", "nothing"})


def first_broken(seeds: Sequence[int], rules: Rules, sort: str) -> int | None:
    """The first of these histories that breaks."""
    return next((it for it in seeds if not Play(it, rules, sort).play().judgement.holds), None)


def tell(seed: int, rules: Rules, sort: str) -> str:
    """One history, for people."""
    history = Play(seed, rules, sort).play()
    lines = [*map(str, history.tried), history.judgement.why or "it holds"]
    return "\n".join(lines)


def main(words: list[str]) -> None:
    """Play so many of each sort, with all rules or without some."""
    seeds, names = range(int(words[0])), words[1:]
    for each in NAMES if names == ["each"] else [None]:
        rules = ALL.without(each) if each else ALL.without(*names)
        counts = {}
        for sort in SORTS:
            broken = [it for it in seeds if not Play(it, rules, sort).play().judgement.holds]
            counts[sort] = len(broken)
            if broken and not each:
                print(tell(broken[0], rules, sort))
        print(f"{each or names or 'all rules'}: {counts} of {len(seeds):,} each", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
