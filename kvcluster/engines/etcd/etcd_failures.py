"""etcd's failures: what a failed call means for a write, and for who asks next.

etcd says what is wrong in a sentence, and gRPC says the rest. A sentence is certain only where
etcd's own code shows that nothing was proposed to the group, or that what was proposed changes
nothing when it is applied; each row below says which. **The default is unknown**: a proposal that
was handed on may be committed after its proposer has given up, by a new leader, and no words of the
old one can take that back. "request timed out", "leader changed", "server stopped" and every broken
connection are of that kind.

So is "database space exceeded", against its look: the write that fills etcd is refused in these
words after it was carried out (`quotaApplierV3`), and those under way beside it are, too. What is
certain is asked for before anything is sent: a member that is full tells it when it is looked at
(`is_full` in etcd_members.py).

`again`: worth another attempt at once, at the leader as it is then. Never said of anything that may
have been done.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvcluster.errors import (
    AnswerFull,
    BadRequest,
    ConnectionLost,
    KvError,
    NotReady,
    OutcomeUnknown,
    Overloaded,
    TimedOut,
    as_told,
)
from kvcluster.wire.delivery import Undelivered, undelivered


@dataclass(frozen=True)
class Row:
    """What a sentence of etcd means."""

    text: str
    error: type[KvError]
    reason: str
    again: bool = False


CERTAIN = (
    Row("etcdserver: no leader", NotReady, "refused before it is proposed", again=True),
    Row("etcdserver: not leader", NotReady, "refused before it is proposed", again=True),
    Row("raft proposal dropped", NotReady, "raft took no proposal without a leader", again=True),
    Row("etcdserver: invalid auth token", NotReady, "refused at the door", again=True),
    Row("revision of auth store is old", NotReady, "refused at the door", again=True),
    Row("requested lease not found", NotReady, "applied, and changed nothing"),
    Row("etcdserver: too many requests", Overloaded, "the queue is looked at before proposing"),
    Row("etcdserver: request is too large", BadRequest, "measured before it is proposed"),
    Row("etcdserver: permission denied", NotReady, "refused when applied, everywhere alike"),
    Row("etcdserver: user name is empty", NotReady, "refused at the door"),
    Row("etcdserver: user name not found", NotReady, "refused at the door"),
    Row("etcdserver: authentication failed", NotReady, "refused at the door"),
    Row("etcdserver: authentication is not enabled", NotReady, "refused at the door"),
    Row("etcdserver: corrupt cluster", NotReady, "whoever knows itself corrupt applies nothing"),
    Row("etcdserver: not capable", NotReady, "refused at the door"),
    Row("etcdserver: rpc not supported for learner", NotReady, "refused at the door", again=True),
)
"""Most of these stand in etcd's `api/v3rpc/rpctypes/error.go`; raft's in `raft/node.go`."""

_UNDELIVERED = {
    Undelivered.NO_CONNECTION: "cannot be reached",
    Undelivered.NO_HOST: "has a name that no host has",
    Undelivered.NOT_GRPC: "is no gRPC server",
    Undelivered.NO_METHOD: "is a gRPC server, but no etcd of version 3",
}


_TOO_LARGE = "message larger than max"


@dataclass(frozen=True)
class EtcdFailure:
    """What became of a call to one member."""

    error: KvError
    again: bool = False
    token: bool = False
    """Our token is not good any more."""


def explain_etcd(member: str, code: str, details: str) -> EtcdFailure:
    """What a failed call to a member means. `code`: the name of gRPC's status code. Pure."""
    text = details.lower()
    for row in CERTAIN:
        if row.text in text:
            sentence = f"etcd: {as_told(details.removeprefix('etcdserver: '))}"
            return EtcdFailure(row.error(sentence), row.again, "auth" in row.text)
    why = undelivered(code, details)
    if why is Undelivered.TOO_LARGE:
        return EtcdFailure(BadRequest(f"etcd takes no message as large as this ({details})"))
    if why:
        return EtcdFailure(NotReady(f"etcd: {member} {_UNDELIVERED[why]}"), again=True)
    return EtcdFailure(_unknown(member, code, details))


def _unknown(member: str, code: str, details: str) -> OutcomeUnknown:
    """Nothing is certain."""
    if code == "DEADLINE_EXCEEDED" or "timed out" in details.lower():
        return TimedOut(f"etcd: {member} did not answer in time")
    said = as_told(details.removeprefix("etcdserver: ")) or code
    if code in ("UNAVAILABLE", "CANCELLED"):
        return ConnectionLost(f"etcd: {member} went away before it answered ({said})")
    return OutcomeUnknown(f"etcd: {said}")


def of_a_read(error: KvError) -> KvError:
    """The same for a call that writes nothing: it may be made again, and where its answer was too
    large, for less.
    """
    if _TOO_LARGE in str(error):
        return AnswerFull(str(error))
    if isinstance(error, OutcomeUnknown) and not isinstance(error, TimedOut):
        return NotReady(str(error))
    return error
