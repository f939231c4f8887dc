"""The registrar: puts handlers on a server, and takes in the messages of their calls safely.

What a handler is made of stands in rpc.py. A method that nobody here has written, as gRPC's own
services have some, is not put on a server, and so needs nothing of anybody: gRPC says that there is
no such method.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from kvcluster.errors import KvError
from kvcluster.security.callers import Shown
from kvcluster.security.needs import STREAM
from kvcluster.server.budgets import Intake
from kvcluster.server.streamed import Streamable, serving
from kvcluster.wire.outline import method_of
from kvcluster.wire.parsing import Unusable, parser_of_requests


class Registrar:
    """Stands between the generated `add_..._to_server` and a server, and takes messages in safely.

    gRPC would read the message of a call however long it takes, and parse it whatever it is. So it
    is told that each method takes a stream, and the one message of that is awaited and parsed here.
    A handler sees what cannot be used as Unusable (wire/parsing.py), and refuses it. Who calls is
    looked at before his message is parsed: what a stranger sends costs no more than its bytes.
    """

    def __init__(self, server: grpc.aio.Server, intake: Intake) -> None:
        self._server = server
        self._intake = intake
        self._on_streams: dict[str, Streamable] = {}

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Nothing: the generated code registers the same handlers by name as well."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Put a service's handlers on the server, but for those that nobody here has written."""
        safe = {
            name: self._taking_in_safely(f"/{service}/{name}", handler)
            for name, handler in handlers.items()
            if handler.request_streaming or _needs_of(handler)
        }
        generic = grpc.method_handlers_generic_handler(service, safe)
        self._server.add_generic_rpc_handlers((generic,))

    def _taking_in_safely(self, path: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        if handler.request_streaming:
            self._intake.needs[path] = STREAM
            return grpc.stream_stream_rpc_method_handler(
                serving(self._on_streams, self._intake, STREAM)
            )
        name, needs = path.rpartition("/")[2], _needs_of(handler)
        self._intake.needs[path] = needs
        kind, parse = method_of(path).input_type, handler.request_deserializer
        parse = parser_of_requests(kind, parse, self._intake.settings)
        arrivals = self._intake.arrivals
        on_stream = getattr(handler.unary_unary, "on_stream", None)
        if on_stream:
            servicer = handler.unary_unary.__self__
            carry_out = functools.partial(on_stream.carry_out, servicer)
            at_once = functools.partial(on_stream.at_once, servicer)
            serialize, writes = handler.response_serializer, on_stream.writes
            self._on_streams[name] = Streamable(parse, at_once, carry_out, serialize, writes)

        guard = self._intake.guard

        async def take_in(context: Any) -> tuple[Any, Shown | None]:
            data = shown = None
            try:
                data = await arrivals.only_message(context)
            except KvError as error:
                request: Any = Unusable(error)
            if guard:
                shown = await guard.meet(context, path, data)
                if refusal := guard.refusal(needs, shown, name):
                    return Unusable(refusal), shown
            return (request if data is None else parse(data)), shown

        async def answer(_: object, context: Any) -> Any:
            request, shown = await take_in(context)
            return await handler.unary_unary(request, context, shown)

        async def stream(_: object, context: Any) -> AsyncIterator[Any]:
            request, shown = await take_in(context)
            async with aclosing(handler.unary_stream(request, context, shown)) as answers:
                async for each in answers:
                    yield each

        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                stream, response_serializer=handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(
            answer, response_serializer=handler.response_serializer
        )


def _needs_of(handler: Any) -> Any:
    """What a method needs; None of one that is only inherited."""
    return getattr(handler.unary_unary or handler.unary_stream, "needs", None)
