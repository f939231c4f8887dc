"""Digests: what a slot holds, in 64 bits, so that two nodes can compare without sending it.

A digest is the XOR of one hash for each live entry of the slot, over key, version and value. XOR
does not care about order, so two nodes that took the same writes in any order agree, as with the
leaves of Dynamo's Merkle trees (DeCandia et al., 2007). A tree over 4,096 leaves would save
nothing: all of them are 32 KiB.

The hash must be a real one. With CRC, which is linear, changes cancel out; with XXH3-64 two
different contents agree by chance once in 2^64.

Tombstones do not count: replicas drop them at different moments, and would seem to differ. What
a missing tombstone could do is prevented elsewhere: none is dropped before every replica holds it
(model/tombstones.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from xxhash import xxh3_64_intdigest

from kvcluster.model.entry import Entry, is_live

_TOMBSTONE_SEED = 1


def pair_hash(key: str, value: str) -> int:
    """A 64-bit hash of a key and its value: XXH3-64 of the value, seeded with that of the key.

    Seeding needs no separator between the two, so ("a", "bc") and ("ab", "c") differ.
    """
    return xxh3_64_intdigest(value.encode(), xxh3_64_intdigest(key.encode()))


def entry_hash(key: str, entry: Entry) -> int:
    """A 64-bit hash of an entry: XXH3-64 of version and value, seeded with that of the key.

    A tombstone has no value; the hash of its key is seeded with 1 instead of 0.
    """
    value, version = entry
    if value is None:
        return xxh3_64_intdigest(version, xxh3_64_intdigest(key.encode(), _TOMBSTONE_SEED))
    return xxh3_64_intdigest(version + value.encode(), xxh3_64_intdigest(key.encode()))


def digest_of(entries: Iterable[tuple[str, Entry]]) -> int:
    """The digest of the entries of one slot: 0 if none of them is live."""
    digest = 0
    for key, entry in entries:
        if is_live(entry):
            digest ^= entry_hash(key, entry)
    return digest
