"""The bounds of messages: every kind has some, what is honest fits, what is not is not parsed."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message

from kvcluster.config import ENTRIES_CEILING, MIB, Settings
from kvcluster.errors import BadRequest, OutcomeUnknown
from kvcluster.model.slots import SLOTS
from kvcluster.wire.bounds import bounds_of
from kvcluster.wire.outline import method_of
from kvcluster.wire.parsing import (
    Unusable,
    parser_of_answers,
    parser_of_requests,
    refuse_unusable,
)

from demo_pb2 import (
    DESCRIPTOR,
    BatchRequest,
    Block,
    CompareRequest,
    CompareResponse,
    Configuration,
    Entry,
    ForwardRequest,
    GetRequest,
    HealthCheckRequest,
    HealthCheckResponse,
    Heartbeat,
    HoldRequest,
    HoldResponse,
    Operation,
    PeerState,
    PullDifferencesRequest,
    PullRequest,
    PullResponse,
    PutManyRequest,
    PutRequest,
    ReplicateRequest,
    ScanPartRequest,
    ScanRequest,
    SlotDigest,
    SlotHashes,
)

SETTINGS = Settings()
KEY, VALUE, VERSION = "k" * 1_024, "v" * MIB, bytes(12)
SMALL = [Operation(put=PutRequest(key=f"key/{n:06}", value="v" * 200)) for n in range(1_024)]
LARGE = [Operation(put=PutRequest(key=f"key/{n:06}", value="v" * 4_000)) for n in range(1_024)]
ENTRIES = [Entry(key=f"key/{n:06}", value="v", version=VERSION) for n in range(ENTRIES_CEILING)]
NAMES = [f"a-host-of-{'x' * 200}.example:{n}" for n in range(100)]
BEAT = Heartbeat(node=NAMES[0], configuration=Configuration(members=NAMES), missed_since=VERSION)
CROWD = Heartbeat(configuration=Configuration(members=["n"] * 20_000))
LARGEST: list[Message] = [
    PutRequest(key=KEY, value=VALUE),
    GetRequest(key=KEY),
    ScanRequest(prefix=KEY, start_after=KEY),
    BatchRequest(operations=SMALL),
    BatchRequest(operations=LARGE),
    BatchRequest(operations=[Operation(put=PutRequest(key=KEY, value=VALUE))] * 3),
    PutManyRequest(block=Block(keys=[f"key/{n:06}" for n in range(1_024)], values=["v"] * 1_024)),
    PutManyRequest(block=Block(keys=[KEY], values=[VALUE])),
    HealthCheckRequest(sender=BEAT),
    HealthCheckResponse(responder=BEAT, peers=[PeerState(node=name) for name in NAMES]),
    ForwardRequest(sender=NAMES[0], batch=BatchRequest(operations=LARGE)),
    ReplicateRequest(sender=NAMES[0], entries=ENTRIES),
    ReplicateRequest(block=Block(keys=["k"] * ENTRIES_CEILING, values=["v"] * ENTRIES_CEILING)),
    HoldRequest(sender=NAMES[0], entries=[Entry(key=KEY, value=VALUE, version=VERSION)] * 4),
    HoldResponse(clock=1, superseded=range(1_000)),
    PullResponse(clock=1, entries=[Entry(key="k", value="v" * 15 * MIB, version=VERSION)]),
    PullRequest(known=[SlotDigest(slot=slot, digest=1) for slot in range(SLOTS)]),
    CompareRequest(slots=range(SLOTS), digests=range(SLOTS)),
    CompareResponse(clock=1, different=range(SLOTS)),
    PullDifferencesRequest(slots=[SlotHashes(slot=s, hashes=range(50)) for s in range(SLOTS)]),
    ScanPartRequest(slot_bits=bytes(SLOTS // 8), scan=ScanRequest(prefix=KEY, start_after=KEY)),
]
"""What honest clients and nodes send at most."""


def parse(message: Message | bytes, kind: Any, settings: Settings = SETTINGS) -> Any:
    """What a border makes of a message of some kind."""
    data = message if isinstance(message, bytes) else message.SerializeToString()
    is_answer = kind.DESCRIPTOR.name.endswith("Response")
    parser = parser_of_answers if is_answer else parser_of_requests
    return parser(kind.DESCRIPTOR, kind.FromString, settings)(data)


@pytest.mark.parametrize("message", LARGEST, ids=lambda it: f"{type(it).__name__} {it.ByteSize()}")
def test_largest_honest_message_is_parsed(message: Message) -> None:
    """A bound that is too tight would cut a cluster in two."""
    assert parse(message, type(message)) == message


@pytest.mark.parametrize("name", DESCRIPTOR.message_types_by_name)
def test_every_kind_of_message_has_bounds_that_are_small(name: str) -> None:
    """So a message that is added has, too: whatever fields it is made of, it is not parsed."""
    kind: Any = DESCRIPTOR.message_types_by_name[name]
    bounds = bounds_of(kind, SETTINGS)
    assert bounds.fields <= 200_000
    for bomb in (b"\x0a\x00", b"\x12\x00", b"\x1a\x00", b"\x22\x00", b"\x2a\x00", b"\x78\x01"):
        complaint = bounds.complaint(bomb * 8 * MIB)
        assert complaint.startswith(f"has more than {bounds.fields:,} fields, allowed are ")


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (PutRequest(key="k", value="v" * 3 * MIB), "bytes long, allowed are 0 to 1,048,576"),
        (GetRequest(key="ké" * 4_000), "is 12,000 bytes long, allowed are 1 to 1,024"),
        (ScanRequest(start_after="k" * 9_000), "the start_after 'kkk"),
        (BatchRequest(operations=LARGE * 4), "12,288 fields, allowed are 1,024 operations"),
        (BatchRequest(operations=LARGE + LARGE[:400]), "bytes long, allowed are 4,194,304"),
        (BatchRequest(operations=[Operation()] * 1_025), ""),
        (HealthCheckRequest(sender=Heartbeat(node="n" * 3 * MIB)), "the request is 3,145,7"),
        (HealthCheckRequest(sender=CROWD), "more than 16,384 fields, allowed are 16,384"),
        (ReplicateRequest(entries=ENTRIES * 7), "fields, allowed are 32,768 entries"),
        (HoldResponse(clock=1, superseded=range(9)), ""),
        (HealthCheckResponse(peers=[PeerState()] * 20_000), "its answer has more than 16,384"),
    ],
)
def test_what_is_too_large_is_refused_by_value_and_limit(message: Message, sentence: str) -> None:
    """In the words of the key or the value, where it is that, and before anything is parsed."""
    found = parse(message, type(message))
    assert isinstance(found, Unusable) is bool(sentence)
    if sentence:
        assert sentence in str(found.why)
        assert len(str(found.why)) < 200
        with pytest.raises(OutcomeUnknown if "its answer" in sentence else BadRequest):
            refuse_unusable(found)


def test_a_long_text_that_is_none_is_refused_by_its_length() -> None:
    """Nobody can say of it how many characters it has."""
    found = parse(b"\x0a\x88\x27" + b"\xff" * 5_000, GetRequest)
    assert str(found.why) == "the request is 5,003 bytes long, allowed are 4,096"


def test_limits_of_clients_follow_the_settings() -> None:
    """Whoever allows larger values allows larger messages."""
    large = PutRequest(key="k", value="v" * 3 * MIB)
    settings = Settings(value_limit_bytes=4 * MIB, batch_operations=4_096)
    assert parse(large, PutRequest, settings) == large
    many = BatchRequest(operations=SMALL * 4)
    assert parse(many, BatchRequest, settings) == many


def test_every_method_is_found_by_its_path() -> None:
    """The borders know of a message no more than the path of its call."""
    for service in DESCRIPTOR.services_by_name.values():
        for method in service.methods:
            assert method_of(f"/{service.full_name}/{method.name}") == method
