"""What a client sees on the wire when it sends something odd, large, or too much."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster.client.local_cluster import free_ports
from kvcluster.cluster.channels import channel_options
from kvcluster.config import MIB, Settings
from kvcluster.model.members import Cluster as Members
from kvcluster.model.slots import SLOTS
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually

from demo_pb2 import (
    Configuration,
    Entry,
    HealthCheckRequest,
    Heartbeat,
    PullRequest,
    PutRequest,
    ReplicateRequest,
)
from demo_pb2_grpc import KeyValueStub, PeerStub

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three servers for all tests of this file."""
    made = Cluster(tmp_path_factory.mktemp("wire"))
    try:
        made.start()
        yield made
    finally:
        made.clean_up()


def refusal(call: Any, request: Any, **options: Any) -> tuple[grpc.StatusCode, str]:
    """The status code and details that a call is refused with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=5, **options)
    return caught.value.code(), caught.value.details() or ""


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("", "v", ["key", "''", "1 to 1,024"]),
        ("é" * 513, "v", ["key", "1,026 bytes", "1 to 1,024"]),
        ("k", "v" * (MIB + 1), ["value", "1,048,577 bytes", "0 to 1,048,576"]),
    ],
)
def test_bad_argument_names_the_value_and_the_limit(
    shared: Cluster, key: str, value: str, words: list[str]
) -> None:
    """INVALID_ARGUMENT says what was wrong, what is allowed, and that nothing was written."""
    code, details = refusal(shared[0].stub.Put, PutRequest(key=key, value=value))
    assert code is Code.INVALID_ARGUMENT
    for word in [*words, "nothing was written"]:
        assert word in details


def test_largest_key_and_value_replicate(shared: Cluster) -> None:
    """What is just allowed is stored everywhere."""
    key, value = "k" * 1024, "é" * (MIB // 2)
    assert shared[0].put(key, value).acknowledged == 3
    assert shared[2].get(key).value == value


def test_empty_value_is_a_value(shared: Cluster) -> None:
    """An empty string is found; a missing key is not, and is no error."""
    shared[0].put("empty", "")
    assert shared[1].get("empty").found
    assert not shared[1].get("missing").found


def test_bytes_that_are_not_utf8_are_a_bad_argument(shared: Cluster) -> None:
    """Not gRPC's UNKNOWN: the client is told what is wrong with its request."""
    with grpc.insecure_channel(shared[0].name) as channel:
        put: Any = channel.unary_unary("/demo.KeyValue/Put")
        code, details = refusal(put, b"\x0a\x02\xff\xfe")
    assert code is Code.INVALID_ARGUMENT
    assert "malformed" in details


def test_message_over_the_limit_is_refused(shared: Cluster) -> None:
    """A request larger than any value may be is refused before it is read."""
    code, _ = refusal(shared[0].stub.Put, PutRequest(key="k", value="v" * (40 * MIB)))
    assert code is Code.RESOURCE_EXHAUSTED


def test_stranger_cannot_pose_as_a_peer(shared: Cluster) -> None:
    """Peer calls from somebody who is no member are refused, and write nothing."""
    stub = shared[0].stub
    entry = Entry(key="forged", value="v", version=bytes(12))
    requests = [
        (stub.Replicate, ReplicateRequest(sender="localhost:1", entries=[entry])),
        (stub.CheckHealth, HealthCheckRequest(sender=Heartbeat(node="localhost:1"))),
    ]
    with grpc.insecure_channel(shared[0].name) as channel:
        requests.append((PeerStub(channel).Pull, PullRequest(sender="localhost:1")))
        for call, request in requests:
            assert refusal(call, request)[0] is Code.FAILED_PRECONDITION
    assert not shared[0].get("forged").found


def test_entry_with_an_impossible_version_is_refused(shared: Cluster) -> None:
    """A version that is no version, or from the sender's future, is not stored."""
    names = [server.name for server in shared]
    cluster = Members(tuple(names), shared[1].name)
    configuration = Configuration(members=names, replicas=3, slots=SLOTS)
    beat = Heartbeat(node=shared[1].name, configuration=configuration)
    health = shared[0].stub.CheckHealth(HealthCheckRequest(sender=beat), timeout=5)
    clock = health.responder.clock
    for version in (b"short", b"\xff" * 12):
        entry = Entry(key="odd", value="v", version=version)
        request = ReplicateRequest(sender=shared[1].name, clock=clock, entries=[entry])
        request.configuration = cluster.digest
        assert refusal(shared[0].stub.Replicate, request)[0] is Code.INVALID_ARGUMENT


def test_thousands_of_calls_at_once_are_all_answered(shared: Cluster) -> None:
    """gRPC cancels some calls at random past a thousand by default; this server does not."""

    async def storm() -> Counter[str]:
        async with grpc.aio.insecure_channel(
            shared[0].name, channel_options(Settings())
        ) as channel:
            stub = KeyValueStub(channel)

            async def put(number: int) -> str:
                try:
                    await stub.Put(PutRequest(key=f"storm{number}", value="v"), timeout=30)
                except grpc.aio.AioRpcError as error:
                    return str(error.code())
                return "done"

            return Counter(await asyncio.gather(*(put(number) for number in range(3000))))

    assert asyncio.run(storm()) == {"done": 3000}


def test_too_many_calls_in_flight_are_refused_and_health_still_answers(tmp_path: Path) -> None:
    """Past its budget a node says RESOURCE_EXHAUSTED at once; its health is not crowded out."""
    port = free_ports(1)[0]
    server = Server(port, f"localhost:{port}", tmp_path, ["--set", "client_calls_in_flight=1"])

    async def burst() -> Counter[grpc.StatusCode | None]:
        async with grpc.aio.insecure_channel(server.name, channel_options(Settings())) as channel:
            stub = KeyValueStub(channel)

            async def put(number: int) -> grpc.StatusCode | None:
                try:
                    await stub.Put(PutRequest(key=f"k{number}", value="v"), timeout=30)
                except grpc.aio.AioRpcError as error:
                    code: grpc.StatusCode = error.code()
                    return code
                return None

            answers = Counter(await asyncio.gather(*(put(number) for number in range(200))))
            await stub.CheckHealth(HealthCheckRequest(), timeout=5)
            return answers

    try:
        server.start()
        server.wait_serving()
        answers = asyncio.run(burst())
        assert set(answers) == {None, Code.RESOURCE_EXHAUSTED}
        eventually(lambda: server.put("k", "v").acknowledged == 1, "it recovers at once")
    finally:
        server.clean_up()
