"""The border to gRPC on the server's side: what comes in is checked once, what goes out translated.

Handlers in server.py say what a node does. Everything around them is here: `rpc` and `rpc_stream`
admit a call, give it a deadline, and turn this library's errors into status codes (by the table of
cluster/failures.py); `Registrar` puts handlers on a server; `make_server` mends gRPC's defaults.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc

from kvcluster.cluster.failures import code_of, details_of
from kvcluster.cluster.parsing import Malformed, safely
from kvcluster.config import Settings
from kvcluster.errors import ERROR_KEY, BadRequest, CannotStart, KvError, Overloaded, TooLate

log = logging.getLogger("kvcluster")

Servicer = TypeVar("Servicer")
Request = TypeVar("Request")
Response = TypeVar("Response")
Method = Callable[[Servicer, Request, float], Awaitable[Response]]
Handler = Callable[[Servicer, Any, Any], Awaitable[Response]]
Stream = Callable[[Servicer, Request, float], AsyncGenerator[Response, None]]
StreamHandler = Callable[[Any, Any, Any], AsyncIterator[Any]]

_PENDING_CALLS = 10_000
"""So many may wait to be looked at, however few are taken: what is refused is refused by us."""
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Budget:
    """How many calls of one kind may run at once, and how much they may carry together.

    Past it a call is refused, not queued. One alone is taken whatever it carries.
    """

    def __init__(self, what: str, limit: int, limit_bytes: int) -> None:
        self._what = what
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._running = self._running_bytes = 0

    @contextmanager
    def admit(self, size_bytes: int) -> Iterator[None]:
        """Hold a place for the time of a call. Raises Overloaded."""
        if self._running >= self._limit:
            raise self._overloaded("")
        if self._running and self._running_bytes + size_bytes > self._limit_bytes:
            raise self._overloaded(f" of together {self._limit_bytes:,} bytes")
        self._running += 1
        self._running_bytes += size_bytes
        try:
            yield
        finally:
            self._running -= 1
            self._running_bytes -= size_bytes

    def _overloaded(self, size: str) -> Overloaded:
        count = self._running if size else self._limit
        return Overloaded(
            f"{count:,} {self._what} calls{size} are in flight already, the most this node takes"
        )


@dataclass(frozen=True)
class Limits:
    """Separate budgets, so that busy clients can neither starve peers nor hide a node's health."""

    clients: Budget
    peers: Budget
    forwards: Budget
    health: Budget
    scans: Budget
    timeout_s: float
    """For a call that names no deadline."""
    stream_timeout_s: float
    """For one that answers with a stream."""

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that the settings ask for."""
        size_bytes = settings.call_bytes_in_flight
        return cls(
            clients=Budget("client", settings.client_calls_in_flight, size_bytes),
            peers=Budget("peer", settings.peer_calls_in_flight, size_bytes),
            forwards=Budget("forwarded", settings.client_calls_in_flight, size_bytes),
            health=Budget("health", settings.health_calls_in_flight, size_bytes),
            scans=Budget("scan", settings.scan_calls_in_flight, size_bytes),
            timeout_s=settings.request_timeout_s,
            stream_timeout_s=settings.scan_timeout_s,
        )


def rpc(
    *, budget: str, writes: bool = False
) -> Callable[[Method[Any, Any, Response]], Handler[Any, Response]]:
    """Make a gRPC handler of a method that takes a request and a deadline (event loop time).

    `budget` names a field of the servicer's `limits`. A method that writes tells its caller when
    a failure certainly wrote nothing; clients rely on these words.
    """

    def decorate(method: Method[Any, Any, Response]) -> Handler[Any, Response]:
        @functools.wraps(method)
        async def handler(servicer: Any, request: Any, context: Any) -> Response:
            try:
                with getattr(servicer.limits, budget).admit(_size_bytes(request)):
                    deadline_s = _deadline_s(request, context, servicer.limits.timeout_s)
                    return await method(servicer, request, deadline_s)
            except Exception as error:
                await _fail(context, error, method.__name__, writes=writes)
            raise AssertionError("_fail always raises")

        return handler

    return decorate


def rpc_stream(*, budget: str) -> Callable[[Stream[Any, Any, Response]], StreamHandler]:
    """The same for a method that reads, and answers with a stream."""

    def decorate(method: Stream[Any, Any, Response]) -> StreamHandler:
        @functools.wraps(method)
        async def handler(servicer: Any, request: Any, context: Any) -> AsyncIterator[Response]:
            try:
                with getattr(servicer.limits, budget).admit(_size_bytes(request)):
                    deadline_s = _deadline_s(request, context, servicer.limits.stream_timeout_s)
                    async with aclosing(method(servicer, request, deadline_s)) as answers:
                        async for answer in answers:
                            yield answer
            except Exception as error:
                await _fail(context, error, method.__name__, writes=False)

        return handler

    return decorate


def _size_bytes(request: Any) -> int:
    return 0 if isinstance(request, Malformed) else int(request.ByteSize())


def _deadline_s(request: object, context: Any, default_timeout_s: float) -> float:
    if isinstance(request, Malformed):
        raise BadRequest(f"the request is malformed ({request.reason})")
    remaining_s: float | None = context.time_remaining()
    if remaining_s is None:
        remaining_s = default_timeout_s
    if remaining_s <= 0:
        raise TooLate("the deadline passed before the work began")
    return asyncio.get_running_loop().time() + remaining_s


async def _fail(context: Any, error: Exception, method: str, *, writes: bool) -> None:
    """End a call with an error; always raises."""
    if not isinstance(error, KvError):
        log.error("BUG  %s failed", method, exc_info=error)
        await context.abort(grpc.StatusCode.INTERNAL, "an internal error; see the log")
        return
    name = ((ERROR_KEY, type(error).__name__),)
    details = details_of(error, writes=writes)
    await context.abort(_STATUS_CODES[code_of(error)], details, name)


class Registrar:
    """Stands between the generated `add_..._to_server` and a server, and makes parsing safe.

    A handler sees bytes that are no message as Malformed (parsing.py) and says INVALID_ARGUMENT.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Nothing: the generated code registers the same handlers by name as well."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Put a service's handlers on the server."""
        safe = {name: _parsing_safely(handler) for name, handler in handlers.items()}
        generic = grpc.method_handlers_generic_handler(service, safe)
        self._server.add_generic_rpc_handlers((generic,))


def _parsing_safely(handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
    make, behave = grpc.unary_unary_rpc_method_handler, handler.unary_unary
    if handler.response_streaming:
        make, behave = grpc.unary_stream_rpc_method_handler, handler.unary_stream
    return make(
        behave,
        request_deserializer=safely(handler.request_deserializer),
        response_serializer=handler.response_serializer,
    )


def make_server(settings: Settings, addresses: list[str]) -> grpc.aio.Server:
    """A server bound to every address, not started yet. Raises CannotStart."""
    server = grpc.aio.server(options=_server_options(settings))
    for address in addresses:
        try:
            server.add_insecure_port(address)
        except RuntimeError:
            raise CannotStart(f"cannot listen on {address}: another program took it") from None
    return server


def _server_options(settings: Settings) -> list[tuple[str, int]]:
    """Where gRPC's own defaults are wrong for a store."""
    pending = max(
        _PENDING_CALLS, 2 * (settings.client_calls_in_flight + settings.peer_calls_in_flight)
    )
    return [
        ("grpc.so_reuseport", 0),  # or two servers start on one port without an error
        ("grpc.server.max_pending_requests", pending),  # else some are cancelled at random
        ("grpc.server.max_pending_requests_hard_limit", 2 * pending),
        ("grpc.server_handshake_timeout_ms", 5_000),  # a silent stranger holds nothing for long
        # Peers ping; a server takes that for abuse unless told how often is fine, and a network
        # that held some back delivers them at once.
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", int(settings.ping_interval_s * 500)),
        ("grpc.max_send_message_length", settings.message_limit_bytes),
        ("grpc.max_receive_message_length", settings.message_limit_bytes),
    ]


def addresses_of(host: str, port: int) -> list[str]:
    """Every address of a host that can be listened on, checked one by one. Raises CannotStart.

    On `localhost` gRPC is content with one of two addresses, and clients that try the other
    one first would reach somebody else.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise CannotStart(f"cannot listen on {host}: {error}") from None
    addresses = [
        f"[{address[0]}]:{port}" if family == socket.AF_INET6 else f"{address[0]}:{port}"
        for family, _, _, _, address in found
        if _is_free(family, address, host, port)
    ]
    if not addresses:
        raise CannotStart(f"cannot listen on {host}: it is no address of this machine")
    return list(dict.fromkeys(addresses))


def _is_free(family: int, address: Any, host: str, port: int) -> bool:
    """Whether an address exists here; CannotStart if it does and cannot be had."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return False
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {port} on {host} is in use by another program") from None
        raise CannotStart(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return True
