"""Keys that expire in a table, held against a dict in which each key is looked at each time."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.decision import content_at
from kvcluster.model.digest import digest_of
from kvcluster.model.entry import ZERO, Entry, Verdict, Version, make_version
from kvcluster.model.expiry import LINGER_MS, Life, judge_lives, seen_at
from kvcluster.model.slots import slot_of
from kvcluster.storage.block import Block
from kvcluster.storage.table import Table
from tests.storage.life import message

KEYS = ["a", "b", "ü", "cc"]
V1, V2 = make_version(1, 1), make_version(2, 1)

keys = st.sampled_from(KEYS)
values = st.sampled_from(["", "v", "würde"])
expiries = st.sampled_from([0, 0, 1_000, 1_050, 3_000, 7_000, 5_000_000])
times = st.sampled_from([0, 999, 1_000, 1_100, 2_999, 3_100, 6_000, 9_100, 5_003_000])
steps = st.lists(
    st.tuples(st.just("put"), keys, st.none() | values, st.integers(1, 9), expiries)
    | st.tuples(st.just("block"), values, st.integers(1, 9))
    | st.tuples(st.just("drop"), keys, st.integers(1, 9))
    | st.tuples(st.just("time"), times)
    | st.tuples(st.just("sweep"), st.integers(1, 5)),
    max_size=40,
)


class Twin:
    """A table, and a dict of what was ever stored."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.table = Table()
        self.table.lives.town_ms = lambda: self.now_ms
        self.table.order_keys()
        for number in {slot_of(key) for key in KEYS}:
            self.table.digests.of(number)
        self.held: dict[str, Life] = {}
        self.swept: set[str] = set()
        self.newest: defaultdict[int, Version] = defaultdict(lambda: ZERO)
        self.conflicts = 0

    def put(self, key: str, value: str | None, time: int, expires_ms: int) -> None:
        """An entry comes."""
        entry: Entry = (value, make_version(time, 1))
        self._takes(key, Life(entry, expires_ms), self.table.apply(key, entry, expires_ms))

    def block(self, value: str, time: int) -> None:
        """Two puts come as a block."""
        block = Block(KEYS[:2], [value] * 2, make_version(time, 1))
        for (key, entry), verdict in zip(block.pairs(), self.table.apply_all(block), strict=True):
            self._takes(key, Life(entry, 0), verdict)

    def _takes(self, key: str, new: Life, verdict: Verdict) -> None:
        held = self.held.get(key)
        if held is not None and key in self.swept:
            held = Life((None, held.entry[1]), held.expires_ms)
        wanted = Verdict.NEWER if held is None else judge_lives(new, held, self.now_ms)
        assert verdict is wanted
        self.conflicts += verdict.conflicts
        if verdict.stores:
            self.held[key] = new
            self.swept.discard(key)
            number = slot_of(key)
            self.newest[number] = max(self.newest[number], new.entry[1])

    def drop(self, key: str, time: int) -> None:
        """What is held up to a version is forgotten."""
        version = make_version(time, 1)
        held = key in self.held and self.held[key].entry[1] <= version
        assert self.table.drop(key, version) == held
        if held:
            del self.held[key]
            self.swept.discard(key)

    def time(self, now_ms: int) -> None:
        """The clock goes on, or back."""
        self.now_ms = now_ms

    def sweep(self, count: int) -> None:
        """Some values go: of keys that expired two seconds ago, and of no other."""
        assert self.table.sweep(count) <= count
        for key, life in self.held.items():
            if life.entry[0] is not None and self.table.slot(slot_of(key))[key][0] is None:
                assert key in self.swept or 0 < life.expires_ms <= self.now_ms - LINGER_MS
                self.swept.add(key)

    def seen(self, key: str, later_ms: int = 0) -> Entry | None:
        """What is to be seen of a key."""
        if key not in self.held:
            return None
        entry, expires_ms = self.held[key]
        if key in self.swept:
            return (None, entry[1])
        return seen_at(entry, expires_ms and expires_ms + later_ms, self.now_ms)

    def check(self) -> None:
        """Everything that a table says of its keys."""
        table, seen = self.table, {key: self.seen(key) for key in self.held}
        assert dict(table.items()) == seen
        live = {key for key, it in seen.items() if it is not None and it[0] is not None}
        for key in KEYS:
            assert table.get(key) == self.seen(key)
            held = table.slot(slot_of(key)).get(key)
            if held is not None:
                content = content_at(held, table.expires_ms(key), self.now_ms)
                assert content.entry == self.seen(key, LINGER_MS)
            assert table.expires_ms(key) == (self.held[key].expires_ms if key in self.held else 0)
        # A count is a tenth of a second late at most.
        assert 0 <= table.live - len(live) <= len(self._of_this_moment())
        assert table.live + table.tombstones == len(self.held)
        assert live <= set(table.keys.behind("", "")) <= set(KEYS)
        assert table.conflicts == self.conflicts
        for number in {slot_of(key) for key in KEYS}:
            assert table.newest(number) == self.newest[number]
            for key, version in table.buried(number):
                assert table.is_buried(key, version)
                assert self.seen(key) == (None, version)

    def _of_this_moment(self) -> list[str]:
        """Keys whose tenth of a second is not over, or that are hours of the wheel away."""
        return [
            key
            for key, (_, ms) in self.held.items()
            if 0 < ms <= self.now_ms and (ms // 100 == self.now_ms // 100 or key not in self.swept)
        ]

    def settle(self) -> None:
        """Long after; then all counts are those of what is seen."""
        self.now_ms = 6_000_000
        while self.table.sweep(2):
            pass
        for key, life in self.held.items():
            if life.entry[0] is not None and life.expires_ms:
                self.swept.add(key)
        self.check()
        table, seen = self.table, {key: self.seen(key) for key in self.held}
        live = {key: it[0] for key, it in seen.items() if it is not None and it[0] is not None}
        assert table.live == len(live)
        assert list(table.keys.behind("", "")) == sorted(live)
        assert table.size_bytes == sum(len((k + v).encode()) for k, v in live.items())
        assert (table.lives.expiring, table.lives.due) == (0, 0)
        for number in {slot_of(key) for key in KEYS}:
            dead = {k: it[1] for k, it in seen.items() if it is not None and it[0] is None}
            here = {key: version for key, version in dead.items() if slot_of(key) == number}
            assert dict(table.buried(number)) == here
            assert table.digests.of(number) == digest_of(table.slot(number).items())


@given(steps)
def test_a_table_with_expiries_is_what_it_should_be_after_each_step(
    plan: list[tuple[object, ...]],
) -> None:
    """Puts, touches, deletes, blocks, drops, a clock that jumps both ways, and the sweep at any
    moment: reads, counts, order, sizes, digests and tombstones.
    """
    twin = Twin()
    for step, *arguments in plan:
        getattr(twin, str(step))(*arguments)
        twin.check()
    twin.settle()


def test_a_tombstone_before_its_time_is_none_to_lean_on() -> None:
    """A clock that was ahead let go of a value: until its time, nobody may count on that."""
    now_ms = 10_000
    table = Table()
    table.lives.town_ms = lambda: now_ms
    table.apply("k", ("v", V1), 5_000)
    table.sweep(10)
    table.sweep(10)
    assert table.slot(slot_of("k"))["k"] == (None, V1)
    assert table.is_buried("k", V1)
    now_ms = 4_000
    assert table.get("k") == (None, V1)
    assert not table.is_buried("k", V1)
    assert table.buried(slot_of("k")) == []
    assert table.apply("k", ("v", V1), 5_000) is Verdict.NEWER, "another's copy brings it back"
    assert table.get("k") == ("v", V1)
    assert table.conflicts == 0
    now_ms = 8_000
    assert table.sweep(10) == 1, "and it expires again"


def test_a_put_without_a_life_takes_the_expiry_away() -> None:
    """One by one and in a block; so does a delete."""
    for second in ("entry", "block", "delete"):
        table = Table()
        table.lives.town_ms = lambda: 9_000
        table.apply("k", ("v", V1), 1_000)
        if second == "block":
            table.apply_all(Block(["k"], ["w"], V2))
        else:
            table.apply_message(message("k", "w" if second == "entry" else None, V2))
        assert table.expires_ms("k") == 0
        assert table.lives.expiring == 0
        assert table.get("k") == (None if second == "delete" else "w", V2)
        assert table.sweep(10) == 0


def test_loading_takes_expiries_by_place() -> None:
    """A start has them in a column beside the pairs, few as they are."""
    pairs = {f"k{number}": "v" for number in range(100)}
    for held_before in (False, True):
        table = Table()
        if held_before:
            table.apply("other", ("v", V1))
        table.load(pairs, [V1] * 100, {7: 1_000, 99: 2_000})
        table.order_keys()
        assert {key: table.expires_ms(key) for key in pairs if table.expires_ms(key)} == {
            "k7": 1_000,
            "k99": 2_000,
        }
        table.lives.town_ms = lambda: 1_500
        assert table.get("k7") == (None, V1)
        table.sweep(1_000)
        assert table.live == 99 + held_before
