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
    """Any order of misses, pulls and late confirmations: same hints, same counts, same answers."""
    hints = Hints(100, held)
    twins = {peer: Missed([(held[peer], 0)] if peer in held else []) for peer in PEERS}
    marks: dict[str, list[int]] = {peer: [] for peer in PEERS}
    for step, peer, number in plan:
        twin, before = twins[peer], hints.as_dict()
        if step == "miss":
            changed = hints.miss(peer, version(number), number)
            twin.miss(version(number), number)
            assert changed == (hints.as_dict() != before)
        elif step == "begin":
            marks[peer].append(hints.begin(peer, version(number)))
            twin.begin(version(number))
            assert hints.as_dict() == before, "who only begins has nothing yet"
        elif marks[peer]:
            pull = max(0, len(marks[peer]) - 1 - number)  # the last one, or an older one
            changed = hints.confirm(peer, marks[peer][pull])
            twin.confirm(pull)
            assert changed == (hints.as_dict() != before)
        for each, its_twin in twins.items():
            assert hints.since(each) == its_twin.since()
            assert hints.count(each) == its_twin.count()
        since = {each: its_twin.since() for each, its_twin in twins.items()}
        assert hints.as_dict() == {each: v for each, v in since.items() if v is not None}


def test_a_write_missed_during_a_pull_is_what_is_left_of_the_hint() -> None:
    """The pull may not have carried it; what was missed before was carried, and is forgotten.

    Else a peer that is cut off from one coordinator would fetch everything again and again.
    """
    hints = Hints(0)
    hints.miss("a", version(5))
    mark = hints.begin("a", FIRST)
    hints.miss("a", version(8))
    hints.miss("a", version(7))
    assert hints.since("a") == version(5), "until it is confirmed"
    assert hints.confirm("a", mark)
    assert hints.since("a") == version(7)
    assert hints.confirm("a", hints.begin("a", FIRST))
    assert hints.since("a") is None
    assert hints.as_dict() == {}


def test_an_old_write_missed_during_a_pull_is_noted_though_the_hint_was_newer() -> None:
    """Another node may tell late of a write that is older than all that was known."""
    hints = Hints(0)
    hints.miss("a", version(5))
    mark = hints.begin("a", FIRST)
    assert hints.miss("a", version(3))
    hints.confirm("a", mark)
    assert hints.since("a") == version(3)


def test_a_pull_from_a_later_version_on_clears_nothing_older() -> None:
    """It was told of a miss, and another coordinator noted an older one before its pull came."""
    hints = Hints(0)
    hints.miss("a", version(5))
    hints.miss("a", version(3))
    assert not hints.confirm("a", hints.begin("a", version(5)))
    assert hints.since("a") == version(3)
    assert hints.confirm("a", hints.begin("a", version(3)))
    assert hints.since("a") is None


def test_a_pull_begun_before_the_first_miss_clears_nothing() -> None:
    """The peer asked when nothing was missed; then it missed; then its old answer arrived."""
    hints = Hints(0)
    mark = hints.begin("a", FIRST)
    hints.miss("a", version(5))
    assert not hints.confirm("a", mark)
    assert hints.since("a") == version(5)


def test_the_mark_of_an_older_pull_clears_nothing() -> None:
    """Two pulls of one peer overlap: a confirmation sent for the first arrives in the second.

    What was missed between the two stands in neither that hint nor that pull.
    """
    hints = Hints(0)
    hints.miss("a", version(5))
    older = hints.begin("a", FIRST)
    hints.miss("a", version(6))
    newer = hints.begin("a", FIRST)
    assert not hints.confirm("a", older)
    assert hints.since("a") == version(5)
    assert hints.confirm("a", newer)
    assert hints.since("a") is None


def test_a_confirmation_that_arrives_twice_clears_once() -> None:
    """What was missed after the first copy of it must not go with the second."""
    hints = Hints(0)
    hints.miss("a", version(5))
    mark = hints.begin("a", FIRST)
    assert hints.confirm("a", mark)
    hints.miss("a", version(6))
    assert not hints.confirm("a", mark)
    assert hints.since("a") == version(6)


def test_the_mark_of_one_peer_clears_nothing_of_another() -> None:
    """Marks are drawn from one row for all peers."""
    hints = Hints(0)
    for peer in PEERS:
        hints.miss(peer, version(5))
    mark, other = hints.begin("a", FIRST), hints.begin("b", FIRST)
    assert mark != other
    assert not hints.confirm("b", mark)
    assert not hints.confirm("a", other)
    assert hints.as_dict() == {"a": version(5), "b": version(5)}


def test_only_the_first_miss_and_an_older_one_change_the_record() -> None:
    """One small frame at the first miss, not one for each write."""
    hints = Hints(0)
    assert hints.miss("a", version(5))
    assert not hints.miss("a", version(6))
    assert hints.miss("a", version(4))
    assert hints.since("a") == version(4)


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
    hints = Hints(0, {"a": version(5)})
    assert hints.count("a") == hints.count("never heard of") == 0
    hints.miss("a", version(6), count=10)
    mark = hints.begin("a", FIRST)
    hints.miss("a", version(7))
    assert hints.count("a") == 11
    hints.confirm("a", mark)
    assert hints.count("a") == 1
