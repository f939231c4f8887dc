"""Listening: a gRPC server on every address of a host, with gRPC's defaults mended.

Every address is bound by itself and any failure is fatal, since a node that listens on half of its
addresses is found by some and not by others, and nobody sees why.

The end is mended, too. A gRPC server that is stopped cancels what has arrived and was not looked at
yet, and CANCELLED does not tell a caller that nothing happened: of 60 that call as fast as they can
some 55 would see it. So a node that leaves first goes on answering for a while, though only with
refusals, which send callers elsewhere: the *lame duck* of Google's Site Reliability Engineering
(Beyer et al., 2016).
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

import grpc

from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.gateway.gateway import Gateway
from kvcluster.model.members import Cluster
from kvcluster.node import Node
from kvcluster.server.budgets import Intake
from kvcluster.server.standard_services import Health
from kvcluster.wire.dial import bind


def make_server(
    settings: Settings, addresses: list[str], credentials: Callable[[], Any] = lambda: None
) -> grpc.aio.Server:
    """A server bound to every address, not started yet. Raises CannotStart.

    `credentials`: makes those of TLS for one address.
    """
    server = grpc.aio.server(options=_server_options(settings))
    for address in addresses:
        try:
            bind(server, address, credentials())
        except RuntimeError:
            raise CannotStart(f"cannot listen on {address}: another program took it") from None
    return server


async def until_left(intake: Intake) -> None:
    """Return when calls have ceased to come to a node that refuses them all, or at a limit."""
    now_s, settings = asyncio.get_running_loop().time, intake.settings
    end_s = now_s() + settings.lame_duck_limit_s
    asked = -1
    while asked != intake.asked and now_s() < end_s:
        asked = intake.asked
        await asyncio.sleep(settings.lame_duck_quiet_s)


def _server_options(settings: Settings) -> list[tuple[str, int]]:
    """Where gRPC's own defaults are wrong for a store."""
    in_flight = settings.client_calls_in_flight + settings.peer_calls_in_flight
    pending = max(settings.pending_calls, 2 * in_flight)
    return [
        ("grpc.so_reuseport", 0),  # or two servers start on one port without an error
        ("grpc.server.max_pending_requests", pending),
        ("grpc.server.max_pending_requests_hard_limit", 2 * pending),
        ("grpc.server_handshake_timeout_ms", int(settings.handshake_timeout_s * 1000)),
        ("grpc.max_connection_idle_ms", int(settings.connection_idle_s * 1000)),
        ("grpc.max_allowed_incoming_connections", settings.connections),
        # Who opens streams and resets them makes work at no cost of his own. Streams that are over
        # and not cleared away count too, or the limit would be none; they may be as many again, or
        # gRPC turns away callers who keep to it.
        ("grpc.max_concurrent_streams", settings.connection_calls),
        ("grpc.http2.max_deallocating_streams", settings.connection_calls),
        # What is sent and not read is bounded by a window of 64 KiB; else it grows to 256 MiB.
        ("grpc.http2.bdp_probe", 0),
        # Peers ping; a server takes that for abuse unless told how often is fine, and a network
        # that held some back delivers them at once.
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", int(settings.ping_interval_s * 500)),
        ("grpc.max_send_message_length", settings.message_limit_bytes),
        ("grpc.max_receive_message_length", settings.message_limit_bytes),
    ]


def addresses_of(host: str, port: int, cluster: Cluster | None = None) -> list[str]:
    """Every address of a host that can be listened on, checked one by one. Raises CannotStart.

    On `localhost` gRPC is content with one of two addresses, and clients that try the other
    one first would reach somebody else. `cluster`: whose node wants the port, if one does.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotStart(f"cannot listen on {host}: {error.strerror or error}") from None
    except UnicodeError as error:
        raise CannotStart(f"cannot listen on {host}: {error}") from None
    addresses = [
        f"{_spelled(family, address)}:{port}"
        for family, _, _, _, address in found
        if _is_free(family, address, host, port, cluster)
    ]
    if not addresses:
        raise CannotStart(
            f"cannot listen on {host}: it is no address of this machine;"
            " say with --host where to listen (0.0.0.0: everywhere), and with --name who this is"
        )
    return list(dict.fromkeys(addresses))


def _spelled(family: int, address: Any) -> str:
    return f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0])


def _is_free(family: int, address: Any, host: str, port: int, cluster: Cluster | None) -> bool:
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
            from kvcluster.server.occupant import occupant_of  # to load it takes a moment

            by = occupant_of(_spelled(family, address), port, cluster)
            raise CannotStart(f"port {port} on {host} is in use by {by}") from None
        raise CannotStart(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return True


async def leave(server: grpc.aio.Server, node: Node | Gateway, health: Health) -> None:
    """Announce the stop, refuse what comes, finish what is in flight, write everything down."""
    intake, settings = health.intake, node.settings
    health.leave()
    await asyncio.sleep(settings.announce_s)
    await node.drain()
    await until_left(intake)
    intake.arrivals.leave()
    await server.stop(settings.drain_timeout_s)
    await node.stop()
    if intake.guard:
        intake.guard.close()
