"""A block: many puts in columns, which pass from a client to the disks of all replicas as they are.

Whoever stores much sends many puts at once, and an object for each, and for each version, is most
of what they cost. A block has its keys in one column, its values in another, and one version, the
first: the others follow it, a tick each. The same message travels from the node that coordinates
it to the peers, and stands in the journals of all (`JournalFrame.blocks`).

To everybody else a block is a sequence of entries like any other, made when somebody asks for one.
So only those who handle many need know that there are blocks: who sends them to peers, who journals
them, and who applies them. What becomes of an entry, that it is superseded or that its replica
missed it, is told by its place, as of any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import overload

from kvcluster.model.entry import Entry, Version, following, is_followed, is_version

from demo_pb2 import Block as BlockMessage
from demo_pb2 import Entry as EntryMessage


class Block(Sequence[EntryMessage]):
    """Puts, by place. Nobody changes it."""

    def __init__(self, keys: list[str], values: list[str], first: Version) -> None:
        self.keys = keys
        self.values = values
        self.first = first
        """No entry of it is older."""

    @classmethod
    def of(cls, message: BlockMessage) -> Block:
        """The block in a message, which must be `is_sound`."""
        first = Version(message.first_version)
        block = cls(list(message.keys), list(message.values), first)
        block.message = message
        return block

    @cached_property
    def message(self) -> BlockMessage:
        """As it travels, and stands in the journal."""
        return BlockMessage(keys=self.keys, values=self.values, first_version=self.first)

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, place: int) -> EntryMessage: ...

    @overload
    def __getitem__(self, place: slice) -> Block: ...

    def __getitem__(self, place: int | slice) -> EntryMessage | Block:
        if isinstance(place, slice):
            assert place.step is None, "its versions follow each other"
            return Block(self.keys[place], self.values[place], self.versions[place][0])
        key, value = self.keys[place], self.values[place]
        return EntryMessage(key=key, value=value, version=self.versions[place])

    @cached_property
    def versions(self) -> list[Version]:
        """Those of its entries."""
        return following(self.first, len(self.keys))

    def pairs(self) -> Iterator[tuple[str, Entry]]:
        """Keys and entries, as the table holds them."""
        return zip(self.keys, zip(self.values, self.versions, strict=True), strict=True)


def is_sound(message: BlockMessage) -> bool:
    """Whether a message is a block at all: equal columns, and a version for each key."""
    count, first = len(message.keys), Version(message.first_version)
    return len(message.values) == count > 0 and is_version(first) and is_followed(first, count)


def size_bytes(entries: Sequence[EntryMessage]) -> int:
    """About what entries take in a message."""
    if isinstance(entries, Block):
        return entries.message.ByteSize()
    return sum(map(EntryMessage.ByteSize, entries))


def parted(
    several: Iterable[Sequence[EntryMessage]],
) -> tuple[list[EntryMessage], list[Block]]:
    """All entries that are in no block, and the blocks."""
    loose, blocks = list[EntryMessage](), list[Block]()
    for entries in several:
        if isinstance(entries, Block):
            blocks.append(entries)
        else:
            loose += entries
    return loose, blocks


def versions_of(entries: Sequence[EntryMessage]) -> list[Version]:
    """The versions of entries, in a list of their own."""
    if isinstance(entries, Block):
        return list(entries.versions)
    return [Version(entry.version) for entry in entries]
