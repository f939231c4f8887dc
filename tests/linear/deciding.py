"""What a coordinator does with a key that is decided by majority: read, prepare, accept; settle.

Each is a generator that runs at a replica, and so ends with it. What follows from answers is said
in functions without a world: `newest_of`, `holders_of`, `made_of`.

Operations that wait at one replica are decided together: the value is in hand, one after the other
is carried out on it, and one entry goes out. Each has a version of its own all the same, or a
condition on the version of one of them would be fulfilled by what another has put over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from kvcluster.model.condition import Condition
from kvcluster.model.entry import Entry, Version, time_of, version_of
from kvcluster.model.operation import Kind
from tests.linear.town import AGE_LIMIT, Answers, Replica, Task, Town, Wait, Work
from tests.linear.tried import Shown

PATIENCE = 40.0
"""So long an answer is waited for."""
_NOTHING = Version(b"")


@dataclass
class Asked:
    """An operation that waits at a coordinator, and how its client is told."""

    kind: Kind
    value: str
    condition: Condition | None
    until: float
    done: Callable[[Version, int], None]
    """It happened, in this version; so many replicas stored it."""
    shows: Callable[[Shown], None]
    """It is a read, or its condition did not hold."""
    unknown: Callable[[Version | None], None]
    nothing: Callable[[], None]
    version: Version = _NOTHING
    """If it writes: in which it does."""
    seen: Shown | None = None
    """If it does not: what it was judged on."""

    def changes(self, entry: Entry | None) -> bool:
        """Whether it writes where this is held."""
        return self.kind is not Kind.GET and (self.condition or Condition.none()).holds(entry)


def newest_of(held: Mapping[int, Entry | None]) -> Entry | None:
    """The newest entry that any of these replicas holds."""
    entries = [entry for entry in held.values() if entry is not None]
    return max(entries, key=version_of, default=None)


def holders_of(held: Mapping[int, Entry | None], entry: Entry | None) -> list[int]:
    """Who of them holds this very entry, or nothing as well."""
    return [place for place, it in held.items() if it == entry]


def shown(entry: Entry | None) -> Shown:
    """An entry as it is told."""
    return Shown(entry[0], entry[1]) if entry else Shown(None, _NOTHING)


def made_of(operations: Sequence[Asked], entry: Entry | None, versions: Sequence[Version]) -> Entry:
    """What operations make of an entry, one after the other; each is told what it did or saw.

    The last one that writes has the last version.
    """
    _carry_out(operations, entry, versions)
    writing = sum(1 for it in operations if it.version)
    return _carry_out(operations, entry, versions[-writing:])


def _carry_out(
    operations: Sequence[Asked], entry: Entry | None, versions: Sequence[Version]
) -> Entry:
    fresh = iter(versions)
    for it in operations:
        it.version, it.seen = _NOTHING, None
        if it.changes(entry):
            it.version = next(fresh)
            entry = (it.value if it.kind is Kind.PUT else None, it.version)
        else:
            it.seen = shown(entry)
    assert entry is not None, "somebody writes"
    return entry


class Coordinator:
    """Decides one key, from whichever replica it is asked at."""

    def __init__(self, town: Town, *, skips_reads: bool) -> None:
        """`skips_reads`: where its own copy fulfils the condition it prepares at once."""
        self._town = town
        self._skips_reads = skips_reads

    def queue(self, at: Replica, asked: Asked) -> None:
        """Have an operation decided; those that wait at one replica are decided together."""
        at.waiting.append(asked)
        if not at.busy:
            at.busy = True
            Task(self._town, at, self._rounds(at))

    def _rounds(self, at: Replica) -> Work[None]:
        while at.waiting:
            operations, at.waiting = at.waiting, []
            yield from self._decide(at, operations)
        at.busy = False

    def _decide(self, at: Replica, operations: list[Asked]) -> Work[None]:
        town, reads = self._town, not self._may_skip(at, operations[0])
        while operations:
            for it in [it for it in operations if town.now >= it.until or not at.votes]:
                it.nothing()
                operations.remove(it)
            if reads and operations:
                operations = yield from self._after_reading(at, operations)
            if operations:
                operations = yield from self._propose(at, operations)
            if operations:
                yield Wait(town.now + town.rng.uniform(2, 30))
            reads = True

    def _may_skip(self, at: Replica, asked: Asked) -> bool:
        return self._skips_reads and asked.changes(at.entry)

    # ------------------------------------------------------------ reading

    def _after_reading(self, at: Replica, operations: list[Asked]) -> Work[list[Asked]]:
        """Those of them that a read does not answer."""
        town, rules, asked_at = self._town, self._town.rules, self._town.now
        answers = town.ask(at, town.replicas, lambda r, answer: answer((r.votes, r.entry)))

        def held() -> dict[int, Entry | None]:
            return {place: entry for place, (votes, entry) in answers.given.items() if votes}

        yield Wait(town.now + PATIENCE, answers, lambda: self._is_chosen(held()))
        if len(held()) < town.majority:
            return operations
        newest, chosen = newest_of(held()), self._is_chosen(held())
        if not chosen and rules.reads_hand_over and newest is not None:
            chosen = yield from self._hand_over(at, newest, held(), asked_at)
        reads = chosen or not rules.reads_hand_over
        fails = chosen or not rules.mismatch_is_chosen
        while operations and not operations[0].changes(newest):
            if not (reads if operations[0].kind is Kind.GET else fails):
                break
            operations.pop(0).shows(shown(newest))
        return operations

    def _is_chosen(self, held: Mapping[int, Entry | None]) -> bool:
        return len(holders_of(held, newest_of(held))) >= self._town.majority

    def _hand_over(
        self, at: Replica, newest: Entry, held: Mapping[int, Entry | None], asked_at: float
    ) -> Work[bool]:
        """Give the newest entry to who lacks it; whether it is chosen now."""
        town = self._town
        if town.now - asked_at > AGE_LIMIT and town.rules.old_reads_hand_nothing_over:
            return False
        holders = holders_of(held, newest)
        lacking = [r for r in town.replicas if r.place not in holders]
        answers = self._store(at, newest, lacking, handed=True)

        def enough() -> bool:
            return len({*holders, *self._stored(answers)}) >= town.majority

        yield Wait(town.now + PATIENCE, answers, enough)
        return enough()

    # ------------------------------------------------------------ writing

    def _propose(self, at: Replica, operations: list[Asked]) -> Work[list[Asked]]:
        """Prepare and accept once. Those that are left must be tried again."""
        town, rules = self._town, self._town.rules
        room = town.rng.choice([0, 0, 50])  # for some that may come yet
        versions = at.ticks(len(operations) + room, decided=True)
        versions = [*versions[: len(operations) - 1], versions[-1]]
        if not rules.each_has_a_version:
            versions = versions[-1:] * len(versions)
        ballot = versions[-1] if rules.last_is_prepared else versions[0]
        held = yield from self._promised(at, ballot)
        newest = newest_of(held)
        label_is_old = newest is not None and version_of(newest) >= versions[0]
        if len(held) < town.majority or label_is_old:
            return operations
        if any(it.changes(newest) for it in operations):
            yield from self._accept(at, made_of(operations, newest, versions), operations)
            return []
        chosen = self._is_chosen(held) or not rules.mismatch_is_chosen
        if not chosen:
            newest = (newest[0] if newest else None, versions[-1])
            chosen = yield from self._accept(at, newest, [])
        for it in operations:
            if chosen:
                it.shows(shown(newest))
            else:
                it.nothing()
        return []

    def _promised(self, at: Replica, ballot: Version) -> Work[dict[int, Entry | None]]:
        """What those hold who promised."""
        town = self._town

        def prepare(r: Replica, answer: Callable[..., None]) -> None:
            if r.votes:
                r.give(ballot, lambda given: answer((given and r.votes, r.entry)))
            else:
                answer((False, None))

        answers = town.ask(at, town.replicas, prepare)

        def held() -> dict[int, Entry | None]:
            return {place: entry for place, (given, entry) in answers.given.items() if given}

        yield Wait(town.now + PATIENCE, answers, lambda: len(held()) >= town.majority)
        return held()

    def _accept(self, at: Replica, entry: Entry, operations: list[Asked]) -> Work[bool]:
        """Have it stored by a majority, and tell; whether it was."""
        town, rules = self._town, self._town.rules
        for _ in range(3):
            answers = self._store(at, entry, town.replicas)
            yield Wait(town.now + PATIENCE, answers, partial(self._is_accepted, answers))
            refused = any(verdict == "refused" for _, verdict in answers.given.values())
            if rules.accepts_are_not_renewed or self._is_accepted(answers) or not refused:
                break
            entry = (entry[0], at.ticks(1, decided=True)[0])
            for it in operations:
                it.version = entry[1] if it.version else it.version
        done = self._is_accepted(answers)
        if not done and not rules.nothing_is_run_again and operations:
            yield from self._decide(at, operations)
            return False
        for it in operations:
            if it.version and done:
                it.done(it.version, len(self._stored(answers)))
            elif it.version:
                it.unknown(it.version)
            elif it.seen is not None and done:
                it.shows(it.seen)
            else:
                it.nothing()
        return done

    def _store(
        self, at: Replica, entry: Entry, whom: Sequence[Replica], *, handed: bool = False
    ) -> Answers:
        """Have an entry stored; `handed`: it is one that others hold, and may be old."""

        def store(r: Replica, answer: Callable[..., None]) -> None:
            if not handed and r is not at and r.is_stale(time_of(version_of(entry))):
                answer((r.votes, "stale"))
                return
            anyway = handed and not r.town.rules.handing_over_respects_promises
            r.take(entry, lambda verdict: answer((r.votes, verdict)), anyway=anyway)

        return self._town.ask(at, whom, store)

    def _stored(self, answers: Answers) -> list[int]:
        counts = {"stored"} if self._town.rules.superseded_is_not_stored else {"stored", "older"}
        return [p for p, (votes, verdict) in answers.given.items() if votes and verdict in counts]

    def _is_accepted(self, answers: Answers) -> bool:
        return len(self._stored(answers)) >= self._town.majority

    # ------------------------------------------------------------ settling

    def settle(self, at: Replica) -> Work[None]:
        """A replica refused something: have what is held accepted above what it promised."""
        [ballot] = at.ticks(1, decided=True)
        held = yield from self._promised(at, ballot)
        if len(held) >= self._town.majority:
            newest = newest_of(held)
            yield from self._accept(at, (newest[0] if newest else None, ballot), [])
