"""Batch and Scan on real servers, at their limits and among peers that answer rubbish."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster.config import MIB
from tests.edges.among_fakes import AmongFakes
from tests.edges.fake_peer import clock
from tests.edges.test_flood import small_server
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    DeleteRequest,
    ForwardResponse,
    GetRequest,
    GetResponse,
    Operation,
    Pair,
    PutRequest,
    PutResponse,
    Result,
    ScanPartResponse,
    ScanRequest,
)

Code = grpc.StatusCode


def batch(server: Server, *operations: Operation) -> list[Result]:
    """What came of these."""
    request = BatchRequest(operations=operations)
    response: BatchResponse = server.stub.Batch(request, timeout=10)
    return list(response.results)


def put(key: str, value: str = "v") -> Operation:
    """A put as it stands in a batch."""
    return Operation(put=PutRequest(key=key, value=value))


def get(key: str) -> Operation:
    """A get."""
    return Operation(get=GetRequest(key=key))


def scan(server: Server, timeout_s: float = 10, **request: Any) -> list[str]:
    """The keys that a server streams."""
    stream = server.stub.Scan(ScanRequest(**request), timeout=timeout_s)
    return [pair.key for message in stream for pair in message.pairs]


def refusal(server: Server, *operations: Operation) -> str:
    """How a batch is refused as a whole."""
    with pytest.raises(grpc.RpcError) as refused:
        batch(server, *operations)
    assert isinstance(refused.value, grpc.Call)
    return f"{refused.value.code().name}: {refused.value.details()}"


def test_a_batch_at_its_limits_is_taken_and_one_over_is_refused(three: Cluster) -> None:
    """1,024 operations, 4 MiB; the sentence names both numbers, and nothing was written."""
    full = [put(f"limit{number}") for number in range(1_024)]
    assert all(result.HasField("put") for result in batch(three[0], *full))
    told = refusal(three[0], *full, put("one more"))
    assert told == (
        "INVALID_ARGUMENT: the batch has 1,025 operations, allowed are 1,024; nothing was written"
    )
    told = refusal(three[1], *(put(f"large{number}", "v" * MIB) for number in range(4)))
    assert "INVALID_ARGUMENT: the batch of 4 operations is" in told
    assert "allowed are 4,194,304; nothing was written" in told
    assert not three[2].get("large0").found
    assert batch(three[0], put("large0", "v" * MIB))[0].put.acknowledged == 3


def test_what_a_batch_did_is_seen_by_every_node(three: Cluster) -> None:
    """Puts, deletes and gets of one call, in their order, read through the others."""
    gone = Operation(delete=DeleteRequest(key="b/2"))
    first = batch(three[0], put("b/1", "one"), put("b/2"), gone, get("b/2"), get("b/1"))
    assert first[2].delete.found
    assert not first[3].get.found
    assert first[4].get.value == "one"
    assert three[1].get("b/1").value == "one"
    assert not three[2].get("b/2").found
    assert scan(three[2], prefix="b/") == ["b/1"]


def test_bytes_that_are_no_text_fail_a_batch_by_a_sentence(three: Cluster) -> None:
    """A key that is not UTF-8, in the middle of a batch, from a client in another language."""
    request = BatchRequest(operations=[put("good"), put("evil")]).SerializeToString()
    call: Any = three[0].channel.unary_unary("/demo.KeyValue/Batch")
    with pytest.raises(grpc.RpcError) as refused:
        call(request.replace(b"evil", b"\xff\xfe\xfd\xfc"), timeout=10)
    assert isinstance(refused.value, grpc.Call)
    assert refused.value.code() is Code.INVALID_ARGUMENT
    assert "malformed" in (refused.value.details() or "")


def test_a_scan_of_more_than_a_message_is_streamed(three: Cluster) -> None:
    """Values of 20 MiB together, through a reader that may leave at any time."""
    for number in range(20):
        three[0].put(f"stream/{number:02}", "v" * MIB)
    assert scan(three[1], prefix="stream/") == [f"stream/{number:02}" for number in range(20)]
    stream = three[2].stub.Scan(ScanRequest(prefix="stream/"), timeout=10)
    assert next(stream).pairs[0].key == "stream/00"
    stream.cancel()
    for number in range(20):
        three[0].delete(f"stream/{number:02}")
    assert scan(three[1], prefix="stream/", keys_only=True) == []


def test_slow_readers_of_scans_hold_up_nobody_else(tmp_path: Path) -> None:
    """Their places are counted apart: past them a scan is refused, all else is served."""
    with small_server(tmp_path, "scan_calls_in_flight=2", "scan_page_bytes=100000") as server:
        for number in range(20):  # more than both ends keep in their buffers
            server.put(f"k{number}", "v" * MIB)
        slow = [server.stub.Scan(ScanRequest(), timeout=30) for _ in range(2)]
        for stream in slow:
            next(stream)
        with pytest.raises(grpc.RpcError) as refused:
            scan(server)
        assert isinstance(refused.value, grpc.Call)
        assert refused.value.code() is Code.RESOURCE_EXHAUSTED
        assert "2 scan calls are in flight already" in (refused.value.details() or "")
        assert server.put("other", "v").acknowledged == 1
        for stream in slow:
            stream.cancel()
        eventually(lambda: len(scan(server)) == 21, "a place is free again")


RUBBISH_BATCHES = [
    BatchResponse(),
    BatchResponse(results=[Result()]),
    BatchResponse(results=[Result(get=GetResponse(found=True, value="not what was asked"))]),
    BatchResponse(results=[Result(put=PutResponse()), Result(put=PutResponse())]),
]


@pytest.mark.parametrize("rubbish", RUBBISH_BATCHES, ids=["none", "empty", "other", "too many"])
def test_rubbish_for_a_forwarded_batch_is_unknown_and_not_sent_again(
    among_fakes: AmongFakes, rubbish: BatchResponse
) -> None:
    """A peer answers a batch with something else: it may have carried it out all the same."""
    lone = among_fakes
    answer = ForwardResponse(clock=clock(), batch=rubbish)
    lone.script.answers["Forward"] = lambda name, request: answer
    result = batch(lone.server, put(lone.key(held=False)))[0]
    assert not result.failure.nothing_written
    assert result.failure.code == Code.INTERNAL.value[0]
    assert lone.script.asked["Forward"] == 1


def test_a_failure_that_a_peer_made_up_is_passed_on_as_unknown(among_fakes: AmongFakes) -> None:
    """A node of a later version may know errors that this one does not."""
    lone = among_fakes
    made_up = Result()
    made_up.failure.reason, made_up.failure.message = "Sunspots", "it \n was the sun" + "!" * 9_999
    answer = ForwardResponse(clock=clock(), batch=BatchResponse(results=[made_up]))
    lone.script.answers["Forward"] = lambda name, request: answer
    failure = batch(lone.server, put(lone.key(held=False)))[0].failure
    assert not failure.nothing_written
    assert failure.message.startswith("it   was the sun!!!")
    assert len(failure.message) < 600


RUBBISH_PAGES = [
    ScanPartResponse(pairs=[Pair(key="b"), Pair(key="a")]),
    ScanPartResponse(pairs=[Pair(key="a")], up_to="0"),
    ScanPartResponse(clock=clock() + (48 * 3600 * 1000 << 16)),
    ScanPartResponse(),
]
RUBBISH_PAGES_ARE = ["unsorted", "out of bounds", "absurd", "empty"]


@pytest.mark.parametrize(
    "rubbish", RUBBISH_PAGES, ids=["unsorted", "out of bounds", "absurd", "empty"]
)
def test_rubbish_pages_leave_a_scan_incomplete_and_it_says_so(
    among_fakes: AmongFakes, rubbish: ScanPartResponse
) -> None:
    """Neither a wrong order nor a scan without end, nor an empty page that is the last."""
    lone = among_fakes
    if rubbish.pairs:
        rubbish.clock = clock()
    lone.script.answers["ScanPart"] = lambda name, request: rubbish
    lone.server.put(key := lone.key(held=True), "v")
    messages = list(lone.server.stub.Scan(ScanRequest(prefix="among"), timeout=2))
    assert key in [pair.key for message in messages for pair in message.pairs]
    assert messages[-1].missing_slots > 1_000
    assert set(lone.peers) <= set(messages[-1].missing_nodes)


def test_pages_of_two_peers_flow_together(among_fakes: AmongFakes) -> None:
    """What each peer holds comes in order, between what is here."""
    lone = among_fakes
    keys = sorted(lone.key(held=False) for _ in range(4))

    def page(name: str, request: bytes) -> ScanPartResponse:
        mine = keys[::2] if name == lone.peers[0] else keys[1::2]
        return ScanPartResponse(clock=clock(), pairs=[Pair(key=key, value="v") for key in mine])

    lone.script.answers["ScanPart"] = page
    assert [key for key in scan(lone.server, prefix="among") if key in keys] == keys
    assert lone.script.asked["ScanPart"] == 2
