"""Answers: what a program that uses the library gets back from a write.

They are plain frozen values, not messages of the wire: a program can compare, print and keep them,
and a field that is added to demo.proto breaks nobody. What a read gives needs no type of its own;
it is the value.
"""

from __future__ import annotations

from dataclasses import dataclass

_VERSION_BYTES = 12


class Version(bytes):
    """When a key was written: 12 bytes, opaque. Of two versions of a key the larger is the newer.

    It prints as 24 hexadecimal digits, whose order is the same. It is empty where a node knew none.
    """

    __slots__ = ()

    @classmethod
    def fromhex(cls, digits: str) -> Version:
        """The version that prints so. Raises ValueError."""
        try:
            version = cls(bytes.fromhex(digits))
        except ValueError:
            version = cls()
        if len(version) != _VERSION_BYTES:
            raise ValueError(f"a version is 24 hexadecimal digits, not {digits!r}")
        return version

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"Version.fromhex('{self.hex()}')"


@dataclass(frozen=True, slots=True)
class Stored:
    """A put was done: it is on disk at every node that is counted."""

    version: Version
    """Of this write; of two versions of a key the larger is the newer."""
    replicas: int
    """How many nodes should hold the key."""
    acknowledged: int
    """How many of them hold this write on disk now. The others catch up by themselves."""
    served_by: str
    """The node that coordinated the write, host:port."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A delete was done, whether the key was there or not."""

    found: bool
    """Whether the key was there."""
    version: Version
    """Of this delete; of two versions of a key the larger is the newer."""
    replicas: int
    """How many nodes should know of the delete."""
    acknowledged: int
    """How many of them have it on disk now. The others catch up by themselves."""
    served_by: str
    """The node that coordinated the delete, host:port."""


@dataclass(frozen=True, slots=True)
class DeletedMany:
    """Many deletes were done, all that were asked for."""

    keys: int
    """How many keys were given."""
    found: int
    """How many of them were there."""
