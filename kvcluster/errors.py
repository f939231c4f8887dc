"""The family of errors that this library raises on purpose.

Two questions matter to a caller, so the family is built around them: *was anything written?*
(`NothingWritten` and its kin: certainly not; `OutcomeUnknown`: perhaps) and *can the process go
on?* (`CannotStart`, `DiskFailed`: no). Three of the family live with those who raise them, since
nobody else does: `CallFailed` (`client/failure.py`), `BadFile` and `BadPair` (`commands/bulk/`).
Anything else that escapes is a bug.

One table says how they read on the wire (`kvcluster/wire/failures.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

CERTAIN = "; nothing was written"
"""What the border adds to the text of `NothingWritten`, for callers that wanted to write."""

_TOLD_CHARACTERS = 500
_TOLD_BYTES = 1_000
"""A status of gRPC carries a sentence twice, and three bytes for each that is not ASCII; over 8 KiB
it is refused by who receives it, who then knows nothing of the call."""


class KvError(Exception):
    """Base of the family. The text is one sentence for a person."""

    reasons: Mapping[str, str] = MappingProxyType({})
    """Where a client asked several nodes: why each did not do it, by address."""


class NothingWritten(KvError):
    """The request was refused before anything was stored or sent.

    The border to gRPC adds "nothing was written" to the text for callers that wanted to write.
    """


class BadRequest(NothingWritten):
    """An argument is wrong. The text names the value and the limit.

    `value_limit_bytes`: how large a value may be, if it is the value that is too large; else 0.
    """

    def __init__(self, text: str = "", *, value_limit_bytes: int = 0) -> None:
        super().__init__(text)
        self.value_limit_bytes = value_limit_bytes


class UnknownService(NothingWritten):
    """Somebody asked for the health of a service that is not here."""


class PeerRefused(NothingWritten):
    """A peer's message was refused. Its kin say why."""


class HeldBack(PeerRefused):
    """A peer's message is too old. If only the sender's clock is behind, the next heartbeat brings
    it up to date, and what is sent after that is taken.
    """


class ClockAbsurd(PeerRefused):
    """Two nodes have clocks that are further apart than clocks should be. The text says whose."""


class ConfigurationDiffers(PeerRefused):
    """Two nodes have different member lists, replica counts or slot counts. The text says which."""


class Unauthenticated(NothingWritten):
    """The caller has not shown who he is, or what he showed is none. The text says what lacks."""


class PermissionDenied(NothingWritten):
    """Who calls is known, and may not do it. The text says who, and what."""


class Overloaded(NothingWritten):
    """Too many requests are in flight; come back a little later."""


class AnswerFull(NothingWritten):
    """The answer to a batch holds as many values as it may: ask for this one again."""


class DiskIsFull(NothingWritten):
    """The disk is known to be full; reads go on, writes work again when there is room."""


class NotReady(NothingWritten):
    """The node is starting, catching up, draining, or was stopped and must look around first."""


class TooLate(NothingWritten):
    """The caller's deadline had passed before the work began."""


class NoMajority(NotReady):
    """So few replicas of the key can be reached that they are no majority. The text counts them."""


class TooOld(PeerRefused):
    """Some member of the cluster is of a version that does not know what was asked for."""


class NoReplica(NotReady):
    """No replica of the key can be reached. The text names the nodes that are missing."""


class Unavailable(NothingWritten):
    """No node could do it in time. The text says what each of them said; try again later."""


class OutcomeUnknown(KvError):
    """The write may or may not survive: a replica may have it, this node may not.

    `version`: of an operation with a condition, in which version it is if it was done; else empty.
    So a linearizable read can tell.
    """

    version: bytes = b""


class TimedOut(OutcomeUnknown):
    """The deadline passed while the write was on its way to disk."""


class ConnectionLost(OutcomeUnknown):
    """The node to which a write was forwarded went away, or silent, before it answered."""


class Incomplete(KvError):
    """A scan came to its end, and for a part of it no live replica answered for some of the slots.

    Everything that could be reached was given before. `missing_slots`: how many slots were missing,
    at least; `missing_nodes`: the nodes that hold them.
    """

    def __init__(self, missing_slots: int, missing_nodes: tuple[str, ...]) -> None:
        super().__init__(missing_slots, missing_nodes)
        self.missing_slots = missing_slots
        self.missing_nodes = missing_nodes

    def __str__(self) -> str:
        slots = "1 slot" if self.missing_slots == 1 else f"{self.missing_slots:,} slots"
        nodes = f"; they live on {', '.join(self.missing_nodes)}" if self.missing_nodes else ""
        return f"keys may be missing: no live replica answered for {slots}{nodes}"


class SomeFailed(KvError):
    """Of many puts, or of many deletes, some failed; every one was tried.

    `done` and `failed`: how many. `failures`: by key, why, for the first 1,000 that failed.
    `found`: of deletes that were done, how many found their key; None of puts.
    """

    def __init__(
        self, done: int, failed: int, failures: dict[str, KvError], found: int | None = None
    ) -> None:
        super().__init__(done, failed, failures, found)
        self.done = done
        self.failed = failed
        self.failures = failures
        self.found = found

    def __str__(self) -> str:
        key, error = next(iter(self.failures.items()))
        what = "puts" if self.found is None else "deletes"
        return f"{self.failed:,} of {self.done + self.failed:,} {what} failed; {key!r}: {error}"


class CannotStart(KvError):
    """The node cannot start: a file, a lock or a port is not to be had. Exit code 2."""


class BadSetting(CannotStart):
    """A command-line option is wrong."""


class DiskFailed(KvError):
    """A write or an fsync failed for good. What is on disk is unknown: the process must stop.

    Retrying is wrong: after a failed fsync Linux marks the pages clean, and the next one succeeds
    without having written anything (LWN 752063, "PostgreSQL's fsync() surprise").
    """


class PeerUnavailable(KvError):
    """A peer did not answer. Its kin say why.

    Two questions are kept apart: may the call have been carried out all the same, and is there
    nobody at all who could be asked again?
    """

    nothing_delivered = False
    """Whether the call certainly did not arrive."""


class PeerUnreachable(PeerUnavailable):
    """Nobody is there: the connection was refused, or no host has that name."""

    nothing_delivered = True


class PeerBroke(PeerUnavailable):
    """The connection broke, which says nothing of the peer. The call may have been carried out."""


class PeerUnconnected(PeerBroke):
    """No connection came about, and yet somebody may be there: it broke while it was being made,
    or a router, a name server or this machine was in the way.
    """

    nothing_delivered = True


class PeerSilent(PeerUnavailable):
    """The peer accepted the connection but did not answer in time. It may be frozen."""


class PeerRejected(PeerUnavailable):
    """The peer answered with a refusal. `reason` is what it raised there."""

    def __init__(self, reason: KvError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def as_told(text: str) -> str:
    """What somebody else said, fit for a log: one line, no longer than a person reads."""
    line = "".join(c if c.isprintable() else " " for c in text[:_TOLD_CHARACTERS])
    cut = line if line.isascii() else line.encode()[:_TOLD_BYTES].decode(errors="ignore")
    return cut if len(cut) == len(text) else cut + "…"


def reason_of(kind: type[KvError]) -> str:
    """The name of an error on the wire: "NOT_READY" for NotReady."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).upper()


def by_reason() -> dict[str, type[KvError]]:
    """Every error that a node may answer with, by its name on the wire."""
    found: dict[str, type[KvError]] = {}
    waiting: list[type[KvError]] = [NothingWritten, OutcomeUnknown]
    while waiting:
        kind = waiting.pop()
        found[reason_of(kind)] = kind
        waiting += kind.__subclasses__()
    del found[reason_of(Unavailable)]  # what a client concludes; no node says it
    return found
