"""Any bytes and any message to any RPC: the answer is one of a few codes, and the node goes on.

Drawn by Hypothesis, the same in every run. `FUZZ=20000` draws as many for each RPC.
"""

from __future__ import annotations

import collections
import contextlib
import os
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1.health_pb2 import DESCRIPTOR as HEALTH
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvcluster.cluster.requests.scan_pages import to_bits
from kvcluster.errors import CERTAIN
from kvcluster.wire.error_info import told_in
from tests.edges.among_fakes import AmongFakes
from tests.edges.fake_peer import clock, version
from tests.edges.messages import Likely, requests

from demo_pb2 import DESCRIPTOR, PullRequest

Code = grpc.StatusCode

WRITES = {"Put", "Delete", "Batch", "PutMany", "Calls", "Replicate", "Forward", "Hold", "Drop"} | {
    "Prepare"
}
REFUSALS = {
    Code.INVALID_ARGUMENT,
    Code.FAILED_PRECONDITION,
    Code.NOT_FOUND,
    Code.RESOURCE_EXHAUSTED,
    Code.UNAVAILABLE,
}
EXAMPLES = int(os.environ.get("FUZZ", "60"))
CHECK: Any = HEALTH.services_by_name["Health"].methods_by_name["Check"]
RPCS: list[MethodDescriptor] = [
    *(method for service in DESCRIPTOR.services_by_name.values() for method in service.methods),
    CHECK,
]
any_calls = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
each_rpc = pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)


def call(lone: AmongFakes, rpc: MethodDescriptor, request: bytes) -> grpc.StatusCode:
    """Send these bytes; the code that comes back."""
    path = f"/{rpc.containing_service.full_name}/{rpc.name}"
    channel: Any = lone.channel
    if rpc.server_streaming:
        answer = channel.unary_stream(path)(request, timeout=10)
        with contextlib.suppress(grpc.RpcError):
            collections.deque(answer, maxlen=0)  # to its end
    else:
        answer = channel.unary_unary(path).future(request, timeout=10)
    code: grpc.StatusCode = answer.code()  # waits for it
    if code is not Code.OK:
        assert code in REFUSALS, f"{code}: {answer.details()}"
        assert 0 < len(answer.details()) < 1_000
        told = told_in(answer)
        assert told is not None, "programs are not told why"
        assert told.reason
        assert told.nothing_written == (CERTAIN in answer.details() or rpc.name not in WRITES)
    return code


def likely(lone: AmongFakes) -> Likely:
    """What fields of these names hold in a request of a peer."""
    peer = lone.peers[0]
    configuration = lone.stamp(PullRequest(), peer).configuration
    clocks = st.just(clock()) | st.just(clock() - (10_000 << 16))
    versions = st.just(version(-1)) | st.just(version(-100)) | st.just(bytes(12))
    return {
        "sender": st.just(peer),
        "node": st.sampled_from([peer, lone.server.name, "localhost:1"]),
        "peer": st.sampled_from(lone.peers),
        "configuration": st.just(configuration),
        "clock": clocks,
        "version": versions,
        "since": versions,
        "missed_since": versions,
        "key": st.sampled_from([lone.key(held=True), lone.key(held=False), "any key"]),
        "slot": st.integers(0, 4_095),
        "mark": st.integers(0, 3),
        "slot_bits": st.just(to_bits(lone.held)),
    }


@each_rpc
def test_any_bytes_to_any_rpc_are_answered(among_fakes: AmongFakes, rpc: MethodDescriptor) -> None:
    """Bytes of any kind: refused or taken, never UNKNOWN, never INTERNAL, never a traceback."""

    @any_calls
    @given(st.binary(max_size=200))
    def send(data: bytes) -> None:
        call(among_fakes, rpc, data)

    send()


@each_rpc
def test_any_message_to_any_rpc_is_answered(among_fakes: AmongFakes, rpc: MethodDescriptor) -> None:
    """Well-formed messages with odd fields, most of them from a peer that the node believes."""
    seen: set[Any] = set()

    @any_calls
    @given(requests(rpc.input_type, likely(among_fakes)))
    def send(request: Any) -> None:
        seen.add(call(among_fakes, rpc, request.SerializeToString()))

    send()
    assert Code.OK in seen, "or everything was refused at the door, and nothing was tried"
