"""What a client that knows only the standard services of gRPC finds here: health and reflection."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.surroundings import Surroundings
from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.config import Settings
from kvcluster.model.entry import Version
from kvcluster.model.readiness import Readiness
from kvcluster.server.budgets import Intake
from kvcluster.server.standard_services import Health, Reflection
from tests.edges.in_process import until
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, started

from demo_pb2 import DESCRIPTOR

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
SERVICES = ["", "demo.KeyValue", "demo.Peer"]
REFLECTIONS = [f"grpc.reflection.{version}.ServerReflection" for version in ("v1alpha", "v1")]


class Standing:
    """Only the standard services, of a node whose gate a test moves by hand."""

    def __init__(self, settings: Settings) -> None:
        readiness = Readiness({"peer": {1}}, repair=False, incomplete=False)
        self.gate = Gate(readiness, Surroundings().times, settings)
        self.health = Health(self.gate, Intake.of(settings))
        self.channel: Any = None
        self.health_stub: Any = None

    async def check(self, service: str = "") -> int:
        """What health says of a service."""
        answer = await self.health_stub.Check(HealthCheckRequest(service=service), timeout=10)
        return int(answer.status)

    def watch(self, service: str = "") -> Any:
        """A stream of what it says."""
        return self.health_stub.Watch(HealthCheckRequest(service=service), timeout=60)

    def reflect(self, service: str) -> Any:
        """A stream of questions about what there is."""
        return self.channel.stream_stream(
            f"/{service}/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )(timeout=60)


@asynccontextmanager
async def standing(settings: Settings | None = None) -> AsyncIterator[Standing]:
    """They stand on a server, and are asked over a real connection."""
    made = Standing(settings or Settings(pause_limit_s=60))
    server = grpc.aio.server()
    made.health.add_to(server)
    Reflection(made.health).add_to(server)
    port = server.add_insecure_port("localhost:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
            made.channel = channel
            made.health_stub = HealthStub(channel)
            yield made
    finally:
        await server.stop(0)


async def test_a_node_that_starts_does_not_serve_and_is_there_for_its_peers() -> None:
    """A balancer must not choose it yet; its peers are what it waits for."""
    async with standing() as node:
        assert [await node.check(service) for service in SERVICES] == [
            NOT_SERVING,
            NOT_SERVING,
            SERVING,
        ]
        node.gate.excuse("peer")
        assert [await node.check(service) for service in SERVICES] == [SERVING] * 3


async def test_a_node_that_catches_up_does_not_serve() -> None:
    """Whoever restarts nodes one after the other has to wait for it."""
    async with standing() as node:
        node.gate.heard("peer", None, at=1, counts_on_us=True)
        assert await node.check() == SERVING
        node.gate.told("peer", Version(bytes(11) + b"\1"), at=2)
        assert await node.check() == NOT_SERVING


async def test_a_stranger_is_not_found_and_can_be_watched() -> None:
    """As the protocol of the health service wants it, and with a reason of ours."""
    async with standing() as node:
        with pytest.raises(
            grpc.aio.AioRpcError, match=r"no service is called 'x\.Y' here"
        ) as caught:
            await node.check("x.Y")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert (await node.watch("x.Y").read()).status == HealthCheckResponse.SERVICE_UNKNOWN


async def test_a_watch_hears_each_change_and_ends_when_the_node_leaves() -> None:
    """A stream that went on would hold up the stop; one that ended early would hide it."""
    async with standing() as node:
        watch = node.watch()
        assert (await watch.read()).status == NOT_SERVING
        node.gate.excuse("peer")
        assert (await watch.read()).status == SERVING
        node.health.leave()
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        assert [await node.check(service) for service in SERVICES] == [NOT_SERVING] * 3


async def test_those_who_watch_cannot_hide_the_health_of_the_node() -> None:
    """Watching has a budget of its own; past it one is refused, and a place is given back."""
    async with standing(Settings(pause_limit_s=60, watch_calls_in_flight=2)) as node:
        watches = [node.watch() for _ in range(2)]
        for watch in watches:
            await watch.read()
        with pytest.raises(grpc.aio.AioRpcError, match="2 watching calls") as caught:
            await node.watch().read()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await node.check("demo.Peer") == SERVING
        watches[0].cancel()
        await until(lambda: node.health.intake.watchers.running == 1)
        assert (await node.watch().read()).status == NOT_SERVING


@pytest.mark.parametrize("service", REFLECTIONS)
async def test_a_reflection_stream_left_open_ends_when_the_node_leaves(service: str) -> None:
    """Somebody's tool that was left open must not hold up the stop. Both names are answered."""
    async with standing() as node:
        stream = node.reflect(service)
        await stream.write(ServerReflectionRequest(list_services=""))
        answer = await stream.read()
        names = [found.name for found in answer.list_services_response.service]
        ours = ["demo.KeyValue", "demo.Peer", "grpc.health.v1.Health"]
        assert names == [*ours, *sorted(REFLECTIONS)]
        node.health.leave()
        assert await stream.read() is grpc.aio.EOF


async def test_every_service_that_is_listed_is_described_and_has_a_health() -> None:
    """A tool that lists them asks for each: an unknown one ends what it shows in an error."""
    async with standing() as node:
        stream = node.reflect(REFLECTIONS[1])
        for service in [*SERVICES[1:], "grpc.health.v1.Health", *REFLECTIONS]:
            await stream.write(ServerReflectionRequest(file_containing_symbol=service))
            answer = await stream.read()
            assert not answer.error_response.error_message, service
            files = [
                FileDescriptorProto.FromString(file)
                for file in answer.file_descriptor_response.file_descriptor_proto
            ]
            found = {f"{file.package}.{it.name}" for file in files for it in file.service}
            assert service in found
            assert await node.check(service) in (SERVING, NOT_SERVING)
        # What our errors carry is shown by whoever can look it up.
        await stream.write(ServerReflectionRequest(file_containing_symbol="google.rpc.ErrorInfo"))
        assert (await stream.read()).HasField("file_descriptor_response")
        stream.cancel()


async def test_rubbish_to_reflection_is_refused() -> None:
    """Bytes that are no message end in a sentence, not in a traceback."""
    async with standing() as node:
        stream = node.channel.stream_stream(f"/{REFLECTIONS[0]}/ServerReflectionInfo")(timeout=10)
        await stream.write(b"\xff")
        with pytest.raises(grpc.aio.AioRpcError, match="the request is malformed") as caught:
            await stream.read()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_client_without_a_proto_file_can_put_and_get(three: Cluster) -> None:
    """Reflection alone tells it every service, method and message."""
    with grpc.insecure_channel(three[0].name) as channel:
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        for service in DESCRIPTOR.services_by_name.values():
            found = pool.FindServiceByName(service.full_name)
            assert [m.name for m in found.methods] == [m.name for m in service.methods]
        found = pool.FindServiceByName("demo.KeyValue")

        def call(name: str, **fields: str) -> Any:
            method = found.FindMethodByName(name)
            asked, answered = map(
                message_factory.GetMessageClass, (method.input_type, method.output_type)
            )
            send: Any = channel.unary_unary(
                f"/{found.full_name}/{name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=answered.FromString,
            )
            return send(asked(**fields), timeout=10)

        assert call("Put", key="reflected", value="yes").acknowledged == 3
        assert call("Get", key="reflected").value == "yes"


def test_a_stop_is_announced_before_any_call_is_refused(tmp_path: Path) -> None:
    """Between the announcement and the first refusal there is time to turn away; and the stop
    waits neither for who watches nor for a reflection that was left open.
    """
    options = ["--set", "announce_s=2", "--set", "drain_timeout_s=600"]
    port = free_ports(1)[0]
    with started(Server(port, f"localhost:{port}", tmp_path, options)) as server:
        server.wait_serving()
        stub: Any = HealthStub(server.channel)
        watch = stub.Watch(HealthCheckRequest())
        assert next(watch).status == SERVING
        server.signal(signal.SIGTERM)
        assert next(watch).status == NOT_SERVING
        assert server.put("k", "v").acknowledged == 1
        assert list(watch) == []
        assert server.wait() == 0
