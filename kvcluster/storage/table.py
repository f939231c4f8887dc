"""The table: every entry this node holds, in memory, by slot.

4,096 small dicts instead of one large: a dict that grows past a million keys stops the process
for the time of one rehash, a dict of 250 does not; and checkpoint, catching up and comparison
work a slot at a time anyway.

`apply` is the only way in. Compare and store, with no await in between, serves client writes,
Replicate, pulls and replay alike, so the newer entry stays whatever the order of arrival.

A key may expire (lives.py): `get` says that it has, to the millisecond, while the table still holds
its value. Whoever looks into a slot asks `seen` what is to be seen of an entry. The counts of keys
are right at once; all else (sizes, the order of keys, digests) follows with the `sweep`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from xxhash import xxh3_64_intdigest

from kvcluster.model.ballots import is_decided
from kvcluster.model.digest import block_hashes, live_hash
from kvcluster.model.entry import ZERO, Entry, Verdict, Version, is_live, judge, version_of
from kvcluster.model.expiry import Life, judge_lives
from kvcluster.model.slots import SLOTS, key_hash, slot_of
from kvcluster.storage.block import Block
from kvcluster.storage.counts import Counts, size_bytes, sizes_bytes
from kvcluster.storage.digests import Digests
from kvcluster.storage.garbage import Nursery, TrackedDict
from kvcluster.storage.key_index import KeyIndex
from kvcluster.storage.lives import Lives

from demo_pb2 import Entry as EntryMessage


class Table:
    """Entries by slot. Holds values and tombstones; counts them apart."""

    def __init__(self) -> None:
        self._slots = [TrackedDict() for _ in range(SLOTS)]
        self._newest: list[Version] = [ZERO] * SLOTS
        self._nursery = Nursery()
        self.digests = Digests(self._slots)
        self.keys = KeyIndex()
        """The keys with a value, in order, from `order_keys` on. Some may have expired."""
        self.lives = Lives()
        self._expiries = self.lives.expiries
        self._counts = Counts()
        self.decided = False
        """Whether anything was ever promised here, or made by a majority (model/ballots.py)."""
        self.conflicts = 0
        """How often one version came with two contents: damage somewhere, an alarm."""

    @property
    def live(self) -> int:
        """Keys that have a value, and have not expired."""
        return self._counts.live - self.lives.due

    @property
    def tombstones(self) -> int:
        """Keys that were deleted, or have expired, and are not forgotten yet."""
        return self._counts.tombstones + self.lives.due

    @property
    def size_bytes(self) -> int:
        """Of all keys with a value and their values, in UTF-8."""
        return self._counts.size_bytes

    def get(self, key: str) -> Entry | None:
        """The entry of a key, a tombstone included; None if the key was never seen."""
        entry = self._slots[slot_of(key)].get(key)
        if self._expiries and entry is not None:
            return self.lives.seen(key, entry)
        return entry

    def seen(self, key: str, entry: Entry) -> Entry:
        """What `get` sees where this is held of a key."""
        return self.lives.seen(key, entry) if self._expiries else entry

    def expires_ms(self, key: str) -> int:
        """When a key expires, or did; 0: never."""
        return self._expiries.get(key, 0)

    def message(self, key: str, entry: Entry) -> EntryMessage:
        """What is held or seen of a key, as it travels: with a value that a condition may see."""
        expires_ms = self._expiries.get(key, 0)
        held = self._slots[slot_of(key)].get(key) if expires_ms else None
        if held is not None and version_of(held) == version_of(entry):
            entry = self.lives.lingering(key, held)
        return to_message(key, entry, expires_ms)

    def is_buried(self, key: str, version: Version) -> bool:
        """Whether a tombstone of this version is here which counts for one: of a key that expires,
        not before its time.
        """
        return self.get(key) == (None, version) and not self.lives.is_early(key)

    def judge(self, key: str, entry: Entry, expires_ms: int = 0) -> Verdict:
        """What `apply` would say, changing nothing."""
        return self._judge(key, entry, expires_ms, self._slots[slot_of(key)].get(key))

    def apply(self, key: str, entry: Entry, expires_ms: int = 0) -> Verdict:
        """Store an entry if it is newer than the one held; say what it was."""
        hash_of_key = key_hash(key)
        number = hash_of_key % SLOTS
        slot = self._slots[number]
        held = slot.get(key)
        verdict = judge(entry, held)
        if verdict is not Verdict.NEWER and (expires_ms or self._expiries):
            verdict = self._judge(key, entry, expires_ms, held)
        if verdict.stores:  # as `_replace` does, without a call of it
            self._counts.change(number, key, held, entry)
            self._order(key, held, entry)
            slot[key] = entry
            self.digests.replace(number, hash_of_key, held, entry)
            self._nursery.made(1)
            if expires_ms or self._expiries:
                self.lives.replace(key, held, entry, expires_ms)
            self._newest[number] = max(self._newest[number], version_of(entry))
            self.decided = self.decided or is_decided(version_of(entry))
        if verdict.conflicts and version_of(entry) != ZERO:  # two people may well write two things
            self.conflicts += 1
        return verdict

    def is_decided(self, key: str) -> bool:
        """Whether what is held of a key was made by a majority."""
        held = self.get(key) if self.decided else None
        return held is not None and is_decided(version_of(held))

    def _judge(self, key: str, entry: Entry, expires_ms: int, held: Entry | None) -> Verdict:
        held_ms = self._expiries.get(key, 0)
        if held is None or not (expires_ms or held_ms):
            return judge(entry, held)
        return judge_lives(Life(entry, expires_ms), Life(held, held_ms), self.lives.town_ms())

    def sweep(self, count: int) -> int:
        """Let go of the values of so many expired keys at most; of how many it did."""
        swept = self.lives.take_over(count)
        for key in swept:
            held = self._slots[slot_of(key)][key]
            assert is_live(held), "what has no value is in no wheel"
            self._replace(key, held, (None, version_of(held)))
        return len(swept)

    def drop(self, key: str, version: Version) -> bool:
        """Forget what is held up to this version; return whether anything was.

        It is of this version, unless damage took the newer entry and left the older one.
        """
        held = self._slots[slot_of(key)].get(key)
        if held is None or version_of(held) > version:
            return False
        self._forget(key, held)
        return True

    def _forget(self, key: str, held: Entry) -> None:
        self._replace(key, held, None)
        if self._expiries:
            self.lives.replace(key, held, None, 0)

    def apply_all(self, entries: Sequence[EntryMessage]) -> list[Verdict]:
        """Apply entries that come from the journal or from another node; what each was."""
        if isinstance(entries, Block):
            return self._apply_block(entries)
        return [self.apply(it.key, to_entry(it), it.expires_ms) for it in entries]

    def apply_message(self, message: EntryMessage) -> Verdict:
        """Apply an entry that comes from the journal or from another node."""
        return self.apply(message.key, to_entry(message), message.expires_ms)

    def load(
        self, pairs: Mapping[str, str], versions: Sequence[Version], expiries: Mapping[int, int]
    ) -> None:
        """Apply many pairs, with a version for each, and expiries of some by their places: `apply`
        without its verdicts, for a start.

        Where nothing is held yet nothing is compared; with that and `undisturbed` the start of a
        million keys takes little more than half the time.
        """
        if self._counts.live or self._counts.tombstones or self.keys.filled:
            for place, (key, version) in enumerate(zip(pairs, versions, strict=True)):
                self.apply(key, (pairs[key], version), expiries.get(place, 0))
            return
        slots, newest = self._slots, self._newest
        for (key, value), version in zip(pairs.items(), versions, strict=True):
            number = xxh3_64_intdigest(key.encode()) % SLOTS  # slot_of, spelled out
            slots[number][key] = (value, version)
            if version > newest[number]:
                newest[number] = version
        self.digests.doubt(range(SLOTS))
        self._counts.add(len(pairs), sizes_bytes(pairs) + sizes_bytes(pairs.values()))
        keys = list(pairs) if expiries else []
        for place, expires_ms in expiries.items():
            self.lives.replace(keys[place], None, ("", versions[place]), expires_ms)

    def _apply_block(self, block: Block) -> list[Verdict]:
        """`apply` of many puts, without a call of ours for each: a third of the time.

        All that goes otherwise than a new key or a newer value for it is left to `apply`.
        """
        keys, values, versions = block.keys, block.values, block.versions
        if self._expiries and not self._expiries.keys().isdisjoint(keys):
            return [self.apply(*pair) for pair in block.pairs()]
        slots, newest, digests = self._slots, self._newest, self.digests
        hashes, hashes_of_entries = block_hashes(keys, values, versions)
        verdicts, fresh = [Verdict.NEWER] * len(keys), []
        live_bytes = sizes_bytes(values)
        for place, entry in enumerate(zip(values, versions, strict=True)):
            key, version = keys[place], versions[place]
            number = hashes[place] % SLOTS
            held = slots[number].get(key)
            if held is None:
                fresh.append(key)
            elif is_live(held) and version_of(held) < version:
                live_bytes -= size_bytes(held[0])
                digests.flip(number, live_hash(hashes[place], held))
            else:
                live_bytes -= size_bytes(values[place])
                verdicts[place] = self.apply(key, entry)
                continue
            slots[number][key] = entry
            digests.flip(number, hashes_of_entries[place])
            if newest[number] < version:
                newest[number] = version
        self._counts.add(len(fresh), live_bytes + sizes_bytes(fresh))
        self.keys.add_all(fresh)
        assert len(self.keys) <= self._counts.live
        self._nursery.made(len(keys))
        return verdicts

    def slot(self, number: int) -> dict[str, Entry]:
        """The entries of one slot, to read and not to change."""
        return self._slots[number]

    def filled(self) -> Iterator[int]:
        """The numbers of the slots that hold anything, ascending, each as it is when asked for."""
        return itertools.compress(range(SLOTS), self._slots)

    def newest(self, number: int) -> Version:
        """No entry of a slot is newer than this."""
        return self._newest[number]

    def buried(self, number: int) -> list[tuple[str, Version]]:
        """The tombstones of a slot that count for one (see `is_buried`): keys and versions."""
        slot = self._slots[number]
        dead = [(key, version_of(slot[key])) for key in self._counts.buried.get(number, ())]
        return [it for it in dead if not self.lives.is_early(it[0])] if self._expiries else dead

    def slots_with_tombstones(self) -> list[int]:
        """The numbers of the slots that hold a tombstone, ascending."""
        return sorted(self._counts.buried)

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Every key and what is seen of it. For tests and tools: a million take a while."""
        for number in self.filled():
            yield from ((key, self.seen(key, it)) for key, it in self._slots[number].items())

    def order_keys(self) -> None:
        """Put the keys in order; from here on they are kept so. Call once, after loading."""
        keys = list(itertools.chain.from_iterable(self._slots))
        if self._counts.tombstones:
            keys = [key for key in keys if is_live(self._slots[slot_of(key)][key])]
        self.keys.fill(keys)

    def _replace(self, key: str, held: Entry, to: Entry | None) -> None:
        """Hold something else of a key, or nothing."""
        hash_of_key = key_hash(key)
        number = hash_of_key % SLOTS
        self._counts.change(number, key, held, to)
        self._order(key, held, to)
        if to is not None:
            self._slots[number][key] = to
            self._nursery.made(1)
        else:
            del self._slots[number][key]
        self.digests.replace(number, hash_of_key, held, to)

    def _order(self, key: str, before: Entry | None, after: Entry | None) -> None:
        lives = is_live(after)
        if lives == is_live(before):
            return
        if lives:
            self.keys.add(key)
        else:
            self.keys.remove(key)
        assert len(self.keys) <= self._counts.live  # fewer, if damage took an entry that came again


def to_message(key: str, entry: Entry, expires_ms: int = 0) -> EntryMessage:
    """An entry as it stands in the journal and travels between nodes."""
    value, version = entry
    if value is None:
        return EntryMessage(key=key, deleted=True, version=version, expires_ms=expires_ms)
    return EntryMessage(key=key, value=value, version=version, expires_ms=expires_ms)


def to_entry(message: EntryMessage) -> Entry:
    """The entry in a message, without its expiry."""
    return (None if message.deleted else message.value, Version(message.version))
