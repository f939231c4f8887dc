"""Answers: what a program that uses the library gets back, but for values and keys.

They are plain frozen values, not messages of the wire: a program can compare, print and keep them,
and a field that is added to demo.proto breaks nobody. What `get` gives needs no type of its own; it
is the value. `read` gives it with what a condition needs, as `Held`.

The wire speaks in numbers, people and programs read `SERVING`, `DEAD`, `UNREACHABLE`, the same
words everywhere. A number that a later version of demo.proto may add is shown as a number; it is
never a reason to fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from kvcluster.client.failure import FailureKind

from demo_pb2 import PeerState, Status

_VERSION_BYTES = 12
_BEGINNING = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Version(bytes):
    """When a key was written: 12 bytes, opaque. Of two versions of a key the larger is the newer.

    It prints as 24 hexadecimal digits, whose order is the same. It is empty where a node knew none.
    """

    __slots__ = ()

    @classmethod
    def fromhex(cls, digits: str | Any, /) -> Version:  # since 3.14 bytes take other types
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
class Held:
    """What is under a key."""

    value: str | bytes
    """What was put, text or bytes."""
    version: Version
    """Of that write; for `if_version`."""
    expires_at: datetime | None = None
    """When it expires, in UTC; None: never."""


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


@dataclass(frozen=True, slots=True)
class Replica:
    """A node that holds a key, as another one sees it."""

    node: str
    """host:port."""
    state: str
    """"ALIVE", "SUSPECT", "DEAD", or "UNKNOWN" as long as it was not heard."""
    lagging: bool
    """It answers, and missed writes that it has not caught up with."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a key lives, whether it is there or not."""

    slot: int
    replicas: tuple[Replica, ...]
    """Who holds it, the primary first."""
    said_by: str
    """The node that says so, host:port."""
    engine: str = ""
    """Of a gateway, in place of replicas: where its engine has the key, for people."""

    @property
    def primary(self) -> str:
        """The node that coordinates its writes as long as it lives, host:port; empty of a gateway:
        there is none to ask.
        """
        return self.replicas[0].node if self.replicas else ""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """How a node is, by its own account; of one that does not answer only the first three."""

    node: str
    """host:port."""
    state: str
    """"SERVING", "SYNCING", "STARTING", "DRAINING", "NOT_SERVING"; or why there is no answer:
    "UNREACHABLE", "TIMED OUT", "WRONG SERVICE", "REFUSED", "BROKEN"."""
    reason: str
    """Why it does not serve, for people; empty if it does."""
    keys: int | None = None
    """Live keys that it holds."""
    size_bytes: int | None = None
    """Of those keys and their values."""
    uptime_s: float | None = None
    disk_full: bool = False
    """It had no room at the last try: reads are served, writes refused."""

    @property
    def serving(self) -> bool:
        """Whether it takes reads and writes now."""
        return self.state == "SERVING" and not self.disk_full


def moment(milliseconds: int) -> datetime | None:
    """A time that is told as milliseconds since 1970; None for 0, which is none."""
    if not milliseconds:
        return None
    try:
        return _BEGINNING + timedelta(milliseconds=milliseconds)
    except OverflowError:  # no node of ours says such a thing
        return datetime.max.replace(tzinfo=timezone.utc)


def milliseconds_of(time: datetime) -> int:
    """The same the other way round."""
    return round((time - _BEGINNING) / timedelta(milliseconds=1))


def status_word(number: int) -> str:
    """What a node says of itself: "SERVING"."""
    return Status.Name(number) if number in Status.values() else f"STATUS {number}"


def state_word(number: int) -> str:
    """What a node says of another: "ALIVE"."""
    known = number in PeerState.State.values()
    return PeerState.State.Name(number) if known else f"STATE {number}"


def failure_word(kind: FailureKind) -> str:
    """What a node is called that did not answer: "UNREACHABLE"."""
    if kind is FailureKind.TLS:
        return "TLS FAILED"
    return "REFUSED" if kind is FailureKind.BAD_REQUEST else kind.value.upper()
