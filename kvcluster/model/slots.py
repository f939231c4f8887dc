"""Slots: where a key lives. The key space is cut into 4,096 slots, and each slot has R replicas.

A slot is the unit of everything that is done to many keys: the table, the checkpoint, catching up,
comparing, and placement. It is small enough (250 keys of a million) to be handled between two
requests without anybody noticing, and there are enough of them to spread evenly.

**Placement** is rendezvous hashing (Thaler and Ravishankar, 1998): each member bids for each slot,
and the R highest bids win, the highest being the slot's *primary*. A bid depends on the slot and
the bidder only, so when a member comes or goes the bids of the others stay as they were, and
members that stay exchange nothing.

A plain hash as the bid spreads 4,096 slots over 20 members with errors of 7 % (one standard
deviation); some member would be 20 % off. So a bid is the *place* that the slot takes when all
slots are sorted by the member's hash: every member then makes each bid from 0 to 4,095 just once,
as in Latin hypercube sampling (McKay et al., 1979), nobody has more luck than others, and the
error is 4.7 %. Rejected: moving slots by hand until all is even. It would be perfect, and every
change of the member list would move slots between members that stay.

Everything here is pinned by vectors in docs/files.md, so that a client in another language
can find the primary of a key by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from xxhash import xxh3_64_intdigest

SLOTS = 4096
_MEMBER_SEED = 1
"""The first that spreads each of thirty kinds of names evenly. To change it moves every slot."""


def key_hash(key: str) -> int:
    """XXH3-64 of the UTF-8 bytes of a key: says where it lives, and seeds the hash of its value."""
    return xxh3_64_intdigest(key.encode())


def slot_of(key: str) -> int:
    """The slot of a key: its hash, modulo 4,096."""
    return key_hash(key) % SLOTS


@dataclass(frozen=True)
class Cover:
    """Who is read for which slots, so that each is read once."""

    by_member: dict[str, frozenset[int]]
    uncovered: frozenset[int]
    """Slots none of whose replicas can be read."""

    def __post_init__(self) -> None:
        assert sum(map(len, self.by_member.values())) + len(self.uncovered) == SLOTS


class Placement:
    """Which members hold which slots. Made once from the configuration, and never changed."""

    def __init__(self, members: Sequence[str], replicas: int) -> None:
        self._members = tuple(sorted(members))  # so that the order of the list means nothing
        assert replicas >= 1
        assert len(set(members)) == len(members)
        bids = {member: _bids(member) for member in self._members}
        self._replicas = tuple(_winners(bids, slot, replicas) for slot in range(SLOTS))
        self._held = {
            member: frozenset(s for s in range(SLOTS) if member in self._replicas[s])
            for member in self._members
        }

    def replicas(self, slot: int) -> tuple[str, ...]:
        """The members that hold a slot, the primary first."""
        return self._replicas[slot]

    def held(self, member: str) -> frozenset[int]:
        """The slots of which a member holds a replica."""
        return self._held[member]

    def cover(self, member: str, readable: Collection[str]) -> Cover:
        """Read each slot from a member if it can be, else from the first replica that can."""
        chosen: dict[str, set[int]] = {}
        uncovered = set()
        here = self.held(member) if member in readable else frozenset[int]()
        if here:
            chosen[member] = set(here)
        for slot in range(SLOTS) if len(here) < SLOTS else ():
            if slot in here:
                continue
            name = next((name for name in self._replicas[slot] if name in readable), None)
            if name is None:
                uncovered.add(slot)
            else:
                chosen.setdefault(name, set()).add(slot)
        by_member = {name: frozenset(slots) for name, slots in chosen.items()}
        return Cover(by_member, frozenset(uncovered))


@lru_cache(maxsize=16)
def placement_of(members: tuple[str, ...], replicas: int) -> Placement:
    """The placement of a member list. It takes 20 ms to make; whoever starts many nodes of one
    cluster in one process, as a simulation does, makes it once.
    """
    return Placement(members, replicas)


Bid = tuple[int, int]
"""The place of a slot among all of its bidder, and the hash that decides between equal places."""


def _bids(member: str) -> list[Bid]:
    """What a member bids for each slot."""
    seed = xxh3_64_intdigest(member.encode(), _MEMBER_SEED)
    hashes = [xxh3_64_intdigest(slot.to_bytes(2, "little"), seed) for slot in range(SLOTS)]
    bids: list[Bid] = [(0, 0)] * SLOTS
    for place, slot in enumerate(sorted(range(SLOTS), key=lambda slot: (hashes[slot], slot))):
        bids[slot] = (place, hashes[slot])
    return bids


def _winners(bids: dict[str, list[Bid]], slot: int, replicas: int) -> tuple[str, ...]:
    """The members with the highest bids for a slot, the highest first."""
    ranked = sorted(bids, key=lambda member: (bids[member][slot], member), reverse=True)
    return tuple(ranked[:replicas])
