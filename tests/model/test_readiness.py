"""When a node may take writes and answer reads."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import Version, make_version
from kvcluster.model.readiness import Readiness, Status

PEERS = ("b:2", "c:3")
ALL_SHARED = {"b:2": {1, 2}, "c:3": {1, 2}}
V1, V2, V3 = make_version(1, 0), make_version(2, 0), make_version(3, 0)


def status_of(readiness: Readiness) -> Status:
    """The status now; a function, so that a type checker does not remember the last answer."""
    return readiness.status


def started() -> Readiness:
    """A whole node that heard its peers, and missed nothing."""
    readiness = Readiness(ALL_SHARED)
    for peer in PEERS:
        readiness.heard(peer, None)
    return readiness


# ---------------------------------------------------------------- a node that is whole


def test_node_alone_serves_at_once() -> None:
    """A cluster of one waits for nobody."""
    assert Readiness({}).status is Status.SERVING


def test_start_hears_everybody_then_serves() -> None:
    """Who misses nothing fetches nothing; but nobody may be left out, for the clock's sake."""
    readiness = Readiness(ALL_SHARED)
    assert status_of(readiness) is Status.STARTING
    assert readiness.waiting_for() == ["b:2", "c:3"]
    readiness.heard("b:2", None)
    assert status_of(readiness) is Status.STARTING
    assert readiness.waiting_for() == ["c:3"]
    readiness.heard("c:3", None)
    assert status_of(readiness) is Status.SERVING
    assert readiness.waiting_for() == []


def test_start_with_notes_at_both_peers_fetches_from_both() -> None:
    """Each debt by itself, from the version that its peer named."""
    readiness = Readiness(ALL_SHARED)
    readiness.heard("b:2", V1)
    assert status_of(readiness) is Status.STARTING
    readiness.heard("c:3", V2)
    assert status_of(readiness) is Status.SYNCING
    assert (readiness.owed("b:2"), readiness.owed("c:3")) == (V1, V2)
    readiness.pulled("b:2", None, at=1)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.waiting_for() == ["c:3"]
    readiness.pulled("c:3", None, at=1)
    assert status_of(readiness) is Status.SERVING


def test_absent_peers_are_excused_and_pulled_from_when_they_return() -> None:
    """One live replica is enough to serve, but what a late peer has noted is fetched first."""
    readiness = Readiness(ALL_SHARED)
    for peer in PEERS:
        readiness.excuse(peer)
    assert status_of(readiness) is Status.SERVING
    readiness.heard("b:2", V2)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.owed("b:2") == V2


def test_told_of_missed_writes_a_serving_node_stops_reading() -> None:
    """And the oldest version that anybody told of is what it pulls from."""
    readiness = started()
    readiness.told("c:3", V2)
    readiness.told("c:3", V1)
    readiness.heard("c:3", V3)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.owed("c:3") == V1
    assert readiness.waiting_for() == ["c:3"]


def test_more_that_was_missed_during_a_pull_is_still_owed() -> None:
    """The answer to the confirmation names it; it may be newer than what was owed before."""
    readiness = started()
    readiness.told("c:3", V1)
    readiness.pulled("c:3", V3, at=1)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.owed("c:3") == V3
    readiness.pulled("c:3", None, at=1)
    assert status_of(readiness) is Status.SERVING


def test_what_was_told_after_the_confirmation_and_overtook_its_answer_is_still_owed() -> None:
    """The answer says that nothing is missed; the heartbeat sent a moment later knows better."""
    readiness = started()
    readiness.told("c:3", V1, at=1)
    readiness.told("c:3", V3, at=8)
    readiness.pulled("c:3", None, at=7)
    assert readiness.owed("c:3") == V3
    readiness.pulled("c:3", None, at=9)
    assert status_of(readiness) is Status.SERVING


def test_word_of_a_former_life_with_a_clock_ahead_keeps_nobody_owing() -> None:
    """The peer's clock went back with its restart, and each answer looked older than that word."""
    readiness = started()
    readiness.told("c:3", V1, at=3_600)
    readiness.met_anew("c:3")
    assert readiness.owed("c:3") == V1
    readiness.pulled("c:3", None, at=2)
    assert status_of(readiness) is Status.SERVING


def test_peer_that_leaves_with_a_debt_open_is_not_waited_for() -> None:
    """Its note stands on its disk, and is told again when it is back."""
    readiness = started()
    readiness.told("c:3", V2)
    readiness.excuse("c:3")
    assert status_of(readiness) is Status.SERVING
    assert readiness.owed("c:3") is None
    readiness.heard("c:3", V2)
    assert readiness.owed("c:3") == V2


def test_node_that_was_stopped_hears_everybody_again() -> None:
    """It neither reads nor writes before, and pulls only what it is told of."""
    readiness = started()
    readiness.look_around()
    assert status_of(readiness) is Status.STARTING
    readiness.heard("b:2", None)
    readiness.heard("c:3", V1)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.waiting_for() == ["c:3"]


def test_node_that_was_stopped_still_owes_what_it_owed() -> None:
    """A pause pays no debt, though every peer is heard again and says nothing new."""
    readiness = started()
    readiness.told("c:3", V2)
    readiness.look_around()
    for peer in PEERS:
        readiness.heard(peer, None)
    assert readiness.owed("c:3") == V2
    assert status_of(readiness) is Status.SYNCING


def test_draining_goes_before_everything() -> None:
    """A stopping node takes nothing, whatever else it waits for."""
    readiness = Readiness(ALL_SHARED, incomplete=True)
    readiness.disagree("b:2", "configuration")
    readiness.draining = True
    assert status_of(readiness) is Status.DRAINING


# ---------------------------------------------------------------- a node to be made whole


def test_repair_is_done_by_each_peer_once() -> None:
    """An empty folder: what is here may be absent, and no note tells of it."""
    readiness = Readiness(ALL_SHARED, repair=True)
    for peer in PEERS:
        readiness.heard(peer, None)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.to_repair() == readiness.waiting_for() == ["b:2", "c:3"]
    readiness.repaired("c:3")
    assert readiness.to_repair() == readiness.waiting_for() == ["b:2"]
    readiness.repaired("b:2")
    assert status_of(readiness) is Status.SERVING
    readiness.excuse("b:2")
    readiness.heard("b:2", None)
    assert status_of(readiness) is Status.SERVING, "once is enough"


def test_repair_by_peers_that_are_away_is_done_when_they_come() -> None:
    """A new node alone serves; as soon as a peer is up, it is made whole before it reads again."""
    readiness = Readiness(ALL_SHARED, repair=True)
    for peer in PEERS:
        readiness.excuse(peer)
    assert readiness.to_repair() == []
    assert status_of(readiness) is Status.SERVING
    readiness.heard("c:3", None)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.to_repair() == ["c:3"]
    readiness.repaired("c:3")
    assert status_of(readiness) is Status.SERVING


def test_a_debt_paid_is_no_repair_and_a_repair_pays_no_debt() -> None:
    """A pull brings what is newer than its note; only comparing everything makes whole."""
    readiness = Readiness(ALL_SHARED, repair=True)
    readiness.heard("b:2", V1)
    readiness.heard("c:3", None)
    readiness.repaired("c:3")
    readiness.pulled("b:2", None, at=1)
    assert readiness.waiting_for() == ["b:2"]
    readiness.told("b:2", V2)
    readiness.repaired("b:2")
    assert readiness.waiting_for() == ["b:2"]
    readiness.pulled("b:2", None, at=1)
    assert status_of(readiness) is Status.SERVING


def test_peer_that_shares_no_slot_has_nothing_to_repair() -> None:
    """With few replicas and many members a peer may hold nothing of ours; it is heard, no more."""
    readiness = Readiness({"b:2": {1}, "c:3": set()}, repair=True)
    for peer in PEERS:
        readiness.heard(peer, None)
    assert readiness.to_repair() == ["b:2"]
    readiness.repaired("b:2")
    assert status_of(readiness) is Status.SERVING


def test_damaged_node_does_not_serve_until_some_peer_restored_it() -> None:
    """Peers that are all absent excuse a whole node, not one that lost data."""
    readiness = Readiness(ALL_SHARED, incomplete=True)
    for peer in PEERS:
        readiness.excuse(peer)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.waiting_for() == [], "there is nobody"
    readiness.heard("b:2", None)
    assert readiness.waiting_for() == ["b:2"]
    readiness.repaired("b:2")
    assert status_of(readiness) is Status.SERVING, "it holds every slot that we hold"


def test_damaged_node_serves_only_when_every_slot_was_restored() -> None:
    """Where members hold different parts, one peer alone may not have all that was lost."""
    readiness = Readiness({"b:2": {1, 2}, "c:3": {2, 3}}, incomplete=True)
    readiness.heard("b:2", None)
    readiness.excuse("c:3")
    readiness.repaired("b:2")
    assert status_of(readiness) is Status.SYNCING
    assert readiness.waiting_for() == []
    readiness.heard("c:3", None)
    assert readiness.waiting_for() == ["c:3"]
    readiness.repaired("c:3")
    assert status_of(readiness) is Status.SERVING


def test_pull_does_not_restore_a_damaged_node() -> None:
    """Only comparing everything brings back what nobody knows to be missing."""
    readiness = Readiness(ALL_SHARED, incomplete=True)
    readiness.heard("b:2", V1)
    readiness.excuse("c:3")
    readiness.pulled("b:2", None, at=1)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.waiting_for() == ["b:2"]


def test_pause_while_the_last_slots_are_restored_does_not_keep_a_node_from_serving() -> None:
    """The repair ended between the pause and the first heartbeats after it: nothing is owed.

    It once waited for ever, for nobody.
    """
    readiness = Readiness(ALL_SHARED, incomplete=True)
    for peer in PEERS:
        readiness.heard(peer, None)
    readiness.repaired("b:2")
    readiness.look_around()
    readiness.repaired("c:3")
    for peer in PEERS:
        readiness.heard(peer, None)
    assert status_of(readiness) is Status.SERVING


# ---------------------------------------------------------------- another configuration


def test_node_that_all_heard_peers_disagree_with_does_not_begin_to_serve() -> None:
    """It would build a cluster of its own, though its other peer is only away."""
    readiness = Readiness(ALL_SHARED)
    readiness.disagree("b:2", "configuration")
    readiness.excuse("c:3")
    assert status_of(readiness) is Status.STARTING
    assert readiness.outvoted
    assert readiness.disagreeing == [("b:2", "configuration")]


def test_one_peer_that_agrees_is_enough_to_begin() -> None:
    """The other one is the newcomer that is to be mended."""
    readiness = Readiness(ALL_SHARED)
    readiness.disagree("b:2", "configuration")
    readiness.heard("c:3", None)
    assert status_of(readiness) is Status.SERVING
    assert readiness.disagreeing == [("b:2", "configuration")]


@pytest.mark.parametrize("heard", [True, False])
def test_node_that_served_goes_on_when_a_newcomer_disagrees(heard: bool) -> None:
    """Whether it served with a peer that is gone now or alone: a wrong option there stops no one.

    Alone, it once stopped.
    """
    readiness = Readiness(ALL_SHARED)
    if heard:
        readiness.heard("b:2", None)
    readiness.excuse("b:2")
    readiness.excuse("c:3")
    assert status_of(readiness) is Status.SERVING
    readiness.disagree("c:3", "clock")
    assert status_of(readiness) is Status.SERVING
    assert readiness.disagreeing == [("c:3", "clock")]


def test_node_that_more_than_half_refuse_stops_until_they_are_fewer() -> None:
    """Alone among all whom it refuses it once served on, and its writes were on it only."""
    readiness = started()
    for peer in PEERS:
        readiness.disagree(peer, "clock")
    assert status_of(readiness) is Status.STARTING
    readiness.excuse("b:2")
    assert status_of(readiness) is Status.SERVING
    readiness.disagree("b:2", "clock")
    assert status_of(readiness) is Status.STARTING
    readiness.heard("b:2", None)
    assert status_of(readiness) is Status.SERVING


def test_half_of_the_members_are_not_enough_to_stop_a_node_that_served() -> None:
    """Each side of two sees the other as the half that is to be mended; one of them had served."""
    readiness = Readiness({"b:2": {1}})
    readiness.heard("b:2", None)
    readiness.disagree("b:2", "clock")
    assert status_of(readiness) is Status.SERVING


def test_node_whose_own_clock_jumped_begins_anew() -> None:
    """It is the newcomer now: it does not go on while a peer refuses it and none agrees."""
    readiness = started()
    readiness.look_around(anew=True)
    readiness.disagree("b:2", "clock")
    readiness.excuse("c:3")
    assert status_of(readiness) is Status.STARTING
    readiness.heard("c:3", None)
    assert status_of(readiness) is Status.SERVING


def test_node_whose_own_clock_jumped_serves_alone_if_nobody_is_there() -> None:
    """One live replica is enough; and who comes then with another clock is the newcomer."""
    readiness = started()
    readiness.look_around(anew=True)
    for peer in PEERS:
        readiness.excuse(peer)
    assert status_of(readiness) is Status.SERVING
    readiness.disagree("b:2", "clock")
    assert status_of(readiness) is Status.SERVING


def test_outvoted_node_whose_peers_restart_is_outvoted_again() -> None:
    """While they were away it could not know better; that does not make its configuration right."""
    readiness = Readiness(ALL_SHARED)
    readiness.disagree("b:2", "configuration")
    readiness.disagree("c:3", "configuration")
    for peer in PEERS:
        readiness.excuse(peer)
    readiness.disagree("c:3", "configuration")
    assert status_of(readiness) is Status.STARTING


def test_peer_that_was_mended_is_heard_as_any_other() -> None:
    """What it has noted is fetched, and nobody is said to disagree any more."""
    readiness = Readiness(ALL_SHARED)
    readiness.excuse("c:3")
    readiness.disagree("b:2", "configuration")
    readiness.heard("b:2", V1)
    assert readiness.disagreeing == []
    assert readiness.waiting_for() == ["b:2"]
    readiness.pulled("b:2", None, at=1)
    assert status_of(readiness) is Status.SERVING


def test_what_was_lost_is_not_known_to_be_back_from_a_peer_that_lacks_something_too() -> None:
    """Its own folder was empty, say, and the one that could make both whole is away."""
    readiness = Readiness(ALL_SHARED, incomplete=True)
    readiness.heard("b:2", None)
    readiness.excuse("c:3")
    readiness.repaired("b:2", all_of_it=False)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.waiting_for() == []
    readiness.heard("c:3", None)
    readiness.repaired("c:3")
    readiness.repaired("b:2", all_of_it=False)
    assert status_of(readiness) is Status.SERVING


def test_a_debt_to_a_peer_that_went_away_is_owed_again_when_it_is_back() -> None:
    """It may have lost its disk, and with it the note; what it held was fetched from others."""
    readiness = started()
    readiness.told("c:3", V1)
    readiness.excuse("c:3")
    assert status_of(readiness) is Status.SERVING
    readiness.heard("c:3", None)
    assert readiness.owed("c:3") == V1
    readiness.pulled("c:3", None, at=9)
    readiness.excuse("c:3")
    readiness.heard("c:3", None)
    assert readiness.owed("c:3") is None


def test_nothing_is_owed_to_a_peer_that_disagrees() -> None:
    """It would refuse to be pulled from, and reads must not wait for that."""
    readiness = started()
    readiness.told("c:3", V1)
    readiness.disagree("c:3", "configuration")
    assert readiness.owed("c:3") is None
    assert status_of(readiness) is Status.SERVING


# ---------------------------------------------------------------- whatever happens


Event = tuple[str, str, "Version | None", int]
"""What happened, with which peer, since which version, at what time of the peer's clock."""


@dataclass
class Twin:
    """The same, stupidly: remember everything that happened, and think it all through again."""

    shared: dict[str, set[int]]
    repair: bool
    incomplete: bool
    log: list[Event] = field(default_factory=list)

    def last(self, end: int, peer: str, *kinds: str) -> str:
        """The last thing of some kinds that happened to a peer."""
        mine = [what for what, who, *_ in self.log[:end] if who == peer and what in kinds]
        return mine[-1] if mine else ""

    def ever(self, end: int, what: str, peer: str) -> bool:
        return any(each[:2] == (what, peer) for each in self.log[:end])

    def unheard(self, end: int) -> list[str]:
        looks = [i for i, each in enumerate(self.log[:end]) if each[0] in ("look", "jump")]
        fresh = self.log[looks[-1] if looks else 0 : end]
        heard = {who for what, who, *_ in fresh if what in ("heard", "excuse", "disagree")}
        return [peer for peer in self.shared if peer not in heard]

    def owed(self, peer: str) -> Version | None:
        owed: list[Version] = []
        put_off: list[Version] = []
        told: list[tuple[int, Version]] = []
        for what, who, since, at in self.log:
            if who != peer:
                continue
            if what == "heard":
                owed, put_off = owed + put_off, []
            if what in ("heard", "told") and since:
                owed.append(since)
                told.append((at, since))
            elif what in ("excuse", "disagree"):
                owed, put_off = [], put_off + owed
            elif what == "anew":
                told = []
            elif what == "pulled":
                known = [since] + [max(told)[1] for when, _ in told if when >= at]
                owed, put_off = [each for each in known if each], []
        return min(owed, default=None)

    def to_repair(self, end: int) -> list[str]:
        if not (self.repair or self.incomplete):
            return []
        return [
            peer
            for peer, slots in self.shared.items()
            if slots
            and peer not in self.unheard(end)
            and not self.ever(end, "repaired", peer)
            and self.last(end, peer, "heard", "excuse", "disagree") not in ("excuse", "disagree")
        ]

    def lost(self, end: int) -> bool:
        """Whether some slot was restored by nobody yet."""
        all_slots = set().union(*self.shared.values())
        repaired = [
            slots for peer, slots in self.shared.items() if self.ever(end, "repaired", peer)
        ]
        return bool(all_slots - set().union(*repaired))

    def disagreeing(self, end: int) -> list[str]:
        kinds = ("heard", "excuse", "disagree")
        return [peer for peer in self.shared if self.last(end, peer, *kinds) == "disagree"]

    def settled(self) -> bool:
        """Whether anybody agreed since it began, or nobody was there before anybody disagreed."""
        kinds = [what for what, *_ in self.log]
        began = max((index for index, what in enumerate(kinds) if what == "jump"), default=-1) + 1
        before = next(
            (end for end in range(began, len(kinds)) if kinds[end] == "disagree"), len(kinds)
        )
        excused = any(
            kinds[end] == "excuse" and not self.unheard(end + 1) for end in range(began, before)
        )
        return "heard" in kinds[began:] or excused

    def outvoted(self) -> bool:
        disagreeing = len(self.disagreeing(len(self.log)))
        return disagreeing * 2 > len(self.shared) + 1 or (disagreeing > 0 and not self.settled())

    def status(self) -> Status:
        end = len(self.log)
        if self.unheard(end) or self.outvoted():
            return Status.STARTING
        owes = any(self.owed(peer) for peer in self.shared)
        if owes or self.to_repair(end) or (self.incomplete and self.lost(end)):
            return Status.SYNCING
        return Status.SERVING


PARTS = {"b:2": {1, 2}, "c:3": {2, 3}, "d:4": set[int]()}
events = st.lists(
    st.tuples(
        st.sampled_from(
            ["heard", "told", "excuse", "disagree", "pulled", "repaired", "look", "jump", "anew"]
        ),
        st.sampled_from(list(PARTS)),
        st.none() | st.sampled_from([V1, V2, V3]),
        st.integers(0, 3),
    ),
    max_size=25,
)


def happen(readiness: Readiness, what: str, peer: str, since: Version | None, at: int) -> None:
    """Have one thing happen."""
    if what == "heard":
        readiness.heard(peer, since, at=at)
    elif what == "told":
        readiness.told(peer, since or V1, at=at)
    elif what == "excuse":
        readiness.excuse(peer)
    elif what == "disagree":
        readiness.disagree(peer, "configuration")
    elif what == "pulled":
        readiness.pulled(peer, since, at=at)
    elif what == "repaired":
        readiness.repaired(peer)
    elif what == "anew":
        readiness.met_anew(peer)
    else:
        readiness.look_around(anew=what == "jump")


@pytest.mark.parametrize(
    ("repair", "incomplete"), [(False, False), (True, False), (False, True), (True, True)]
)
@given(events)
def test_readiness_agrees_with_its_stupid_twin(
    repair: bool, incomplete: bool, plan: list[Event]
) -> None:
    """Whatever happened, in whatever order: same status, same debts, same peers waited for."""
    readiness = Readiness(PARTS, repair=repair, incomplete=incomplete)
    twin = Twin(PARTS, repair, incomplete)
    for what, peer, since, at in plan:
        happen(readiness, what, peer, since, at)
        twin.log.append((what, peer, (since or V1) if what == "told" else since, at))
        end = len(twin.log)
        assert {peer: readiness.owed(peer) for peer in PARTS} == {
            peer: twin.owed(peer) for peer in PARTS
        }
        assert readiness.to_repair() == twin.to_repair(end)
        assert [peer for peer, _ in readiness.disagreeing] == twin.disagreeing(end)
        assert status_of(readiness) is twin.status()


@given(events)
def test_serving_always_means_that_nothing_is_owed(
    plan: list[Event],
) -> None:
    """And a whole node that does not serve always says for whom it waits."""
    readiness = Readiness(PARTS)
    for event in plan:
        happen(readiness, *event)
        serving = status_of(readiness) is Status.SERVING
        assert serving == (not readiness.waiting_for() and not readiness.outvoted)


@pytest.mark.parametrize("incomplete", [False, True])
@given(events)
def test_no_history_keeps_a_node_from_ever_serving(incomplete: bool, plan: list[Event]) -> None:
    """Once every peer was heard, pulled from and asked for a repair, it serves: no dead end."""
    readiness = Readiness(PARTS, repair=True, incomplete=incomplete)
    for event in plan:
        happen(readiness, *event)
    for peer in PARTS:
        readiness.heard(peer, None)
    for peer in PARTS:
        readiness.pulled(peer, None, at=9)
        if peer in readiness.to_repair():
            readiness.repaired(peer)
    assert status_of(readiness) is Status.SERVING
    assert readiness.waiting_for() == []
