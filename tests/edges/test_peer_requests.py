"""What a peer asks, or somebody who poses as one: strangers, absurd clocks, entries that cannot be.

Peers are trusted with the data, so what is looked at is their shape: no request may break a node,
or make it keep what it could not load again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from kvcluster.config import MIB
from kvcluster.model.slots import SLOTS
from tests.edges.among_fakes import AmongFakes
from tests.edges.fake_peer import clock, version
from tests.edges.refusal import refusal
from tests.processes.cluster import Cluster
from tests.processes.harness import eventually

from demo_pb2 import (
    CompareRequest,
    Configuration,
    Cursor,
    DropRequest,
    Entry,
    ForwardRequest,
    GetRequest,
    HealthCheckRequest,
    Heartbeat,
    HoldRequest,
    MissedWrites,
    PullDifferencesRequest,
    PullRequest,
    PutRequest,
    ReplicateRequest,
    ReplicateResponse,
    SlotDigest,
    SlotHashes,
)
from demo_pb2_grpc import PeerStub

Code = grpc.StatusCode

IMPOSSIBLE = {"empty": b"", "short": b"short", "long": bytes(MIB), "of the future": b"\xff" * 12}


def ask(lone: AmongFakes, request: Any) -> Any:
    """Send a request as a peer."""
    return method_of(lone, request)(lone.stamp(request, lone.peers[0]), timeout=10)


def refused(lone: AmongFakes, request: Any) -> tuple[grpc.StatusCode, str]:
    """Send a request as a peer, and be refused."""
    return refusal(method_of(lone, request), lone.stamp(request, lone.peers[0]))


def method_of(lone: AmongFakes, request: Any) -> Any:
    """The RPC that takes such a request."""
    name = type(request).__name__.removesuffix("Request")
    service = lone.server.stub if name == "Replicate" else PeerStub(lone.channel)
    return getattr(service, name)


def test_stranger_cannot_pose_as_a_peer(three: Cluster) -> None:
    """Peer calls from somebody who is no member are refused, and write nothing."""
    stub = three[0].stub
    entry = Entry(key="forged", value="v", version=bytes(12))
    requests = [
        (stub.Replicate, ReplicateRequest(sender="localhost:1", entries=[entry])),
        (stub.CheckHealth, HealthCheckRequest(sender=Heartbeat(node="localhost:1"))),
        (PeerStub(three[0].channel).Pull, PullRequest(sender="localhost:1")),
        (PeerStub(three[0].channel).Hold, HoldRequest(sender="\x1b[2J" * MIB, entries=[entry])),
    ]
    for call, request in requests:
        code, details = refusal(call, request)
        assert code is Code.FAILED_PRECONDITION
        assert len(details) < 1_000
        assert details.isprintable()
    assert not three[0].get("forged").found


def test_strangers_with_endless_names_do_not_spoil_status_and_log(among_fakes: AmongFakes) -> None:
    """Names and member lists of megabytes are refused, cut before they are kept or logged."""
    lone = among_fakes
    crowd = Configuration(members=[f"\n{number}" * 100 for number in range(1_000)])
    for number in range(20):
        beat = Heartbeat(node=f"{number}\x1b[31m" * 100_000, configuration=crowd)
        code, details = refusal(lone.server.stub.CheckHealth, HealthCheckRequest(sender=beat))
        assert code is Code.FAILED_PRECONDITION
        assert len(details) < 1_000
    assert lone.server.status().ByteSize() < 20_000


@pytest.mark.parametrize("kind", IMPOSSIBLE)
@pytest.mark.parametrize("method", ["Replicate", "Hold", "Drop"])
def test_entry_with_an_impossible_version_is_refused(
    among_fakes: AmongFakes, method: str, kind: str
) -> None:
    """One that is no version, or from the sender's future, is not stored; the text names it."""
    good = Entry(key="good", value="v", version=version(-1))
    bad = Entry(key="odd", value="v", version=IMPOSSIBLE[kind])
    requests = {
        "Replicate": ReplicateRequest(entries=[good, bad]),
        "Hold": HoldRequest(entries=[good, bad]),
        "Drop": DropRequest(tombstones=[good, bad]),
    }
    held = among_fakes.server.status().keys
    code, details = refused(among_fakes, requests[method])
    assert code is Code.INVALID_ARGUMENT
    assert "entry 'odd' has the impossible version" in details
    assert len(details) < 300
    assert among_fakes.server.status().keys == held, "all of a request or nothing"


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_hint_with_an_impossible_version_is_refused(among_fakes: AmongFakes, kind: str) -> None:
    """Else the peer would count as behind for ever, from a version that it cannot pull from."""
    lone = among_fakes
    note = MissedWrites(peer=lone.peers[1], since=IMPOSSIBLE[kind])
    code, details = refused(lone, ReplicateRequest(missed=[note]))
    assert code is Code.INVALID_ARGUMENT
    assert f"the hint for '{lone.peers[1]}' has the impossible version" in details
    assert not any(member.missed_since for member in lone.server.status().members)


@pytest.mark.parametrize("method", ["Replicate", "Hold"])
def test_entry_without_a_key_is_refused(among_fakes: AmongFakes, method: str) -> None:
    """No client may write it, and a JSON that has it would not be loaded once it was edited."""
    entry = Entry(value="v", version=version(-1))
    request = {"Replicate": ReplicateRequest, "Hold": HoldRequest}[method](entries=[entry])
    code, details = refused(among_fakes, request)
    assert code is Code.INVALID_ARGUMENT
    assert "the key ''" in details


def test_duplicate_keys_in_one_message_leave_the_newest(among_fakes: AmongFakes) -> None:
    """Whatever the order; the older ones are reported as superseded, the same again is not."""
    lone = among_fakes
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 2]):
        key, versions = lone.key(held=True), [version(-0.3), version(-0.2), version(-0.1)]
        entries = [Entry(key=key, value=f"v{place}", version=versions[place]) for place in order]
        answer: ReplicateResponse = ask(lone, ReplicateRequest(entries=entries))
        older = [at for at, place in enumerate(order) if place < max(order[: at + 1])]
        assert list(answer.superseded) == older
        assert lone.server.get(key).value == "v2"


def test_thousands_of_entries_in_one_message_are_stored(among_fakes: AmongFakes) -> None:
    """20,000 in one Replicate: durable together, and clients are served meanwhile."""
    lone = among_fakes
    keys = lone.keys(held=True)
    entries = [Entry(key=next(keys), value="v", version=version()) for _ in range(20_000)]
    held, key = lone.server.status().keys, lone.key(held=True)
    request = lone.stamp(ReplicateRequest(entries=entries), lone.peers[0])
    call = lone.server.stub.Replicate.future(request, timeout=20)
    assert lone.server.put(key, "v", timeout_s=20).served_by == lone.server.name
    assert not call.result().superseded
    assert lone.server.status().keys == held + 20_001


def test_absurd_and_stale_clocks_are_refused_with_the_reason(among_fakes: AmongFakes) -> None:
    """A day ahead would win every write; a minute behind was held back somewhere."""
    lone = among_fakes
    for seconds, words in ((90_000, "s ahead, over the limit of 86400 s"), (-60, "s old, over")):
        request = lone.stamp(HoldRequest(), lone.peers[0])
        request.clock = clock() + (seconds * 1000 << 16)
        code, details = refusal(PeerStub(lone.channel).Hold, request)
        assert code is Code.FAILED_PRECONDITION
        assert words in details


MANY = SLOTS + 1
SHAPELESS: dict[str, tuple[Callable[[], Any], str]] = {
    "a slot too far": (lambda: CompareRequest(slots=[SLOTS], digests=[0]), "limit of 4095"),
    "a cursor too far": (lambda: PullRequest(cursor=Cursor(slot=SLOTS)), "limit of 4095"),
    "too few digests": (lambda: CompareRequest(slots=[1, 2], digests=[0]), "1 digests for 2"),
    "the same slot again and again": (
        lambda: CompareRequest(slots=[7] * 100_000, digests=[0] * 100_000),
        "100,000 slots are over the limit of 4,096",
    ),
    "the same slot a million times": (
        lambda: CompareRequest(slots=[7] * 1_000_000, digests=[0] * 1_000_000),
        "the request is 9,000,044 bytes long, allowed are 2,097,152",
    ),
    "too many known": (lambda: PullRequest(known=[SlotDigest()] * MANY), "4,097 slots"),
    "too many hashes": (lambda: PullDifferencesRequest(slots=[SlotHashes()] * MANY), "4,097 slots"),
    "no operation": (ForwardRequest, "without an operation"),
}


@pytest.mark.parametrize("kind", SHAPELESS)
def test_request_of_a_peer_that_makes_no_sense_is_refused(
    among_fakes: AmongFakes, kind: str
) -> None:
    """INVALID_ARGUMENT with the number and the limit, before any work is done for it."""
    make, words = SHAPELESS[kind]
    code, details = refused(among_fakes, make())
    assert code is Code.INVALID_ARGUMENT
    assert words in details


def test_forwarded_request_is_checked_like_any_other(among_fakes: AmongFakes) -> None:
    """A key that is not held here is not forwarded again; a value over the limit is not stored."""
    lone = among_fakes
    elsewhere = ForwardRequest(get=GetRequest(key=lone.key(held=False)))
    assert refused(lone, elsewhere)[0] is Code.FAILED_PRECONDITION
    large = PutRequest(key=lone.key(held=True), value="v" * (MIB + 1))
    code, details = refused(lone, ForwardRequest(put=large))
    assert code is Code.INVALID_ARGUMENT
    assert "allowed are 0 to 1,048,576; nothing was written" in details


def test_lone_drop_of_what_was_never_there_changes_nothing(among_fakes: AmongFakes) -> None:
    """A Drop for keys unknown, or newer here, forgets nothing."""
    lone, key = among_fakes, among_fakes.key(held=True, led=True)
    old = version(-10)
    lone.server.put(key, "stays")
    tombstones = [Entry(key=k, deleted=True, version=old) for k in (key, "never there")]
    ask(lone, DropRequest(tombstones=tombstones))
    eventually(lambda: lone.server.get(key).value == "stays", "it stays")
