"""The services that every gRPC server is expected to have: health, and reflection.

`grpc.health.v1.Health` is how balancers, orchestrators and generic tools ask whether to send calls
here; CheckHealth says the same at length, to people and peers. `grpc.reflection` tells a tool such
as grpcurl what can be asked, so that it needs no proto file.

What health says, by service:

    "", demo.KeyValue    SERVING while the node serves; not while it starts, catches up or stops
    demo.Peer            SERVING until it stops: a node that catches up is there for its peers;
                         so are health and reflection themselves

A node that catches up takes calls all the same (it passes reads on). It says NOT_SERVING because
whoever restarts nodes one after the other must wait for it, and whoever can choose should choose
another. A stop is announced here first; calls are taken for a moment longer (`announce_s`), so that
those who watch can turn away before any call is refused.

Messages and service definitions are the libraries'. The library's own Watch is not used: it never
ends, and a stop would wait for it as for any call. So would it for a reflection stream that
somebody left open; both end when the node leaves. They have a budget of their own, too.

Reflection goes by two names, and tools ask for the one or the other. The library serves and
describes only the older, `v1alpha`; whoever lists the services and then wants each described, as
grpcurl does, would be told of a name that nobody knows. So the newer description is made from the
older: the same file, with the other name in it. It stands in a pool of its own, with all else that
a tool may ask for: in the pool that the whole process shares it would be in the way of a library
that brings the real one some day.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Protocol

import grpc
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer, add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

from kvcluster.errors import UnknownService
from kvcluster.model.readiness import Status
from kvcluster.security.needs import FREE, SIGHT
from kvcluster.server.budgets import Intake
from kvcluster.server.registrar import Registrar
from kvcluster.server.rpc import rpc, rpc_stream
from kvcluster.wire.outline import method_of
from kvcluster.wire.parsing import parser_of_requests, refuse_unusable

import demo_pb2

KEY_VALUE, PEER, HEALTH = "demo.KeyValue", "demo.Peer", "grpc.health.v1.Health"
V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"
REFLECTIONS = (V1ALPHA, V1ALPHA.replace("v1alpha", "v1"))
"""The same service under two names."""

Statuses = AsyncGenerator[HealthCheckResponse, None]


class Readable(Protocol):
    """What says whether calls are taken: a node's gate, a gateway's presence."""

    changed: asyncio.Future[None]

    @property
    def status(self) -> Status:
        """What may be done now."""

    @property
    def readable(self) -> bool:
        """Whether reads are answered."""


class Health(HealthServicer):
    """The standard health service, as the gate has it."""

    def __init__(self, gate: Readable, intake: Intake, *, has_peers: bool = True) -> None:
        """`has_peers`: whether the service for them is here."""
        self.intake = intake
        self.services = (KEY_VALUE, *([PEER] if has_peers else []), HEALTH, *REFLECTIONS)
        self._gate = gate
        self.leaving: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Resolves when the node has announced that it stops."""

    def leave(self) -> None:
        """Announce the stop: to those who watch at once, and to whoever asks from now on."""
        self.leaving.set_result(None)

    @rpc(needs=FREE)
    async def Check(self, request: HealthCheckRequest, deadline_s: float) -> HealthCheckResponse:
        """Say whether a service serves. Raises UnknownService."""
        status = self._status(request.service)
        if status == HealthCheckResponse.SERVICE_UNKNOWN:
            raise UnknownService(f"no service is called {request.service[:80]!r} here")
        return HealthCheckResponse(status=status)

    @rpc_stream(needs=FREE, budget="watchers")
    async def Watch(self, request: HealthCheckRequest, deadline_s: float) -> Statuses:
        """Say so now and at each change, until the node leaves."""
        said = None
        while True:
            changed, leaving = self._gate.changed, self.leaving.done()
            status = self._status(request.service)
            if status != said:
                yield HealthCheckResponse(status=status)
                said = status
            if leaving:
                return
            await asyncio.wait([changed, self.leaving], return_when=asyncio.FIRST_COMPLETED)

    def add_to(self, server: grpc.aio.Server) -> None:
        """Put it on a server."""
        registrar: Any = Registrar(server, self.intake)  # all that the generated code needs
        add_HealthServicer_to_server(self, registrar)

    def _status(self, service: str) -> int:
        if service in ("", KEY_VALUE):
            serves = self._gate.readable
        elif service in self.services:
            serves = self._gate.status is not Status.DRAINING
        else:
            return HealthCheckResponse.SERVICE_UNKNOWN
        if serves and not self.leaving.done():
            return HealthCheckResponse.SERVING
        return HealthCheckResponse.NOT_SERVING


class Reflection(aio.ReflectionServicer):
    """The library's, with a budget, and an end."""

    def __init__(self, health: Health) -> None:
        super().__init__(health.services, _descriptions())
        self.intake = health.intake
        self._leaving = health.leaving

    @rpc_stream(needs=SIGHT, budget="watchers")
    async def ServerReflectionInfo(  # type: ignore[override]  # the stubs say it is no generator
        self, requests: Any, deadline_s: float
    ) -> AsyncGenerator[Any, None]:
        """Answer each question about what there is."""
        answers: Any = super().ServerReflectionInfo(self._until_leaving(requests), None)
        async for answer in answers:
            yield answer

    async def _until_leaving(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Questions, as long as there are any and the node does not leave."""
        while True:
            coming = asyncio.ensure_future(anext(requests, None))
            try:
                await asyncio.wait([coming, self._leaving], return_when=asyncio.FIRST_COMPLETED)
                request = coming.result() if coming.done() else None
            finally:
                coming.cancel()
            if request is None:
                return
            refuse_unusable(request)
            yield request

    def add_to(self, server: grpc.aio.Server) -> None:
        """Put it on a server, under both names that it goes by."""
        kind = method_of(f"/{V1ALPHA}/ServerReflectionInfo").input_type
        from_string = reflection_pb2.ServerReflectionRequest.FromString
        parse = parser_of_requests(kind, from_string, self.intake.settings)

        async def questions(context: Any) -> AsyncGenerator[Any, None]:
            while (data := await self.intake.arrivals.message(context)) is not None:
                yield parse(data)

        async def answer(_: object, context: Any) -> AsyncGenerator[Any, None]:
            info: Any = self.ServerReflectionInfo
            guard = self.intake.guard
            shown = guard.shown(context, "", None) if guard else None
            async for each in info(questions(context), context, shown):
                yield each

        method: Any = grpc.stream_stream_rpc_method_handler(
            answer,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        for name in REFLECTIONS:
            self.intake.needs[f"/{name}/ServerReflectionInfo"] = SIGHT
            handlers = {"ServerReflectionInfo": method}
            generic = grpc.method_handlers_generic_handler(name, handlers)
            server.add_generic_rpc_handlers((generic,))


def _descriptions() -> DescriptorPool:
    """All that reflection can tell of here."""
    pool = DescriptorPool()
    for module in (demo_pb2, health_pb2, reflection_pb2, error_details_pb2, status_pb2):
        _describe(pool, module.DESCRIPTOR)
    newer = FileDescriptorProto()
    older = text_format.MessageToString(
        FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    )
    text_format.Parse(older.replace("v1alpha", "v1"), newer)
    newer.options.ClearField("deprecated")
    pool.AddSerializedFile(newer.SerializeToString())
    return pool


def _describe(pool: DescriptorPool, file: Any) -> None:
    """Put a file into a pool, behind what it imports."""
    for dependency in file.dependencies:
        _describe(pool, dependency)
    pool.AddSerializedFile(file.serialized_pb)
