"""Notes of missed writes: never cleared by somebody who started too early."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import Version, make_version
from kvcluster.model.notes import Notes

PEERS = ("a", "b")


def version(number: int) -> Version:
    """A small version."""
    return make_version(number, 1)


@dataclass
class Twin:
    """The same, stupidly: remember every miss, and what each pull had seen when it began."""

    missed: dict[str, list[Version]] = field(default_factory=lambda: {peer: [] for peer in PEERS})
    misses: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEERS, 0))

    def miss(self, peer: str, version: Version) -> None:
        self.missed[peer].append(version)
        self.misses[peer] += 1

    def confirm(self, peer: str, misses_at_start: int) -> bool:
        if self.missed[peer] and self.misses[peer] != misses_at_start:
            return False
        self.missed[peer] = []
        return True

    def as_dict(self) -> dict[str, Version]:
        return {peer: min(missed) for peer, missed in self.missed.items() if missed}


peers = st.sampled_from(PEERS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("miss"), peers, st.integers(1, 9)),
        st.tuples(st.just("pull"), peers, st.just(0)),
        st.tuples(st.just("confirm"), peers, st.integers(0, 3)),
    ),
    max_size=40,
)


@given(steps)
def test_notes_agree_with_their_stupid_twin(plan: list[tuple[str, str, int]]) -> None:
    """Any order of misses, pulls and late confirmations: same notes, same answers."""
    notes, twin = Notes(100), Twin()
    pulls: dict[str, list[tuple[int, int]]] = {peer: [] for peer in PEERS}
    for step, peer, number in plan:
        before = notes.as_dict()
        if step == "miss":
            changed = notes.miss(peer, version(number))
            twin.miss(peer, version(number))
            assert changed == (notes.as_dict() != before)
        elif step == "pull":
            pulls[peer].append((notes.mark(peer), twin.misses[peer]))
        elif pulls[peer]:
            mark, misses = pulls[peer][number % len(pulls[peer])]
            assert notes.confirm(peer, mark) == twin.confirm(peer, misses)
        assert notes.as_dict() == twin.as_dict()
        assert all(notes.since(peer) == twin.as_dict().get(peer) for peer in PEERS)


def test_a_write_missed_during_a_pull_keeps_the_note() -> None:
    """The pull may not have carried it, so its confirmation clears nothing."""
    notes = Notes(0)
    notes.miss("a", version(5))
    mark = notes.mark("a")
    notes.miss("a", version(6))
    assert not notes.confirm("a", mark)
    assert notes.since("a") == version(5)
    assert notes.confirm("a", notes.mark("a"))
    assert notes.since("a") is None


def test_a_pull_begun_before_the_first_miss_clears_nothing() -> None:
    """The peer asked when nothing was missed; then it missed; then its old answer arrived."""
    notes = Notes(0)
    mark = notes.mark("a")
    notes.miss("a", version(5))
    assert not notes.confirm("a", mark)


def test_only_the_first_miss_and_an_older_one_change_the_record() -> None:
    """One small frame at the first miss, not one for each write."""
    notes = Notes(0)
    assert notes.miss("a", version(5))
    assert not notes.miss("a", version(6))
    assert notes.miss("a", version(4))
    assert notes.since("a") == version(4)


def test_a_confirmation_from_an_earlier_life_clears_nothing() -> None:
    """The teller restarted between the pull and its confirmation."""
    before = Notes(1 << 32)
    before.miss("a", version(5))
    mark = before.mark("a")
    after = Notes(2 << 32, before.as_dict())
    assert not after.confirm("a", mark)
    assert after.as_dict() == {"a": version(5)}
