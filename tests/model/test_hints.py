"""Notes of missed writes: never cleared by somebody who started too early."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import Version, make_version
from kvcluster.model.hints import Hints

PEERS = ("a", "b")
FIRST = make_version(0, 1)
"""Whoever pulls from here on asks for everything."""


def version(number: int) -> Version:
    """A small version."""
    return make_version(number, 1)


@dataclass
class Missed:
    """What one peer missed, stupidly: every single miss, and how many there were at each pull."""

    all: list[tuple[Version, int]] = field(default_factory=list)
    pulls: list[tuple[int, Version]] = field(default_factory=list)
    """For each pull how many of them there were when it began, and from where on it asked."""
    confirmable: bool = False
    """The last pull was not confirmed yet."""

    def miss(self, version: Version, count: int) -> None:
        self.all.append((version, count))

    def begin(self, asked: Version) -> None:
        self.pulls.append((len(self.all), asked))
        self.confirmable = True

    def confirm(self, pull: int) -> None:
        """Forget what was missed before the pull began, if it is the last that was begun, and asked
        for all of that.
        """
        if self.confirmable and pull == len(self.pulls) - 1:
            count, asked = self.pulls[pull]
            before = self.all[:count]
            oldest = min((version for version, _ in before), default=asked)
            self.all = self.all[count:] + (before if oldest < asked else [])
            self.confirmable = False

    def since(self) -> Version | None:
        return min((version for version, _ in self.all), default=None)

    def count(self) -> int:
        return sum(count for _, count in self.all)


peers = st.sampled_from(PEERS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("miss"), peers, st.integers(1, 9)),
        st.tuples(st.just("begin"), peers, st.integers(1, 9)),
        st.tuples(st.just("confirm"), peers, st.integers(0, 3)),
    ),
    max_size=40,
)


@given(steps, st.dictionaries(peers, st.integers(1, 9).map(version)))
def test_notes_agree_with_their_stupid_twin(
    plan: list[tuple[str, str, int]], held: dict[str, Version]
) -> None:
    """Any order of misses, pulls and late confirmations: same notes, same counts, same answers."""
    notes = Hints(100, held)
    twins = {peer: Missed([(held[peer], 0)] if peer in held else []) for peer in PEERS}
    marks: dict[str, list[int]] = {peer: [] for peer in PEERS}
    for step, peer, number in plan:
        twin, before = twins[peer], notes.as_dict()
        if step == "miss":
            changed = notes.miss(peer, version(number), number)
            twin.miss(version(number), number)
            assert changed == (notes.as_dict() != before)
        elif step == "begin":
            marks[peer].append(notes.begin(peer, version(number)))
            twin.begin(version(number))
            assert notes.as_dict() == before, "who only begins has nothing yet"
        elif marks[peer]:
            pull = max(0, len(marks[peer]) - 1 - number)  # the last one, or an older one
            changed = notes.confirm(peer, marks[peer][pull])
            twin.confirm(pull)
            assert changed == (notes.as_dict() != before)
        for each, its_twin in twins.items():
            assert notes.since(each) == its_twin.since()
            assert notes.count(each) == its_twin.count()
        since = {each: its_twin.since() for each, its_twin in twins.items()}
        assert notes.as_dict() == {each: v for each, v in since.items() if v is not None}


def test_a_write_missed_during_a_pull_is_what_is_left_of_the_note() -> None:
    """The pull may not have carried it; what was missed before was carried, and is forgotten.

    Else a peer that is cut off from one coordinator would fetch everything again and again.
    """
    notes = Hints(0)
    notes.miss("a", version(5))
    mark = notes.begin("a", FIRST)
    notes.miss("a", version(8))
    notes.miss("a", version(7))
    assert notes.since("a") == version(5), "until it is confirmed"
    assert notes.confirm("a", mark)
    assert notes.since("a") == version(7)
    assert notes.confirm("a", notes.begin("a", FIRST))
    assert notes.since("a") is None
    assert notes.as_dict() == {}


def test_an_old_write_missed_during_a_pull_is_noted_though_the_note_was_newer() -> None:
    """Another node may tell late of a write that is older than all that was known."""
    notes = Hints(0)
    notes.miss("a", version(5))
    mark = notes.begin("a", FIRST)
    assert notes.miss("a", version(3))
    notes.confirm("a", mark)
    assert notes.since("a") == version(3)


def test_a_pull_from_a_later_version_on_clears_nothing_older() -> None:
    """It was told of a miss, and another coordinator noted an older one before its pull came."""
    notes = Hints(0)
    notes.miss("a", version(5))
    notes.miss("a", version(3))
    assert not notes.confirm("a", notes.begin("a", version(5)))
    assert notes.since("a") == version(3)
    assert notes.confirm("a", notes.begin("a", version(3)))
    assert notes.since("a") is None


def test_a_pull_begun_before_the_first_miss_clears_nothing() -> None:
    """The peer asked when nothing was missed; then it missed; then its old answer arrived."""
    notes = Hints(0)
    mark = notes.begin("a", FIRST)
    notes.miss("a", version(5))
    assert not notes.confirm("a", mark)
    assert notes.since("a") == version(5)


def test_the_mark_of_an_older_pull_clears_nothing() -> None:
    """Two pulls of one peer overlap: a confirmation sent for the first arrives in the second.

    What was missed between the two stands in neither that note nor that pull.
    """
    notes = Hints(0)
    notes.miss("a", version(5))
    older = notes.begin("a", FIRST)
    notes.miss("a", version(6))
    newer = notes.begin("a", FIRST)
    assert not notes.confirm("a", older)
    assert notes.since("a") == version(5)
    assert notes.confirm("a", newer)
    assert notes.since("a") is None


def test_a_confirmation_that_arrives_twice_clears_once() -> None:
    """What was missed after the first copy of it must not go with the second."""
    notes = Hints(0)
    notes.miss("a", version(5))
    mark = notes.begin("a", FIRST)
    assert notes.confirm("a", mark)
    notes.miss("a", version(6))
    assert not notes.confirm("a", mark)
    assert notes.since("a") == version(6)


def test_the_mark_of_one_peer_clears_nothing_of_another() -> None:
    """Marks are drawn from one row for all peers."""
    notes = Hints(0)
    for peer in PEERS:
        notes.miss(peer, version(5))
    mark, other = notes.begin("a", FIRST), notes.begin("b", FIRST)
    assert mark != other
    assert not notes.confirm("b", mark)
    assert not notes.confirm("a", other)
    assert notes.as_dict() == {"a": version(5), "b": version(5)}


def test_only_the_first_miss_and_an_older_one_change_the_record() -> None:
    """One small frame at the first miss, not one for each write."""
    notes = Hints(0)
    assert notes.miss("a", version(5))
    assert not notes.miss("a", version(6))
    assert notes.miss("a", version(4))
    assert notes.since("a") == version(4)


def test_a_confirmation_from_an_earlier_life_clears_nothing() -> None:
    """The teller restarted between the pull and its confirmation."""
    before = Hints(1 << 32)
    before.miss("a", version(5))
    mark = before.begin("a", FIRST)
    after = Hints(2 << 32, before.as_dict())
    after.begin("a", FIRST)
    assert not after.confirm("a", mark)
    assert after.as_dict() == {"a": version(5)}


def test_missed_writes_are_counted_by_this_life_alone() -> None:
    """For `status`: a note read from disk says from where on, and not how many."""
    notes = Hints(0, {"a": version(5)})
    assert notes.count("a") == notes.count("never heard of") == 0
    notes.miss("a", version(6), count=10)
    mark = notes.begin("a", FIRST)
    notes.miss("a", version(7))
    assert notes.count("a") == 11
    notes.confirm("a", mark)
    assert notes.count("a") == 1
