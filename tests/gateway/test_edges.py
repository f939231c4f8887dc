"""The edges of batch, scan and arguments, with an engine under them."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kvcluster.config import MIB
from tests.edges.refusal import refusal
from tests.edges.test_arguments import KEYS
from tests.edges.test_batch_and_scan import batch, get, put, scan
from tests.edges.test_batch_and_scan import refusal as refused_batch
from tests.gateway.servers import Gateways

from demo_pb2 import (
    Block,
    Condition,
    DeleteRequest,
    GetRequest,
    LocateRequest,
    Operation,
    PutManyRequest,
    PutManyResponse,
    PutRequest,
    ScanRequest,
)

Code = grpc.StatusCode


def test_any_text_is_a_key(gateways: Gateways) -> None:
    """In all lengths of a character, at the limit, and such as break a careless query."""
    for key in KEYS:
        gateways[0].put(key, f"value of {key}")
    for key in KEYS:
        assert gateways[1].get(key).value == f"value of {key}"
    found = [key for key in scan(gateways[0]) if key in KEYS]
    assert found == sorted(KEYS, key=str.encode)
    for key in KEYS:
        assert gateways[1].delete(key).found
        assert not gateways[0].get(key).found


@pytest.mark.parametrize("key", ["", "k" * 1025, "𝄞" * 257])
@pytest.mark.parametrize("method", ["Put", "Get", "Delete", "Locate"])
def test_a_key_beyond_the_limit_is_refused_by_name(
    gateways: Gateways, method: str, key: str
) -> None:
    """As by a node, before the engine hears of it."""
    kinds = {"Put": PutRequest, "Get": GetRequest, "Delete": DeleteRequest, "Locate": LocateRequest}
    code, details = refusal(getattr(gateways[0].stub, method), kinds[method](key=key))
    assert code is Code.INVALID_ARGUMENT
    assert f"is {len(key.encode()):,} bytes long, allowed are 1 to 1,024" in details
    assert ("nothing was written" in details) is (method in ("Put", "Delete"))


def test_the_largest_values_come_back(gateways: Gateways) -> None:
    """Whatever their characters take; one byte more is refused."""
    for value in ("v" * MIB, "é" * (MIB // 2), "𝄞" * (MIB // 4)):
        gateways[0].put("k" * 1024, value)
        assert gateways[1].get("k" * 1024).value == value
    code, details = refusal(gateways[0].stub.Put, PutRequest(key="k", value="v" * (MIB + 1)))
    assert code is Code.INVALID_ARGUMENT
    assert "1,048,577 bytes long" in details
    gateways[0].delete("k" * 1024)


def test_a_batch_at_its_limits_is_taken_and_one_over_is_refused(gateways: Gateways) -> None:
    """1,024 operations, and 4 MiB."""
    full = [put(f"limit/{number:04}", str(number)) for number in range(1_024)]
    assert all(result.HasField("put") for result in batch(gateways[0], *full))
    assert len(scan(gateways[1], prefix="limit/")) == 1_024
    told = refused_batch(gateways[0], *full, put("one more"))
    assert "the batch has 1,025 operations, allowed are 1,024; nothing was written" in told
    gets = [get(f"limit/{number:04}") for number in range(1_024)]
    values = [result.get.value for result in batch(gateways[0], *gets)]
    assert values == [str(number) for number in range(1_024)]
    gone = [Operation(delete=DeleteRequest(key=f"limit/{number:04}")) for number in range(1_024)]
    assert all(result.delete.found for result in batch(gateways[0], *gone))
    assert scan(gateways[1], prefix="limit/") == []


def test_operations_on_one_key_happen_in_their_order(gateways: Gateways) -> None:
    """However often it comes."""
    gone = Operation(delete=DeleteRequest(key="order"))
    asked = [put("order", "1"), get("order"), put("order", "2"), gone, get("order"), gone]
    results = batch(gateways[0], *asked, put("order", "3"), get("order"), put("x"), get("x"))
    assert results[1].get.value == "1"
    assert results[3].delete.found
    assert not results[4].get.found
    assert not results[5].delete.found
    assert results[7].get.value == "3"
    assert gateways[1].get("order").value == "3"


def test_each_operation_of_a_batch_fails_for_itself(gateways: Gateways) -> None:
    """Bad ones in between, and a condition that does not hold."""
    gateways[0].put("each/there", "1")
    absent = Operation(
        put=PutRequest(key="each/there", value="2", condition=Condition(absent=True))
    )
    results = batch(gateways[0], put("each/a"), put(""), absent, Operation(), put("each/b"))
    assert results[0].HasField("put")
    assert results[1].failure.code == 3
    assert results[1].failure.nothing_written
    assert results[2].put.mismatch.value == "1"
    assert results[3].failure.code == 3
    assert results[4].HasField("put")
    assert scan(gateways[1], prefix="each/") == ["each/a", "each/b", "each/there"]


def test_values_past_the_room_of_an_answer_are_to_be_asked_for_again(gateways: Gateways) -> None:
    """4 MiB in one answer, as from a node."""
    for number in range(6):
        gateways[0].put(f"room/{number}", "v" * MIB)
    results = batch(gateways[0], *(get(f"room/{number}") for number in range(6)))
    fits = [result.HasField("get") for result in results]
    assert fits == [True] * sum(fits) + [False] * (6 - sum(fits))
    assert 3 <= sum(fits) <= 4
    assert all("no room" in it.failure.message for it in results if it.HasField("failure"))
    for number in range(6):
        gateways[0].delete(f"room/{number}")


def test_puts_in_columns_are_taken(gateways: Gateways) -> None:
    """What the library sends for many puts; a key twice in them, too."""
    keys, values = [f"columns/{number % 2_000:04}" for number in range(2_500)], ["v"] * 2_500
    request = PutManyRequest(block=Block(keys=keys, values=values))
    answer: PutManyResponse = gateways[0].stub.PutMany(request, timeout=20)
    assert [it.place for it in answer.exceptions] == list(range(2_500))
    assert all(it.result.HasField("put") for it in answer.exceptions)
    assert len(scan(gateways[1], prefix="columns/", keys_only=True)) == 2_000


def test_a_scan_of_more_than_a_message_is_streamed(gateways: Gateways) -> None:
    """20 MiB of values, in order, and a reader that leaves in between."""
    for number in range(20):
        gateways[0].put(f"stream/{number:02}", "v" * MIB)
    expected = [f"stream/{number:02}" for number in range(20)]
    assert scan(gateways[1], prefix="stream/") == expected
    stream = gateways[1].stub.Scan(ScanRequest(prefix="stream/"), timeout=10)
    assert next(stream).pairs[0].key == "stream/00"
    stream.cancel()
    assert scan(gateways[1], prefix="stream/", keys_only=True, limit=5) == expected[:5]
    assert scan(gateways[1], prefix="stream/", start_after="stream/17") == expected[18:]
    for key in expected:
        gateways[0].delete(key)


def test_bytes_that_are_no_text_fail_by_a_sentence(gateways: Gateways) -> None:
    """A key that is not UTF-8, from a client in another language."""
    request = PutRequest(key="evil", value="v").SerializeToString()
    call: Any = gateways[0].channel.unary_unary("/demo.KeyValue/Put")
    code, details = refusal(call, request.replace(b"evil", b"\xff\xfe\xfd\xfc"))
    assert code is Code.INVALID_ARGUMENT
    assert "malformed" in details


def test_a_condition_on_a_version_that_a_scan_cannot_know_is_refused(gateways: Gateways) -> None:
    """A version has 12 bytes, behind every door."""
    bad = PutRequest(key="k", value="v", condition=Condition(version=b"short"))
    code, details = refusal(gateways[0].stub.Put, bad)
    assert code is Code.INVALID_ARGUMENT
    assert "a version has 12" in details
