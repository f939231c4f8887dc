"""The table: every entry this node holds, in memory, by slot.

4,096 small dicts instead of one large: a dict that grows past a million keys stops the process
for the time of one rehash, a dict of 250 does not; and checkpoint, catching up and comparison
work a slot at a time anyway.

`apply` is the only way in. Compare and store, with no await in between, serves client writes,
Replicate, pulls and replay alike, so the newer entry stays whatever the order of arrival.

Garbage collection can stop a node for long, and is kept away from the entries in three ways:

- `undisturbed` has it wait while a start makes a million of them, and hides them then.
- A slot is a dict of a class of its own. The collector takes a plain dict off its lists when all in
  it is atoms, and puts it back with the next entry, as young: so after each full collection random
  writes made it visit every entry of the store again, 20 to 90 ms at a time among a million. One
  of a class stays where it was hidden, and is never visited again.
- Entries are plain tuples of atoms, which the collector drops from its lists the first time it
  sees them. But it decides by objects made less objects freed, and overwriting frees one for each
  that it makes: it would not look for a long time, and then at all of them (20 ms for 30,000).
  So `apply` has it look at the young ones itself, now and then.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from xxhash import xxh3_64_intdigest

from kvcluster.model.ballots import is_decided
from kvcluster.model.digest import block_hashes, live_hash
from kvcluster.model.entry import ZERO, Entry, Verdict, Version, is_live, judge, version_of
from kvcluster.model.slots import SLOTS, key_hash, slot_of
from kvcluster.storage.block import Block
from kvcluster.storage.digests import Digests
from kvcluster.storage.key_index import KeyIndex

from demo_pb2 import Entry as EntryMessage

_YOUNG_ENTRIES = 1_000


class _Slot(dict[str, Entry]):
    """The entries of one slot: a dict that the garbage collector goes on tracking, see above."""

    __slots__ = ()


class Table:
    """Entries by slot. Holds values and tombstones; counts them apart."""

    def __init__(self) -> None:
        self._slots = [_Slot() for _ in range(SLOTS)]
        self._newest: list[Version] = [ZERO] * SLOTS
        self._buried: dict[int, dict[str, None]] = {}  # keys of tombstones, by slot
        self._young = 0  # entries stored since the collector last saw them
        self.digests = Digests(self._slots)
        self.keys = KeyIndex()
        """The live keys in order, from `order_keys` on."""
        self.live = 0
        """Keys that have a value."""
        self.tombstones = 0
        self.size_bytes = 0
        """Of all live keys and their values, in UTF-8."""
        self.decided = False
        """Whether anything was ever promised here, or made by a majority (model/ballots.py)."""
        self.conflicts = 0
        """How often one version came with two contents: damage somewhere, an alarm."""

    def get(self, key: str) -> Entry | None:
        """The entry of a key, a tombstone included; None if the key was never seen."""
        return self._slots[slot_of(key)].get(key)

    def judge(self, key: str, entry: Entry) -> Verdict:
        """What `apply` would say, changing nothing."""
        return judge(entry, self.get(key))

    def apply(self, key: str, entry: Entry) -> Verdict:
        """Store an entry if it is newer than the one held; say what it was."""
        hash_of_key = key_hash(key)
        number = hash_of_key % SLOTS
        slot = self._slots[number]
        held = slot.get(key)
        verdict = judge(entry, held)
        if verdict.stores:
            self._count(number, key, held, entry)
            self._order(key, held, entry)
            slot[key] = entry
            self.digests.replace(number, hash_of_key, held, entry)
            self._newest[number] = max(self._newest[number], version_of(entry))
            self.decided = self.decided or is_decided(version_of(entry))
            self._grow_old()
        if verdict.conflicts and version_of(entry) != ZERO:  # two people may well write two things
            self.conflicts += 1
        return verdict

    def is_decided(self, key: str) -> bool:
        """Whether what is held of a key was made by a majority."""
        held = self.get(key) if self.decided else None
        return held is not None and is_decided(version_of(held))

    def drop(self, key: str, version: Version) -> bool:
        """Forget what is held up to this version; return whether anything was.

        It is of this version, unless damage took the newer entry and left the older one.
        """
        held = self.get(key)
        if held is None or version_of(held) > version:
            return False
        self._forget(key, held)
        return True

    def apply_all(self, entries: Sequence[EntryMessage]) -> list[Verdict]:
        """Apply entries that come from the journal or from another node; what each was."""
        if isinstance(entries, Block):
            return self._apply_block(entries)
        return [self.apply(entry.key, to_entry(entry)) for entry in entries]

    def apply_message(self, message: EntryMessage) -> Verdict:
        """Apply an entry that comes from the journal or from another node."""
        return self.apply(message.key, to_entry(message))

    def load(self, pairs: Mapping[str, str], versions: Sequence[Version]) -> None:
        """Apply many pairs, with a version for each: `apply` without its verdicts, for a start.

        Where nothing is held yet nothing is compared; with that and `undisturbed` the start of a
        million keys takes little more than half the time.
        """
        if self.live or self.tombstones or self.keys.filled:
            for (key, value), version in zip(pairs.items(), versions, strict=True):
                self.apply(key, (value, version))
            return
        slots, newest = self._slots, self._newest
        for (key, value), version in zip(pairs.items(), versions, strict=True):
            number = xxh3_64_intdigest(key.encode()) % SLOTS  # slot_of, spelled out
            slots[number][key] = (value, version)
            if version > newest[number]:
                newest[number] = version
        self.digests.doubt(range(SLOTS))
        self.live = len(pairs)
        self.size_bytes = _sizes_bytes(pairs) + _sizes_bytes(pairs.values())

    def _apply_block(self, block: Block) -> list[Verdict]:
        """`apply` of many puts, without a call of ours for each: a third of the time.

        All that goes otherwise than a new key or a newer value for it is left to `apply`.
        """
        keys, values, versions = block.keys, block.values, block.versions
        slots, newest, digests = self._slots, self._newest, self.digests
        hashes, hashes_of_entries = block_hashes(keys, values, versions)
        verdicts, fresh = [Verdict.NEWER] * len(keys), []
        live_bytes = _sizes_bytes(values)
        for place, entry in enumerate(zip(values, versions, strict=True)):
            key, version = keys[place], versions[place]
            number = hashes[place] % SLOTS
            held = slots[number].get(key)
            if held is None:
                fresh.append(key)
            elif is_live(held) and version_of(held) < version:
                live_bytes -= _size_bytes(held[0])
                digests.flip(number, live_hash(hashes[place], held))
            else:
                live_bytes -= _size_bytes(values[place])
                verdicts[place] = self.apply(key, entry)
                continue
            slots[number][key] = entry
            digests.flip(number, hashes_of_entries[place])
            if newest[number] < version:
                newest[number] = version
        self.live += len(fresh)
        self.size_bytes += live_bytes + _sizes_bytes(fresh)
        self.keys.add_all(fresh)
        assert len(self.keys) <= self.live
        self._grow_old(len(keys))
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
        """The tombstones of a slot: keys and versions."""
        slot = self._slots[number]
        return [(key, version_of(slot[key])) for key in self._buried.get(number, ())]

    def slots_with_tombstones(self) -> list[int]:
        """The numbers of the slots that hold a tombstone, ascending."""
        return sorted(self._buried)

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Every key and entry. For tests and tools: a million take a while."""
        for number in self.filled():
            yield from self._slots[number].items()

    def order_keys(self) -> None:
        """Put the keys in order; from here on they are kept so. Call once, after loading."""
        keys = list(itertools.chain.from_iterable(self._slots))
        if self.tombstones:
            keys = [key for key in keys if is_live(self.get(key))]
        self.keys.fill(keys)

    def _forget(self, key: str, held: Entry) -> None:
        hash_of_key = key_hash(key)
        number = hash_of_key % SLOTS
        self._count(number, key, held, None)
        self._order(key, held, None)
        del self._slots[number][key]
        self.digests.replace(number, hash_of_key, held, None)

    def _grow_old(self, entries: int = 1) -> None:
        self._young += entries
        if self._young >= _YOUNG_ENTRIES:
            self._young = 0
            gc.collect(0)

    def _order(self, key: str, before: Entry | None, after: Entry | None) -> None:
        lives = is_live(after)
        if lives == is_live(before):
            return
        if lives:
            self.keys.add(key)
        else:
            self.keys.remove(key)
        assert len(self.keys) <= self.live  # fewer, if damage took an entry that came again

    def _count(self, number: int, key: str, before: Entry | None, after: Entry | None) -> None:
        if is_live(before) and is_live(after):  # nearly all writes to a store that is full
            self.size_bytes += _size_bytes(after[0]) - _size_bytes(before[0])
            return
        if before is not None:
            self._count_one(number, key, before, -1)
        if after is not None:
            self._count_one(number, key, after, +1)

    def _count_one(self, number: int, key: str, entry: Entry, change: int) -> None:
        if is_live(entry):
            self.live += change
            self.size_bytes += change * (_size_bytes(key) + _size_bytes(entry[0]))
            return
        self.tombstones += change
        if change > 0:
            self._buried.setdefault(number, {})[key] = None
        else:
            del self._buried[number][key]
            if not self._buried[number]:
                del self._buried[number]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Load a table in peace: the garbage collector waits, and at the end all is hidden from it.

    A full collection at a million keys visits every key and takes a good part of a second.
    """
    collects = gc.isenabled()
    gc.collect()  # or what was thrown away before would be kept for ever
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


def to_message(key: str, entry: Entry) -> EntryMessage:
    """An entry as it stands in the journal and travels between nodes."""
    value, version = entry
    if value is None:
        return EntryMessage(key=key, deleted=True, version=version)
    return EntryMessage(key=key, value=value, version=version)


def to_entry(message: EntryMessage) -> Entry:
    """The entry in a message."""
    return (None if message.deleted else message.value, Version(message.version))


def _size_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _sizes_bytes(texts: Collection[str]) -> int:
    """Of all of them. Asked by `map`, a million take a fiftieth of a second."""
    if all(map(str.isascii, texts)):
        return sum(map(len, texts))
    return sum(map(_size_bytes, texts))
