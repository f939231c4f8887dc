"""Needs: what each method needs of its caller, and what of a request may be carried out.

Every method names one of these (`@rpc(needs=...)`, server/rpc.py), and none can be without. A need
is given the rules, what the caller has shown, and his request; it lets the request through, raises
Unauthenticated or PermissionDenied or, of a request with many keys, takes out what he may not.

    FREE       nothing: how a node is, for whoever balances and watches
    PEER       to be the node that the request names as its sender
    BEAT       the same of a heartbeat; nothing of a client's question about health
    READ, WRITE  the key
    EACH       of a batch, for each operation what that needs
    COLUMNS    the same for puts in columns
    PREFIX     to read all keys that begin so, by one role
    SIGHT      to read anything at all, or to call from this machine
    STREAM     to be somebody: each call on it is looked at for itself

A request that could not be parsed (`Unusable`) has no key and no sender. Of such the caller alone
is looked at, so that a stranger hears that he is one, and not what is wrong with his bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message

from kvcluster.errors import PermissionDenied
from kvcluster.security.callers import Rules, Shown
from kvcluster.security.roles import May, Named
from kvcluster.wire.failures import failure_of
from kvcluster.wire.kinds import WRITING
from kvcluster.wire.limits import shown as quoted

from demo_pb2 import BatchResponse, PutException, PutManyResponse, PutResponse, Result

_VERSION_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Petition:
    """A call as it is judged."""

    rules: Rules
    shown: Shown
    request: Any
    """A message; or what stands for one that is none."""
    method: str
    now_s: float
    """Seconds since 1970."""

    @property
    def client(self) -> Named:
        """Who calls. Raises Unauthenticated, PermissionDenied."""
        return self.rules.client(self.shown, self.now_s)

    @property
    def is_readable(self) -> bool:
        """Whether the request is a message at all."""
        return isinstance(self.request, Message)

    def check_peer(self, sender: str | None) -> None:
        """Raise the same unless this peer calls."""
        self.rules.check_peer(self.shown, sender, self.method)


def as_it_is(answer: Any) -> Any:
    """The answer to what was admitted as a whole."""
    return answer


@dataclass(frozen=True, slots=True)
class Admitted:
    """What may be carried out of a request, and how its answer becomes that to the whole."""

    request: Any
    complete: Callable[[Any], Any] = as_it_is
    name: str = ""
    """Of the client for whom it is done, where there is one."""


class Need(Protocol):
    """What a method needs."""

    def admit(self, asked: Petition) -> Admitted:
        """What may be carried out. Raises Unauthenticated, PermissionDenied."""


class _Free:
    def admit(self, asked: Petition) -> Admitted:
        return Admitted(asked.request)


class _Peer:
    def admit(self, asked: Petition) -> Admitted:
        asked.check_peer(asked.request.sender if asked.is_readable else None)
        return Admitted(asked.request, name=getattr(asked.request, "name", ""))


class _Beat:
    def admit(self, asked: Petition) -> Admitted:
        if asked.is_readable and asked.request.HasField("sender"):
            asked.check_peer(asked.request.sender.node)
        return Admitted(asked.request)


@dataclass(frozen=True)
class _Key:
    may: May

    def admit(self, asked: Petition) -> Admitted:
        client = asked.client
        if asked.is_readable and not client.may(self.may, asked.request.key):
            raise may_not(client, self.may, asked.request.key)
        return Admitted(asked.request, name=client.name)


class _Prefix:
    def admit(self, asked: Petition) -> Admitted:
        client = asked.client
        if asked.is_readable and not client.may_all(May.READ, asked.request.prefix):
            raise PermissionDenied(
                f"{client.name} may not read under {quoted(asked.request.prefix)}"
            )
        return Admitted(asked.request)


class _Sight:
    def admit(self, asked: Petition) -> Admitted:
        if not asked.shown.is_local and not asked.client.roles:
            raise PermissionDenied(f"{asked.client.name} may read nothing here")
        return Admitted(asked.request)


class _Stream:
    def admit(self, asked: Petition) -> Admitted:
        asked.rules.check_stream(asked.shown, asked.now_s)
        return Admitted(asked.request)


class _Each:
    def admit(self, asked: Petition) -> Admitted:
        client, request = asked.client, asked.request
        if not asked.is_readable or client.may_all(May.WRITE, ""):
            return Admitted(request, name=client.name)
        refusals: dict[int, Result] = {}
        for place, operation in enumerate(request.operations):
            kind = operation.WhichOneof("operation")
            may = May.WRITE if kind in WRITING else May.READ
            if kind and not client.may(may, key := getattr(operation, kind).key):
                refusals[place] = _refusal(client, may, key)
        if not refusals:
            return Admitted(request, name=client.name)
        rest = type(request)()
        rest.operations.extend(
            it for place, it in enumerate(request.operations) if place not in refusals
        )
        count = len(request.operations)

        def complete(answer: BatchResponse) -> BatchResponse:
            results = iter(answer.results)
            return BatchResponse(results=[refusals.get(at) or next(results) for at in range(count)])

        return Admitted(rest, complete, client.name)


class _Columns:
    def admit(self, asked: Petition) -> Admitted:
        client, request = asked.client, asked.request
        if not asked.is_readable or client.may_all(May.WRITE, ""):
            return Admitted(request, name=client.name)
        keys, values = request.block.keys, request.block.values
        refusals = {
            place: _refusal(client, May.WRITE, key)
            for place, key in enumerate(keys)
            if not client.may(May.WRITE, key)
        }
        if not refusals or len(keys) != len(values):  # the latter is no block, as it will hear
            return Admitted(request, name=client.name)
        rest, count = type(request)(), len(keys)
        rest.block.keys.extend(key for at, key in enumerate(keys) if at not in refusals)
        rest.block.values.extend(it for at, it in enumerate(values) if at not in refusals)

        def complete(answer: PutManyResponse) -> PutManyResponse:
            """Versions that follow each other have a gap now, so each result is told by itself."""
            results = iter(results_of(answer, count - len(refusals)))
            told = [
                PutException(place=at, result=refusals.get(at) or next(results))
                for at in range(count)
            ]
            return PutManyResponse(exceptions=told)

        return Admitted(rest, complete, client.name)


def results_of(answer: PutManyResponse, count: int) -> list[Result]:
    """What came of each of so many puts in columns."""
    exceptions = {it.place: it.result for it in answer.exceptions}
    first = answer.first_version
    results = []
    for place in range(count):
        result = exceptions.get(place)
        if result is None:
            time = int.from_bytes(first[:_VERSION_TIME_BYTES], "big") + place
            version = time.to_bytes(_VERSION_TIME_BYTES, "big") + first[_VERSION_TIME_BYTES:]
            put = PutResponse(
                version=version,
                replicas=answer.replicas,
                acknowledged=answer.acknowledged,
                served_by=answer.served_by,
            )
            result = Result(put=put)
        results.append(result)
    return results


def may_not(client: Named, may: May, key: str) -> PermissionDenied:
    """Who may not do what."""
    return PermissionDenied(f"{client.name} may not {may.name.lower()} the key {quoted(key)}")


def _refusal(client: Named, may: May, key: str) -> Result:
    return Result(failure=failure_of(may_not(client, may, key), writes=may is not May.READ))


FREE, PEER, BEAT, SIGHT, STREAM = _Free(), _Peer(), _Beat(), _Sight(), _Stream()
READ, WRITE, PREFIX = _Key(May.READ), _Key(May.WRITE), _Prefix()
EACH, COLUMNS = _Each(), _Columns()
