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

from kvcluster.model.entry import Entry, LiveEntry, Version, is_live
from kvcluster.model.slots import key_hash

_TOMBSTONE_SEED = 1


def pair_hash(key: str, value: str) -> int:
    """A 64-bit hash of a key and its value: XXH3-64 of the value, seeded with that of the key.

    Seeding needs no separator between the two, so ("a", "bc") and ("ab", "c") differ.
    """
    return xxh3_64_intdigest(value.encode(), key_hash(key))


def pair_hashes(keys: Iterable[str], values: Iterable[str]) -> list[int]:
    """The hashes of many pairs, without a call of ours for each."""
    seeds = map(xxh3_64_intdigest, map(str.encode, keys))
    return list(map(xxh3_64_intdigest, map(str.encode, values), seeds))


def block_hashes(
    keys: Iterable[str], values: Iterable[str], versions: Iterable[Version]
) -> tuple[list[int], list[int]]:
    """The hashes of many keys, and of the live entries of these: no call of ours for each."""
    hashes = list(map(xxh3_64_intdigest, map(str.encode, keys)))
    contents = map(bytes.__add__, versions, map(str.encode, values))
    return hashes, list(map(xxh3_64_intdigest, contents, hashes))


def entry_hash(key: str, entry: Entry) -> int:
    """A 64-bit hash of an entry: XXH3-64 of version and value, seeded with that of the key.

    A tombstone has no value; the hash of its key is seeded with 1 instead of 0.
    """
    if is_live(entry):
        return live_hash(key_hash(key), entry)
    return xxh3_64_intdigest(entry[1], xxh3_64_intdigest(key.encode(), _TOMBSTONE_SEED))


def live_hash(hash_of_key: int, entry: LiveEntry) -> int:
    """The hash of a live entry, for whoever has that of its key already."""
    value, version = entry
    return xxh3_64_intdigest(version + value.encode(), hash_of_key)


def digest_after(digest: int, hash_of_key: int, before: Entry | None, after: Entry | None) -> int:
    """What a digest becomes when one entry of the slot takes the place of another; None: of none.

    XOR undoes itself, so the old entry is taken out as it was put in.
    """
    if is_live(before):
        digest ^= live_hash(hash_of_key, before)
    if is_live(after):
        digest ^= live_hash(hash_of_key, after)
    return digest


def digest_of(entries: Iterable[tuple[str, Entry]]) -> int:
    """The digest of the entries of one slot: 0 if none of them is live."""
    digest = 0
    for key, (value, version) in entries:
        if value is not None:  # live_hash, spelled out: a million of them are read at a time
            digest ^= xxh3_64_intdigest(version + value.encode(), xxh3_64_intdigest(key.encode()))
    return digest
