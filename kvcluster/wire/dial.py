"""Dialling: the one place where a channel is opened, for nodes, for the library and for programs.

gRPC's defaults are made for services that come and go behind balancers. A node has one address and
returns in a moment, so a channel to one must not back off for minutes, go through a proxy, share a
backoff with an earlier channel, or refuse what the other side may send.

Between nodes it must not cling to a connection that a cut has silenced, either, and so it pings. A
client must not: a server or a proxy with gRPC's own defaults takes its pings for abuse
(client/connection.py).
"""

from __future__ import annotations

from typing import Any

import grpc

from kvcluster.config import MIB, VALUE_CEILING_BYTES, Settings

_WINDOW_BYTES = MIB
"""A page fits into it, so that none waits for a second round trip."""

Options = list[tuple[str, int]]


def dial(address: str, options: Options, credentials: Any = None) -> grpc.aio.Channel:
    """A channel to "host:port". It connects at the first call. Make it inside the event loop.

    `credentials`: those of TLS (tls.py); None: without.
    """
    if credentials is None:
        return grpc.aio.insecure_channel(address, options)
    return grpc.aio.secure_channel(address, credentials, options)


def bind(server: grpc.aio.Server, address: str, credentials: Any = None) -> None:
    """Have a server listen at an address. Raises RuntimeError if it cannot."""
    if credentials is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, credentials)


def options_of_nodes(settings: Settings) -> Options:
    """For a channel from a node to another."""
    backoff_ms = int(settings.reconnect_backoff_s * 1000)
    return [
        *_options_of_all(settings),
        # This one is also how long an attempt to connect may take.
        ("grpc.min_reconnect_backoff_ms", int(settings.connect_timeout_s * 1000)),
        ("grpc.initial_reconnect_backoff_ms", min(100, backoff_ms)),
        ("grpc.keepalive_time_ms", int(settings.ping_interval_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(settings.ping_timeout_s * 1000)),
        ("grpc.http2.ping_timeout_ms", int(settings.ping_timeout_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),  # no limit to them
        ("grpc.max_send_message_length", settings.message_limit_bytes),
        ("grpc.max_receive_message_length", settings.message_limit_bytes),
        # What comes behind an answer is bounded by a window; else it grows to 256 MiB.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", _WINDOW_BYTES),
    ]


def options_of_clients() -> Options:
    """For a channel from a program to a node.

    How long an attempt to connect may take is left to gRPC: with less a frozen node would be called
    unreachable instead of silent.
    """
    return [
        *_options_of_all(Settings()),
        ("grpc.use_local_subchannel_pool", 1),  # share no connection and no backoff
        ("grpc.initial_reconnect_backoff_ms", 100),
        # How large a value may be is a setting of the nodes; what they take is taken here.
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", 2 * VALUE_CEILING_BYTES),
    ]


def _options_of_all(settings: Settings) -> Options:
    return [
        ("grpc.enable_http_proxy", 0),  # http_proxy in the environment is not meant for us
        ("grpc.max_reconnect_backoff_ms", int(settings.reconnect_backoff_s * 1000)),
        ("grpc.dns_min_time_between_resolutions_ms", int(settings.lookup_interval_s * 1000)),
    ]
