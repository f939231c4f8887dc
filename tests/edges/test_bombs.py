"""Bombs: messages that are dear to parse are refused unparsed, and others served meanwhile.

A field takes two bytes on the wire, and twenty times as much in memory.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor

from kvcluster.config import MIB
from tests.edges.among_fakes import AmongFakes
from tests.edges.calm import memory_mib
from tests.edges.fake_peer import METHODS
from tests.edges.refusal import refusal
from tests.edges.test_any_call import RPCS, WRITES
from tests.edges.using import behind, many_differ, use
from tests.processes.cluster import Cluster
from tests.processes.harness import eventually

from demo_pb2 import DESCRIPTOR, ScanRequest

Code = grpc.StatusCode
_SIZE_BYTES = 15 * MIB
_SLACK_MIB = 600
"""What seven such messages take as they come in, with what is not given back at once, on a busy
machine; parsed, they would take four times as much.
"""


def bombs(kind: Descriptor) -> list[bytes]:
    """Messages of nothing but empty submessages, of each sort that is in a kind, or of unknowns."""
    tags = [field.number << 3 | 2 for field in kind.fields if field.message_type is not None]
    return [bytes([tag, 0]) * (_SIZE_BYTES // 2) for tag in tags] or [
        b"\x78\1" * (_SIZE_BYTES // 2)
    ]


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
def test_bomb_for_any_method_is_refused_unparsed(three: Cluster, rpc: MethodDescriptor) -> None:
    """Seven at once, by value and limit; nothing is written, and a Put beside them is done."""
    call: Any = three[0].channel.unary_unary(f"/{rpc.containing_service.full_name}/{rpc.name}")
    before = memory_mib(three[0])
    for bomb in bombs(rpc.input_type):
        with ThreadPoolExecutor(7) as pool:
            sent = [pool.submit(refusal, call, bomb) for _ in range(7)]
            assert three[0].put("beside", "a bomb").acknowledged == 3
        for code, details in (each.result() for each in sent):
            assert code is Code.INVALID_ARGUMENT
            assert "fields, allowed are" in details
            assert ("nothing was written" in details) is (rpc.name in WRITES)
        assert memory_mib(three[0]) - before < _SLACK_MIB


@pytest.mark.parametrize("method", METHODS)
def test_bomb_in_answer_to_any_call_is_not_parsed(among_fakes: AmongFakes, method: str) -> None:
    """A peer may be somebody who listens under its name."""
    lone = among_fakes
    answers = {
        rpc.name: rpc.output_type
        for service in DESCRIPTOR.services_by_name.values()
        for rpc in service.methods
    }
    if method in ("Pull", "ConfirmPull"):
        lone.script.answers["CheckHealth"] = behind(lone)
    if method == "PullDifferences":
        lone.script.answers["Compare"] = many_differ
    use(lone)
    before, thrown = memory_mib(lone.server), []
    (bomb, *_) = bombs(answers[method])

    def throw(name: str, request: bytes) -> bytes:
        """One bomb; what follows is honest, or the node would rest from it for long."""
        thrown.append(lone.script.answers.pop(method))
        return bomb

    lone.script.answers[method] = throw
    use(lone)
    if method == "ScanPart":
        list(lone.server.stub.Scan(ScanRequest(), timeout=0.4))
    lone.forgive()
    eventually(lambda: thrown, f"{method} is called", deadline_s=60)
    use(lone)
    assert memory_mib(lone.server) - before < _SLACK_MIB
