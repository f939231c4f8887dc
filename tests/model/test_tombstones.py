"""When a tombstone may be forgotten: never a moment too early, however long a replica is away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import Version, make_version
from kvcluster.model.tombstones import Tombstone, Tombstones, Work

T = TypeVar("T")

WAIT_S = 60.0
YEAR_S = 365 * 86_400.0
V1, V2 = make_version(1, 0), make_version(2, 0)
TOMB: Tombstone = ("k", V1)
LED = ("a", "b", "c")
"""The replicas of a key of which this node, a, is the primary."""
FOLLOWED = ("b", "a", "c")
"""And of one of which it is not."""


LIFE = 1
"""The life of every replica, unless a test says otherwise."""


def graves_of(self_name: str) -> Tombstones:
    """Graves of a node that has heard all others."""
    graves = Tombstones(self_name, WAIT_S)
    for name in "abc":
        graves.meet(name, LIFE)
    return graves


class Yard:
    """Graves of several slots; replicas that are the same make a slot."""

    def __init__(self, self_name: str) -> None:
        self._tombstones = graves_of(self_name)
        self._replicas: dict[str, tuple[str, ...]] = {}
        self._slots: dict[tuple[str, ...], int] = {}

    def look(self, found: Sequence[tuple[Tombstone, tuple[str, ...]]], now_s: float) -> Work:
        """What all of them need."""
        work = Work()
        for (key, _), replicas in found:
            self._replicas[key] = replicas
            self._slots.setdefault(replicas, len(self._slots))
        for replicas, slot in self._slots.items():
            here = [tombstone for tombstone, its in found if its == replicas]
            self._tombstones.look(slot, replicas, here, now_s, work)
        work.room = Work().room
        return work

    def held(self, name: str, of: Tombstone, now_s: float) -> None:
        """A confirmation; of a key never seen, it comes to nothing."""
        replicas = self._replicas.get(of[0])
        if replicas:
            self._tombstones.held(self._slots[replicas], replicas, name, of, now_s, life=LIFE)

    def dropped(self, name: str, of: Tombstone) -> None:
        """See held."""
        replicas = self._replicas.get(of[0])
        if replicas:
            self._tombstones.dropped(self._slots[replicas], replicas, name, of)


class Bench:
    """The graves of node a, and a clock."""

    def __init__(self, replicas: tuple[str, ...] = LED) -> None:
        self.graves = graves_of("a")
        self.replicas = replicas
        self.now_s = 1_000.0

    def look(self, *tombstones: Tombstone, after_s: float = 0.0, absent: str = "") -> Work:
        """Let time pass, and see what these tombstones need then."""
        self.now_s += after_s
        work = Work(absent=frozenset(absent))
        self.graves.look(0, self.replicas, tombstones, self.now_s, work)
        work.room, work.absent = Work().room, Work().absent  # they say nothing here
        return work

    def held(self, *names: str, tombstone: Tombstone = TOMB, life: int = LIFE) -> None:
        """Some replicas confirm that they hold a tombstone."""
        for name in names:
            self.graves.held(0, self.replicas, name, tombstone, self.now_s, life=life)

    def dropped(self, *names: str, tombstone: Tombstone = TOMB) -> None:
        """Some replicas confirm that they dropped a tombstone."""
        for name in names:
            self.graves.dropped(0, self.replicas, name, tombstone)


def test_the_life_of_a_tombstone_at_its_primary() -> None:
    """Hold at all others, wait a minute, drop at all others, forget here: in this order."""
    one = Bench()
    assert one.look(TOMB) == Work(hold={"b": [TOMB], "c": [TOMB]}, waiting=Counter("bc"))
    one.held("b", "c")
    assert one.look(TOMB, after_s=5) == Work()
    assert one.look(TOMB, after_s=WAIT_S - 1) == Work()
    assert one.look(TOMB, after_s=1) == Work(drop={"b": [TOMB], "c": [TOMB]})
    one.dropped("b", "c")
    assert one.look(TOMB, after_s=5) == Work(forget=[TOMB])
    assert one.look(after_s=5) == Work()


def test_nothing_is_dropped_while_one_replica_has_not_confirmed() -> None:
    """The one that is missing may hold the old value, and would bring it back."""
    one = Bench()
    one.look(TOMB)
    one.held("b")
    for _ in range(100):
        work = one.look(TOMB, after_s=WAIT_S)
        assert work == Work(hold={"c": [TOMB]}, waiting=Counter("c"))


def test_a_replica_that_is_away_for_years_keeps_a_tombstone_alive() -> None:
    """No calendar decides: it comes back, confirms, and only then does the minute begin."""
    one = Bench()
    one.look(TOMB)
    one.held("b")
    assert one.look(TOMB, after_s=10 * YEAR_S) == Work(hold={"c": [TOMB]}, waiting=Counter("c"))
    one.held("c")
    assert one.look(TOMB, after_s=1) == Work()
    assert one.look(TOMB, after_s=WAIT_S - 0.1) == Work()
    assert one.look(TOMB, after_s=0.1).drop == {"b": [TOMB], "c": [TOMB]}


def test_a_replica_in_a_new_life_confirms_anew() -> None:
    """It may have lost its disk, and learnt the old value from one that had not confirmed yet."""
    one = Bench()
    one.look(TOMB)
    one.held("b")
    one.graves.meet("b", 2)
    assert one.look(TOMB).hold == {"b": [TOMB], "c": [TOMB]}
    one.held("c")
    assert one.look(TOMB, after_s=10 * WAIT_S).drop == {}
    one.held("b", life=2)
    assert one.look(TOMB, after_s=1) == Work()
    assert one.look(TOMB, after_s=WAIT_S).drop == {"b": [TOMB], "c": [TOMB]}


def test_a_confirmation_from_a_former_life_counts_nothing() -> None:
    """It was on its way when the replica was started anew, perhaps with an empty disk."""
    one = Bench()
    one.look(TOMB)
    one.held("c")
    one.graves.meet("b", 2)
    one.held("b", life=LIFE)
    assert one.look(TOMB, after_s=10 * WAIT_S) == Work(hold={"b": [TOMB]}, waiting=Counter("b"))


def test_no_drop_begins_while_a_replica_cannot_be_heard() -> None:
    """It may be in a new life that nobody here knows of; once begun, a drop goes on without it."""
    one = Bench()
    one.look(TOMB)
    one.held("b", "c")
    one.look(TOMB)
    assert one.look(TOMB, after_s=YEAR_S, absent="b") == Work(waiting=Counter("b"))
    assert one.look(TOMB).drop == {"b": [TOMB], "c": [TOMB]}
    one.dropped("c")
    assert one.look(TOMB, after_s=5, absent="b").drop == {"b": [TOMB]}


def test_a_replica_that_was_handed_the_tombstone_again_drops_it_again() -> None:
    """Else it would stand there for ever when the primary has forgotten it."""
    one = Bench()
    one.look(TOMB)
    one.held("b", "c")
    one.look(TOMB)
    one.look(TOMB, after_s=WAIT_S)
    one.dropped("b")
    one.graves.meet("b", 2)
    assert one.look(TOMB).hold == {"b": [TOMB]}
    one.held("b", life=2)
    one.look(TOMB)
    assert one.look(TOMB, after_s=WAIT_S).drop == {"b": [TOMB], "c": [TOMB]}


def test_the_primary_forgets_last() -> None:
    """Who missed the drop would offer it to a primary that knows nothing of it any more."""
    one = Bench()
    one.look(TOMB)
    one.held("b", "c")
    one.look(TOMB)
    one.look(TOMB, after_s=WAIT_S)
    one.dropped("c")
    for _ in range(100):
        assert one.look(TOMB, after_s=YEAR_S) == Work(drop={"b": [TOMB]})
    one.dropped("b")
    assert one.look(TOMB).forget == [TOMB]


def test_a_forgetting_that_failed_is_asked_for_again() -> None:
    """The disk was full: the tombstone is still there at the next look."""
    one = Bench()
    one.look(TOMB)
    one.held("b", "c")
    one.look(TOMB)
    one.look(TOMB, after_s=WAIT_S)
    one.dropped("b", "c")
    assert one.look(TOMB, after_s=5).forget == [TOMB]
    assert one.look(TOMB, after_s=5).forget == [TOMB]


def test_a_newer_tombstone_of_the_key_starts_anew() -> None:
    """Who holds the old one may hold a value that was written between the two."""
    one = Bench()
    newer: Tombstone = ("k", V2)
    one.look(TOMB)
    one.held("b", "c")
    one.look(TOMB)
    assert one.look(newer, after_s=WAIT_S) == Work(
        hold={"b": [newer], "c": [newer]}, waiting=Counter("bc")
    )
    one.held("b", "c")
    one.dropped("b", "c")
    assert one.look(newer, after_s=YEAR_S).hold == {"b": [newer], "c": [newer]}, "of the old one"
    one.held("b", "c", tombstone=newer)
    assert one.look(newer, after_s=5) == Work()
    assert one.look(newer, after_s=WAIT_S).drop == {"b": [newer], "c": [newer]}


def test_a_tombstone_that_was_gone_for_a_look_starts_anew() -> None:
    """It was forgotten here and handed back by one that missed the drop: all is asked again."""
    one = Bench()
    one.look(TOMB)
    one.held("b", "c")
    one.look(TOMB)
    one.look()
    one.held("b")
    assert one.look(TOMB, after_s=WAIT_S).hold == {"b": [TOMB], "c": [TOMB]}


def test_a_confirmation_of_what_nobody_asked_for_is_not_remembered() -> None:
    """A late answer, after the tombstone was forgotten or before it was ever seen."""
    one = Bench()
    one.held("b", "c")
    one.dropped("b", "c")
    assert one.look(TOMB).hold == {"b": [TOMB], "c": [TOMB]}


def test_a_drop_that_is_confirmed_too_early_forgets_nothing() -> None:
    """Whatever answers arrive in what order: every other replica held it first, and a minute."""
    one = Bench()
    one.look(TOMB)
    one.dropped("b", "c")
    assert one.look(TOMB, after_s=YEAR_S).forget == []
    one.held("b", "c")
    assert one.look(TOMB, after_s=5) == Work()
    assert one.look(TOMB, after_s=WAIT_S - 1) == Work()
    assert one.look(TOMB, after_s=1) == Work(drop={"b": [TOMB], "c": [TOMB]})


def test_a_key_of_one_replica_is_forgotten_after_the_wait() -> None:
    """Nobody has to hold it, but a message that brings the old value may still be on its way."""
    one = Bench(("a",))
    assert one.look(TOMB) == Work()
    assert one.look(TOMB, after_s=WAIT_S - 1) == Work()
    assert one.look(TOMB, after_s=1) == Work(forget=[TOMB])


@pytest.mark.parametrize("replicas", [FOLLOWED, ("b", "a"), ("c", "b", "a")])
def test_who_is_not_the_primary_offers_what_it_has_had_for_long(replicas: tuple[str, ...]) -> None:
    """To the primary and to nobody else; it drops and forgets nothing by itself."""
    one = Bench(replicas)
    assert one.look(TOMB) == Work()
    assert one.look(TOMB, after_s=2 * WAIT_S) == Work(), "the primary is given time to lead"
    assert one.look(TOMB, after_s=1) == Work(hold={replicas[0]: [TOMB]})
    assert one.look(TOMB, after_s=1) == Work(hold={replicas[0]: [TOMB]}), "no answer yet"


def test_what_was_offered_is_offered_again_much_later() -> None:
    """The primary took it, and then lost its folder, say."""
    one = Bench(FOLLOWED)
    one.look(TOMB)
    one.look(TOMB, after_s=2 * WAIT_S + 1)
    one.held("b")
    assert one.look(TOMB, after_s=2 * WAIT_S) == Work()
    assert one.look(TOMB, after_s=1) == Work(hold={"b": [TOMB]})


def test_who_waits_for_whom_is_counted_for_what_this_node_leads() -> None:
    """For `status`: an offer of a tombstone that another leads is not counted."""
    graves = Yard("a")
    led: list[Tombstone] = [(f"k{number}", V1) for number in range(5)]
    other: Tombstone = ("other", V1)
    found = [*((each, LED) for each in led), (other, FOLLOWED)]
    graves.look(found, 0.0)
    for each in led[:3]:
        graves.held("b", each, 0.0)
    graves.held("c", led[0], 0.0)
    work = graves.look(found, 10 * WAIT_S)
    assert work.waiting == {"b": 2, "c": 4}
    assert work.hold["b"] == [*led[3:], other]


def test_a_full_round_leaves_the_rest_for_the_next() -> None:
    """A million deletes are done in portions, and what waits is counted all the same."""
    graves = Tombstones("a", WAIT_S)
    tombstones: list[Tombstone] = [(f"k{number}", V1) for number in range(5)]
    work = Work(room=3)
    graves.look(0, ("a", "b"), tombstones, 0.0, work)
    assert work.hold == {"b": tombstones[:3]}
    assert work.waiting == {"b": 5}


def test_slots_without_tombstones_are_not_kept() -> None:
    """Memory follows what is buried now; a tombstone that comes back starts anew."""
    graves = Tombstones("a", WAIT_S)
    graves.look(0, ("a", "b"), [TOMB], 0.0, Work())
    graves.meet("b", LIFE)
    graves.held(0, ("a", "b"), "b", TOMB, 0.0, life=LIFE)
    graves.keep_only({1})
    work = Work()
    graves.look(0, ("a", "b"), [TOMB], 1.0, work)
    assert work.hold == {"b": [TOMB]}


# ---------------------------------------------------------------- whatever happens

REPLICAS = {"one": ("a",), "two": ("a", "c"), "three": ("a", "b", "c"), "not led": ("b", "a")}


Happening = tuple[str, float, str, list[Tombstone]]
"""What, when, by whom, and about which tombstones."""


@dataclass
class Twin:
    """The same, stupidly: remember everything that happened, and think it all through again."""

    log: list[Happening] = field(default_factory=list)

    def life(self, tombstone: Tombstone) -> list[Happening]:
        """What happened since a tombstone that is there now was first seen."""
        start = len(self.log)
        for index in reversed(range(len(self.log))):
            what, _, _, found = self.log[index]
            if what == "look" and tombstone not in found:
                break
            if what == "look":
                start = index
        return self.log[start:]

    def work(self, found: list[Tombstone], now_s: float) -> Work:
        work = Work()
        for tombstone in found:
            primary, *others = REPLICAS[tombstone[0]]
            if primary == "a":
                self.lead(tombstone, others, now_s, work)
            else:
                life = self.life(tombstone)
                times_s = [at for what, at, _, of in life if what == "held" and of == [tombstone]]
                if now_s - max([life[0][1], *times_s]) > 2 * WAIT_S:
                    work.hold.setdefault(primary, []).append(tombstone)
        return work

    def lead(self, tombstone: Tombstone, others: list[str], now_s: float, work: Work) -> None:
        confirmed: dict[str, set[str]] = {"held": set(), "dropped": set()}
        complete_s = None
        for what, at_s, who, of in self.life(tombstone):
            if what != "look" and of == [tombstone]:
                confirmed[what].add(who)
            if what == "held" and of == [tombstone]:
                confirmed["dropped"].discard(who)
            if what == "look" and complete_s is None and confirmed["held"].issuperset(others):
                complete_s = at_s
        if complete_s is None:
            for name in others:
                if name not in confirmed["held"]:
                    work.hold.setdefault(name, []).append(tombstone)
                    work.waiting[name] += 1
        elif now_s - complete_s >= WAIT_S:
            for name in others:
                if name not in confirmed["dropped"]:
                    work.drop.setdefault(name, []).append(tombstone)
            if confirmed["dropped"].issuperset(others):
                work.forget.append(tombstone)


tombstones = st.tuples(st.sampled_from(list(REPLICAS)), st.sampled_from([V1, V2]))


def rarely(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """Something once in a while, so that histories go on long enough to get anywhere."""
    return st.integers(0, 9).flatmap(lambda dice: st.none() if dice else strategy)


histories = st.lists(
    st.tuples(
        rarely(st.tuples(st.sampled_from(["bury", "lift"]), tombstones)),
        rarely(st.tuples(st.sampled_from(["held", "dropped"]), st.sampled_from("bc"), tombstones)),
        st.sampled_from([0, 5, 59, 60, 61, 130]),
        st.sampled_from(["bc", "bc", "b", "c", ""]),
    ),
    min_size=10,
    max_size=30,
)
Deed = tuple[str, Tombstone] | None
Stray = tuple[str, str, Tombstone] | None


def in_order(work: Work) -> Work:
    """The same work; in which order it is done does not matter."""
    for listed in (*work.hold.values(), *work.drop.values(), work.forget):
        listed.sort()
    return work


@given(histories)
def test_graves_agree_with_their_stupid_twin(history: list[tuple[Deed, Stray, int, str]]) -> None:
    """Deletes, overwrites, answers that come, are lost, or come from nowhere: same work always."""
    graves, twin, now_s = Yard("a"), Twin(), 0.0

    def confirm(what: str, name: str, of: Tombstone) -> None:
        if what == "held":
            graves.held(name, of, now_s)
        else:
            graves.dropped(name, of)
        twin.log.append((what, now_s, name, [of]))

    there: dict[str, Version] = dict.fromkeys(REPLICAS, V1)
    for deed, stray, gap_s, reached in history:
        now_s += gap_s
        if deed and deed[0] == "bury":
            there[deed[1][0]] = deed[1][1]
        elif deed:
            there.pop(deed[1][0], None)
        if stray:
            confirm(*stray)
        found = list(there.items())
        twin.log.append(("look", now_s, "", found))
        work = graves.look([(each, REPLICAS[each[0]]) for each in found], now_s)
        assert in_order(work) == in_order(twin.work(found, now_s))
        for name in reached:
            for of in work.hold.get(name, []):
                confirm("held", name, of)
            for of in work.drop.get(name, []):
                confirm("dropped", name, of)
        for key, _ in work.forget:
            del there[key]


@dataclass
class Replica:
    """What one replica of one key holds: the value, the tombstone, or nothing."""

    holds: str
    up: bool = True
    life: int = LIFE

    def lose_disk(self) -> None:
        """It comes back in a new life, with nothing."""
        self.holds, self.up, self.life = "nothing", True, self.life + 1

    def pull(self, other: Replica) -> None:
        """Take what another holds, if it is newer."""
        ranks = ["nothing", "value", "tombstone"]
        if self.up and other.up:
            self.holds = max(self.holds, other.holds, key=ranks.index)


_MOVES = ["down b", "up b", "lose b", "b pulls c", "down c", "up c", "lose c", "c pulls b"]
moves = st.lists(st.tuples(st.sampled_from(_MOVES), st.sampled_from([1, 20, 61])), max_size=40)


@given(moves, st.sampled_from(["value", "nothing"]), st.sampled_from(["value", "nothing"]))
def test_no_replica_ever_holds_the_value_when_nobody_holds_the_tombstone(
    history: list[tuple[str, int]], b_holds: str, c_holds: str
) -> None:
    """The promise itself: replicas that come, go and lose their disks, and never a way for it back.

    And once all are up for long enough, nothing is left of it anywhere.
    """
    graves, now_s = Tombstones("a", WAIT_S), 0.0
    nodes = {"a": Replica("tombstone"), "b": Replica(b_holds), "c": Replica(c_holds)}
    last = [("up b", 61), ("up c", 61), *[("up b", 61)] * 4]
    for move, gap_s in [*history, *last]:
        now_s += gap_s
        _move(nodes, move)
        there = [name for name in "bc" if nodes[name].up]
        for name in there:
            graves.meet(name, nodes[name].life)
        found = [TOMB] if nodes["a"].holds == "tombstone" else []
        work = Work(absent=frozenset("bc").difference(there))
        graves.look(0, LED, found, now_s, work)
        for each in [each for each in work.hold if nodes[each].up]:
            nodes[each].holds = "tombstone"
            graves.held(0, LED, each, TOMB, now_s, life=nodes[each].life)
        for each in [each for each in work.drop if nodes[each].up]:
            nodes[each].holds = "nothing"
            graves.dropped(0, LED, each, TOMB)
        if work.forget:
            nodes["a"].holds = "nothing"
        held = {node.holds for node in nodes.values()}
        assert "tombstone" in held or "value" not in held
        if "value" in held:
            assert nodes["a"].holds == "tombstone"
            assert not work.drop, "a drop begins when nobody holds the value any more"
    assert {node.holds for node in nodes.values()} == {"nothing"}


def _move(nodes: dict[str, Replica], move: str) -> None:
    match move.split():
        case ["lose", name]:
            nodes[name].lose_disk()
        case [name, "pulls", other]:
            nodes[name].pull(nodes[other])
        case [way, name]:
            nodes[name].up = way == "up"
