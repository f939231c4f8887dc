"""A slot: one of 4,096 parts of the key space.

The table, the checkpoint and catching up all work a slot at a time: it is small enough (250 keys
of a million) to be handled between two requests without anybody noticing, and there are enough
to spread evenly.

The hashes are XXH3 (64 bits), the same on every machine and in every language, unlike Python's
own `hash`, which changes from process to process.
"""

from __future__ import annotations

from xxhash import xxh3_64_intdigest

SLOTS = 4096


def slot_of(key: str) -> int:
    """The slot of a key: XXH3-64 of its UTF-8 bytes, modulo 4,096."""
    return xxh3_64_intdigest(key.encode()) % SLOTS


def pair_hash(key: str, value: str) -> int:
    """A 64-bit hash of a key and its value: XXH3-64 of the value, seeded with that of the key.

    Seeding needs no separator between the two, so ("a", "bc") and ("ab", "c") differ.
    """
    return xxh3_64_intdigest(value.encode(), xxh3_64_intdigest(key.encode()))
