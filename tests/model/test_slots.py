"""Slots and placement: the same on every machine, for ever, and well spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from kvcluster.model.slots import SLOTS, Placement, slot_of

THREE = ("localhost:50051", "localhost:50052", "localhost:50053")
FIVE = ("a:1", "b:2", "c:3", "d:4", "e:5")
NAMES = [
    pytest.param("localhost:{port}", id="localhost"),
    pytest.param("node-{number}:50051", id="node"),
    pytest.param("10.0.0.{number}:7000", id="ipv4"),
    pytest.param("[fd00::{number:x}]:7000", id="ipv6"),
    pytest.param("kv-{number}.kv.default.svc.cluster.local:50051", id="kubernetes"),
]

# All vectors were made once. If one changes, nodes of two releases disagree about where a key
# lives, and a start moves every key: never mend the test.
SLOT_VECTORS = [
    ("a", 3615, 2, "a:1"),
    ("key", 1507, 0, "c:3"),
    ("user:1", 1281, 2, "c:3"),
    ("city", 2100, 0, "e:5"),
    ("\U0001f30f", 2140, 1, "b:2"),
    ("\u0110\xe0 N\u1eb5ng", 2205, 0, "d:4"),
    ("\u043a\u043b\u044e\u0447", 3806, 2, "a:1"),
    ("\U0001f600", 142, 2, "e:5"),
    ("line\nbreak", 764, 2, "c:3"),
    ("nul\x00", 2071, 0, "a:1"),
    ("x" * 1024, 1610, 2, "b:2"),
]
THREE_VECTORS = [
    (0, (2, 1, 0)),
    (1, (2, 0, 1)),
    (2, (0, 1, 2)),
    (142, (2, 0, 1)),
    (1281, (2, 0, 1)),
    (2100, (0, 2, 1)),
    (3615, (2, 0, 1)),
    (4095, (0, 2, 1)),
]
FIVE_VECTORS = [
    (0, ("e:5", "a:1")),
    (1, ("d:4", "a:1")),
    (2, ("b:2", "e:5")),
    (142, ("e:5", "b:2")),
    (1281, ("c:3", "d:4")),
    (2100, ("e:5", "a:1")),
    (3615, ("a:1", "e:5")),
    (4095, ("e:5", "b:2")),
]


def named(pattern: str, count: int) -> tuple[str, ...]:
    """Member names of one kind."""
    numbers = range(1, count + 1)
    return tuple(pattern.format(port=50050 + number, number=number) for number in numbers)


@cache
def placed(members: tuple[str, ...], replicas: int) -> Placement:
    """A placement; it takes a while to make, and never changes."""
    return Placement(members, replicas)


def all_replicas(placement: Placement) -> list[tuple[str, ...]]:
    """The replicas of every slot."""
    return [placement.replicas(slot) for slot in range(SLOTS)]


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(("key", "slot", "of_three", "of_five"), SLOT_VECTORS)
def test_a_key_lives_where_it_always_did(key: str, slot: int, of_three: int, of_five: str) -> None:
    """Pinned vectors, ASCII and not: the slot, and the primary in two clusters."""
    assert slot_of(key) == slot
    assert placed(THREE, 3).replicas(slot)[0] == THREE[of_three]
    assert placed(FIVE, 2).replicas(slot)[0] == of_five


@given(st.text(min_size=1))
def test_a_slot_is_the_hash_of_the_utf8_bytes(key: str) -> None:
    """Against the library's other door: the digest as bytes."""
    digest = xxhash.xxh3_64_digest(key.encode("utf-8"))
    assert slot_of(key) == int.from_bytes(digest, "big") % 4096


def test_keys_spread_evenly_over_slots() -> None:
    """Of 400,000 keys that look alike, no slot gets less than half or more than double."""
    keys = 400_000
    counts = Counter(slot_of(f"user:{number:08d}:name") for number in range(keys))
    assert len(counts) == SLOTS
    mean = keys / SLOTS
    assert mean / 2 < min(counts.values())
    assert max(counts.values()) < mean * 2


# ---------------------------------------------------------------- placement


@pytest.mark.parametrize(("slot", "order"), THREE_VECTORS)
def test_slots_of_the_default_cluster_stand_where_they_always_did(
    slot: int, order: tuple[int, ...]
) -> None:
    """Pinned: every replica, in order, so that a client of another language can check itself."""
    assert placed(THREE, 3).replicas(slot) == tuple(THREE[index] for index in order)


@pytest.mark.parametrize(("slot", "replicas"), FIVE_VECTORS)
def test_slots_of_a_sharded_cluster_stand_where_they_always_did(
    slot: int, replicas: tuple[str, ...]
) -> None:
    """The same for five members, of which two hold each key."""
    assert placed(FIVE, 2).replicas(slot) == replicas


def twin_hash(data: bytes, seed: int) -> int:
    """XXH3-64 through the library's other door."""
    return int.from_bytes(xxhash.xxh3_64_digest(data, seed), "big")


def twin_replicas(members: Sequence[str], replicas: int, slot: int) -> tuple[str, ...]:
    """The same, stupidly: count who is before this slot, and take the best bid R times."""
    bids = []
    for member in members:
        seed = twin_hash(member.encode(), 1)
        hashes = [(twin_hash(bytes([s % 256, s // 256]), seed), s) for s in range(4096)]
        own = hashes[slot]
        place = len([other for other in hashes if other < own])
        bids.append((place, own[0], member))
    winners: list[str] = []
    while bids and len(winners) < replicas:
        best = max(bids)
        bids.remove(best)
        winners.append(best[2])
    return tuple(winners)


member_names = st.builds("{}:{}".format, st.text("abc.-", min_size=1, max_size=4), st.integers(1))


@settings(max_examples=25)
@given(
    st.lists(member_names, min_size=1, max_size=5, unique=True),
    st.integers(1, 6),
    st.lists(st.integers(0, SLOTS - 1), min_size=1, max_size=3),
)
def test_placement_agrees_with_its_stupid_twin(
    members: list[str], replicas: int, slots: list[int]
) -> None:
    """Any names, any R, more than there are members included."""
    placement = Placement(members, replicas)
    for slot in slots:
        assert placement.replicas(slot) == twin_replicas(members, replicas, slot)


def off(counts: Counter[str], members: tuple[str, ...], fair: float) -> float:
    """How far the worst member is from its fair share."""
    return max(abs(counts[member] / fair - 1) for member in members)


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("members", [THREE, FIVE])
def test_fewer_replicas_are_the_first_of_more(members: tuple[str, ...], replicas: int) -> None:
    """With another R every slot keeps its order: nothing moves but the last places."""
    more = all_replicas(placed(members, 3))
    assert all_replicas(placed(members, replicas)) == [names[:replicas] for names in more]


@pytest.mark.parametrize(("count", "allowed"), [(3, 0.10), (5, 0.10), (20, 0.15)])
@pytest.mark.parametrize("pattern", NAMES)
def test_no_member_gets_much_more_or_much_less_than_its_share(
    pattern: str, count: int, allowed: float
) -> None:
    """Neither of the slots it holds, whatever R, nor of those it leads, whatever the names."""
    members = named(pattern, count)
    every = all_replicas(placed(members, 3))
    for replicas in (1, 2, 3):
        held = Counter(name for names in every for name in names[:replicas])
        assert sum(held.values()) == SLOTS * replicas
        assert off(held, members, SLOTS * replicas / count) <= allowed
    led = Counter(names[0] for names in every)
    assert off(led, members, SLOTS / count) <= allowed


@pytest.mark.parametrize("replicas", [1, 2, 3])
@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_members_that_stay_exchange_no_slot(count: int, replicas: int) -> None:
    """Whoever leaves, or read backwards comes: the others keep order, and one moves up at the end.

    So only what the leaver held is copied, and nobody who stays hands anything to another.
    """
    members = named("localhost:{port}", count)
    before = all_replicas(placed(members, replicas))
    for leaver in members:
        rest = tuple(name for name in members if name != leaver)
        after = all_replicas(placed(rest, replicas))
        for old, new in zip(before, after, strict=True):
            stayed = tuple(name for name in old if name != leaver)
            assert new[: len(stayed)] == stayed
            assert len(new) == min(replicas, len(rest))
            assert len(set(new)) == len(new)
            assert leaver in old or new == old


@settings(max_examples=20)
@given(st.permutations(FIVE), st.integers(1, 5))
def test_the_order_of_the_member_list_means_nothing(members: list[str], replicas: int) -> None:
    """Two nodes whose lists are sorted differently agree about every slot."""
    assert all_replicas(Placement(members, replicas)) == all_replicas(placed(FIVE, replicas))


def test_three_members_with_three_replicas_hold_everything() -> None:
    """As the mission asks; and every order of the three occurs."""
    placement = placed(THREE, 3)
    assert all(placement.held(name) == frozenset(range(SLOTS)) for name in THREE)
    assert len(set(all_replicas(placement))) == 6


def test_more_replicas_than_members_are_as_many_as_there_are() -> None:
    """A cluster of one holds everything alone."""
    alone = placed(("a:1",), 3)
    assert set(all_replicas(alone)) == {("a:1",)}


@pytest.mark.parametrize(
    "readable", [FIVE, FIVE[1:], FIVE[:2], FIVE[3:4], ()], ids=lambda names: f"{len(names)} read"
)
def test_each_slot_is_read_once_from_a_replica(readable: tuple[str, ...]) -> None:
    """Twice, and a scan gives a key twice; from a stranger, and it lacks the key."""
    placement = Placement(FIVE, 3)
    cover = placement.cover("a:1", readable)
    assert set(cover.by_member) <= set(readable)
    read = [slot for slots in cover.by_member.values() for slot in slots]
    assert sorted([*read, *cover.uncovered]) == list(range(SLOTS))
    for name, slots in cover.by_member.items():
        assert slots <= placement.held(name)
    for slot in cover.uncovered:
        assert not set(placement.replicas(slot)) & set(readable)


def test_a_member_reads_what_it_holds_from_itself() -> None:
    """Anything else would be a call for nothing."""
    placement = Placement(FIVE, 3)
    assert placement.cover("b:2", FIVE).by_member["b:2"] == placement.held("b:2")
    everywhere = Placement(FIVE, 5)
    assert everywhere.cover("b:2", FIVE).by_member == {"b:2": frozenset(range(SLOTS))}
