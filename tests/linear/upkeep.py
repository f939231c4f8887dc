"""What replicas do by themselves: heal, forget tombstones, and become whole after a lost disk."""

from __future__ import annotations

from collections.abc import Callable

from kvcluster.model.entry import Entry, Version, version_of
from tests.linear.deciding import PATIENCE, Coordinator
from tests.linear.town import AGE_LIMIT, TOMBSTONE_WAIT, Replica, Task, Town, Wait, Work

_PROMISE_AGES = 30.0


class Upkeep:
    """All of it, for all replicas."""

    def __init__(
        self, town: Town, coordinator: Coordinator, *, forgets: bool, heals: float
    ) -> None:
        """`forgets`: whether tombstones are dropped. `heals`: how long it takes at most."""
        self._town = town
        self._coordinator = coordinator
        self._forgets = forgets
        self._heals = heals

    def start(self, r: Replica) -> None:
        """A replica begins a life."""
        Task(self._town, r, self._look_after(r))
        Task(self._town, r, self._heal_always(r))
        if r.place == 0 and self._forgets:
            Task(self._town, r, self._forget(r))
        if not r.votes:
            Task(self._town, r, self._become_whole(r))

    def _look_after(self, r: Replica) -> Work[None]:
        """Settle what was refused; in a model without that rule, forget promises."""
        town = self._town
        while True:
            yield Wait(town.now + town.rng.uniform(10, 80))
            if r.behind and r.votes:
                yield from self._coordinator.settle(r)
            aged = r.promise is not None and town.now - r.promised_at > _PROMISE_AGES
            if aged and not town.rules.promises_never_age:
                r.promise, r.behind = None, False

    def _heal_always(self, r: Replica) -> Work[None]:
        town = self._town
        while True:
            yield Wait(town.now + town.rng.uniform(0.1, 1) * self._heals)
            other = town.rng.choice(town.replicas)
            if other is not r:
                yield from self._heal(r, other)

    def _heal(self, r: Replica, other: Replica, *, whatever: bool = False) -> Work[bool]:
        """Fetch what another holds that is newer; whether it was there, and votes."""
        town = self._town
        answers = town.ask(r, [other], lambda it, answer: answer((it.votes, it.entry, it.promise)))
        yield Wait(town.now + PATIENCE, answers)
        if not answers.given:
            return False
        [(votes, entry, promise)] = answers.given.values()
        if whatever and promise is not None:
            stored = town.ask(r, [r], lambda it, answer: it.give(promise, answer))
            yield Wait(town.now + PATIENCE, stored)
        if entry is not None and version_of(entry) > r.newest:
            anyway = whatever and town.rules.repair_ignores_promises
            anyway |= not town.rules.healing_respects_promises
            stored = town.ask(r, [r], lambda it, answer: it.take(entry, answer, anyway=anyway))
            yield Wait(town.now + PATIENCE, stored)
        return bool(votes) or not town.rules.whole_means_from_voters

    # ------------------------------------------------------------ lost disks

    def _become_whole(self, r: Replica) -> Work[None]:
        town, rules = self._town, self._town.rules
        if not rules.lost_disks_abstain:
            r.votes = True
            return
        waits = AGE_LIMIT * 1.2 if rules.lost_disks_wait else 0.0
        if rules.they_wait_before_they_compare:
            yield Wait(town.now + waits)
        compared: set[int] = set()
        while len(compared) < len(town.replicas) - town.majority + 1:
            for other in town.replicas:
                if other is not r and other.place not in compared:
                    whole = yield from self._heal(r, other, whatever=True)
                    compared |= {other.place} if whole else set()
            yield Wait(town.now + 5.0)
        if not rules.they_wait_before_they_compare:
            yield Wait(town.now + waits)
        r.votes = True

    # ------------------------------------------------------------ tombstones

    def _forget(self, r: Replica) -> Work[None]:
        """Hold, wait, drop, as model/tombstones.py has it; this replica is the primary."""
        town = self._town
        while True:
            yield Wait(town.now + town.rng.uniform(5, 20))
            entry = r.entry
            if entry is None or entry[0] is not None:
                continue
            yield from self._bury(r, entry)

    def _bury(self, r: Replica, entry: Entry) -> Work[None]:
        town = self._town
        lives = [it.life for it in town.replicas]
        if not (yield from self._all_hold(r, entry)):
            return
        yield Wait(town.now + TOMBSTONE_WAIT)
        here = [it.life for it in town.replicas if it.up and it.held_until <= town.now]
        if here == lives and (yield from self._all_drop(r, version_of(entry))):
            drop = ("drop", version_of(entry))
            yield Wait(town.now + PATIENCE, town.ask(r, [r], lambda it, done: it.write(drop, done)))

    def _all_hold(self, r: Replica, entry: Entry) -> Work[bool]:
        town = self._town
        anyway = not town.rules.holding_respects_promises

        def hold(it: Replica, answer: Callable[[object], None]) -> None:
            it.take(entry, answer, anyway=anyway)

        others = [it for it in town.replicas if it is not r]
        answers = town.ask(r, others, hold)
        yield Wait(town.now + PATIENCE, answers)
        holding = [it for it in answers.given.values() if it in {"stored", "older"}]
        return len(holding) == len(others)

    def _all_drop(self, r: Replica, version: Version) -> Work[bool]:
        town = self._town
        others = [it for it in town.replicas if it is not r]
        for _ in range(6):
            answers = town.ask(r, others, lambda it, answer: it.write(("drop", version), answer))
            yield Wait(town.now + PATIENCE, answers)
            dropped = answers.given
            others = [it for it in others if it.place not in dropped]
            if not others:
                return True
        return False
