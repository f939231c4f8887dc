"""The outline of a message: no fewer fields than the parser would find, and soon at the limit."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.wire.outline import exceeds, longest_text, outline_of
from tests.edges.messages import messages

from demo_pb2 import DESCRIPTOR, BatchRequest, Operation, PutRequest

KINDS: list[Any] = [
    kind
    for service in DESCRIPTOR.services_by_name.values()
    for method in service.methods
    for kind in (method.input_type, method.output_type)
    if kind.name != "StatusResponse"  # nobody parses it who has an outline, and it has a map
]
BATCH = outline_of(DESCRIPTOR.message_types_by_name["BatchRequest"])


def fields(message: Message) -> int:
    """How many fields a message has, those of its submessages included."""
    count = 0
    for field, value in message.ListFields():
        if field.message_type:
            each = value if field.is_repeated else [value]
            count += len(each) + sum(fields(inner) for inner in each)
        else:
            count += 1  # numbers of a repeated field are packed into one
    return count


@given(st.data())
def test_no_fewer_fields_are_counted_than_are_there(data: st.DataObject) -> None:
    """Else a message could cost more than its limit allows. A short submessage counts by length:
    at worst 33 fields of 66 bytes count as 5.
    """
    kind = data.draw(st.sampled_from(KINDS))
    message = data.draw(messages(kind, {}))
    raw, there, outline = message.SerializeToString(), fields(message), outline_of(kind)
    for most in range(there * 5 // 33):
        assert exceeds(raw, outline, most), f"{there} fields were taken for {most}"
    assert not exceeds(raw, outline, len(raw) // 2)


@given(st.binary(max_size=300), st.integers(0, 20))
def test_any_bytes_are_counted_without_an_error(data: bytes, most: int) -> None:
    """What is no message is the parser's to refuse."""
    for outline in (BATCH, outline_of(KINDS[-1])):
        exceeds(data, outline, most)
    longest_text(data)


BOMBS = {
    "empty operations": b"\x0a\x00",
    "operations with an empty put": b"\x0a\x02\x0a\x00",
    "unknown numbers": b"\x78\x01",
    "unknown groups": b"\x7b\x7c",
    "unknown fixed numbers": b"\x7d\0\0\0\0",
    "tags of two bytes": b"\x82\x01\x00",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_exceed_any_fair_limit(kind: str) -> None:
    """At the first level, and in the one operation that a batch may well have."""
    outline, content = BATCH, BOMBS[kind] * 100_000
    assert exceeds(content, outline, 10_000)
    for _ in ("in an operation", "in its put"):
        content = b"\x0a" + _varint(len(content)) + content
        assert exceeds(content, outline, 10_000)


@pytest.mark.parametrize("bomb", [b"\xff", b"\x80", b"\x0a\xff", b"\x78\xff"])
def test_endless_numbers_end_the_count(bomb: bytes) -> None:
    """No parser goes past ten bytes of a number; whoever counts must not, either."""
    assert not exceeds(bomb + b"\xff" * 1_000_000, BATCH, 10)


def test_alternating_members_of_a_oneof_are_counted() -> None:
    """Each is made anew and thrown away: as dear as if all of them stayed."""
    put, get = Operation(put=PutRequest()).SerializeToString(), b"\x12\x00"
    operation = (put + get) * 50_000
    data = b"\x0a" + _varint(len(operation)) + operation
    assert exceeds(data, BATCH, 20_000)


def test_full_batch_of_large_values_is_within_its_limit() -> None:
    """Four fields each."""
    operations = [Operation(put=PutRequest(key=f"k{n}", value="v" * 4_000)) for n in range(1_024)]
    data = BatchRequest(operations=operations).SerializeToString()
    assert not exceeds(data, BATCH, 4 * 1_024)
    assert exceeds(data, BATCH, 4 * 1_024 - 1)


def test_longest_text_is_found_behind_others() -> None:
    """What makes a request too long, to be named in the sentence that refuses it."""
    assert longest_text(PutRequest(key="k" * 9, value="v" * 99).SerializeToString()) == (
        2,
        b"v" * 99,
    )
    assert longest_text(PutRequest(key="k" * 99, value="v").SerializeToString()) == (1, b"k" * 99)
    assert longest_text(b"") == (0, b"")
    assert longest_text(b"\x0a\x05abc") == (1, b"abc")


def _varint(number: int) -> bytes:
    """A number as it stands on the wire."""
    content = b""
    while number > 127:
        content += bytes([number & 127 | 128])
        number >>= 7
    return content + bytes([number])
