"""What a client may say: sizes at their limits and one over, bytes that are no text, too much."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kvcluster.config import MIB
from kvcluster.wire.error_info import Told, told_in
from tests.edges.calm import memory_mib
from tests.edges.refusal import refusal
from tests.edges.test_any_call import RPCS
from tests.edges.test_batch_and_scan import batch, put
from tests.processes.cluster import Cluster
from tests.processes.harness import eventually

from demo_pb2 import DeleteRequest, GetRequest, LocateRequest, Operation, PutRequest
from demo_pb2_grpc import KeyValueStub

Code = grpc.StatusCode

KEYS = ["k", "k" * 1024, "é" * 512, "𝄞" * 256, "\0", " ", "\n", "a/b\\c\"d'", "__proto__", "\u2028"]
"""Allowed, in all lengths of a character, at the limit, and such as break a careless parser."""


def test_any_text_is_a_key_up_to_the_limit(three: Cluster) -> None:
    """Stored on all replicas, read from another node, in the JSON as it is, and deleted."""
    pairs = {key: f"value of {key}" for key in KEYS}
    for key, value in pairs.items():
        assert three[0].put(key, value).acknowledged == 3
        assert three[2].get(key).value == value
    eventually(lambda: pairs.items() <= three[1].json().items(), "they stand in the JSON")
    for key in pairs:
        assert three[1].delete(key).found
        assert not three[0].get(key).found


@pytest.mark.parametrize("key", ["", "k" * 1025, "é" * 512 + "k", "𝄞" * 257, "k" * 5 * MIB])
@pytest.mark.parametrize("method", ["Put", "Get", "Delete", "Locate"])
def test_key_beyond_the_limit_is_refused_by_name(three: Cluster, method: str, key: str) -> None:
    """INVALID_ARGUMENT names the key, its size and the limit, whatever was asked."""
    kinds = {"Put": PutRequest, "Get": GetRequest, "Delete": DeleteRequest, "Locate": LocateRequest}
    code, details = refusal(getattr(three[0].stub, method), kinds[method](key=key))
    assert code is Code.INVALID_ARGUMENT
    assert f"is {len(key.encode()):,} bytes long, allowed are 1 to 1,024" in details
    assert ("nothing was written" in details) is (method in ("Put", "Delete"))
    assert len(details) < 300


def test_largest_value_replicates(three: Cluster) -> None:
    """What is just allowed is stored everywhere, whatever its characters take."""
    for value in ("v" * MIB, "é" * (MIB // 2), "𝄞" * (MIB // 4)):
        assert three[0].put("k" * 1024, value).acknowledged == 3
        assert three[2].get("k" * 1024).value == value
    three[0].delete("k" * 1024)


@pytest.mark.parametrize("value", ["v" * (MIB + 1), "é" * (MIB // 2) + "v", "v" * 15 * MIB])
def test_value_beyond_the_limit_is_refused_by_name(three: Cluster, value: str) -> None:
    """INVALID_ARGUMENT says how large it is, what is allowed, and that nothing was written."""
    three[0].put("large", "small")
    code, details = refusal(three[0].stub.Put, PutRequest(key="large", value=value))
    assert code is Code.INVALID_ARGUMENT
    assert f"is {len(value.encode()):,} bytes long, allowed are 0 to 1,048,576" in details
    assert details.endswith("nothing was written")
    assert three[1].get("large").value == "small"


@pytest.mark.parametrize("size_bytes", [MIB + 1, 15 * MIB])
def test_limit_of_a_value_is_told_as_a_number_too(three: Cluster, size_bytes: int) -> None:
    """A client that stored something else than it was given counts in what that was."""
    request = PutRequest(key="large", value="v" * size_bytes)
    with pytest.raises(grpc.RpcError) as caught:
        three[0].stub.Put(request, timeout=10)
    assert told_in(caught.value) == Told("BAD_REQUEST", True, MIB)
    request.value = "v" * (MIB + 1)
    large, small, nameless = batch(
        three[0], Operation(put=request), put("small"), put("", "without a key")
    )
    assert large.failure.value_limit_bytes == MIB
    assert small.put.acknowledged == 3
    assert nameless.failure.reason == "BAD_REQUEST"
    assert nameless.failure.value_limit_bytes == 0
    three[0].delete("small")


def test_empty_value_is_a_value(three: Cluster) -> None:
    """An empty string is found; a missing key is not, and is no error."""
    three[0].put("empty", "")
    assert three[1].get("empty").found
    assert not three[1].get("missing").found
    assert not three[1].delete("missing").found


@pytest.mark.parametrize("data", [b"\x0a\x02\xff\xfe", b"\x0a\x03\xed\xa0\x80"])
@pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if rpc.name != "Status"], ids=lambda r: r.name)
def test_bytes_that_are_not_utf8_are_a_bad_argument(three: Cluster, rpc: Any, data: bytes) -> None:
    """Not gRPC's UNKNOWN: the caller is told what is wrong. A surrogate is no UTF-8, either."""
    call: Any = three[0].channel.unary_unary(f"/{rpc.containing_service.full_name}/{rpc.name}")
    if rpc.name == "CheckHealth":  # the text stands one level deeper there
        data = bytes([0x0A, len(data)]) + data
    code, details = refusal(call, data)
    assert code is Code.INVALID_ARGUMENT
    assert "the request is malformed" in details


@pytest.mark.parametrize("size_bytes", [17 * MIB, 64 * MIB])
def test_message_over_the_limit_is_refused_unread(three: Cluster, size_bytes: int) -> None:
    """A request larger than any value may be is certainly not done, and takes no memory."""
    before = memory_mib(three[0])
    code, _ = refusal(three[0].stub.Put, PutRequest(key="big", value="v" * size_bytes))
    assert code is Code.RESOURCE_EXHAUSTED
    assert memory_mib(three[0]) - before < 40
    assert not three[0].get("big").found


def test_message_that_grows_when_it_is_unpacked_is_refused(three: Cluster) -> None:
    """200 MiB of zeros in 200 KiB of gzip: the limit is on what comes out."""
    before = memory_mib(three[0])
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(three[0].name, options, grpc.Compression.Gzip) as channel:
        bomb = PutRequest(key="bomb", value="\0" * (200 * MIB))
        code, _ = refusal(KeyValueStub(channel).Put, bomb)
    assert code is Code.RESOURCE_EXHAUSTED
    assert memory_mib(three[0]) - before < 40
    assert not three[0].get("bomb").found


def test_unknown_method_and_huge_metadata_are_refused_by_grpc_itself(three: Cluster) -> None:
    """Nothing of ours runs for a method that there is not, or for headers without measure."""
    code, _ = refusal(three[0].channel.unary_unary("/demo.KeyValue/Shutdown"), b"")
    assert code is Code.UNIMPLEMENTED
    code, _ = refusal(three[0].stub.Get, GetRequest(key="k"), metadata=[("x", "y" * MIB)])
    assert code is Code.RESOURCE_EXHAUSTED
    assert not three[0].get("k/after").found
