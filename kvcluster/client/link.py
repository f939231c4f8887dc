"""A link: one node seen from outside, with a deadline on every call.

It adds two things to the generated stub: options where gRPC's own defaults are wrong for a store,
and failures as `CallFailed`, which says whether anything may have been written.

It never retries. Who may ask again, and whom, is a question for the caller.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import grpc

from kvcluster.client.failure import CallFailed, Kind, explain
from kvcluster.client.given import objection
from kvcluster.config import VALUE_CEILING_BYTES, Settings
from kvcluster.error_info import told_in

from demo_pb2 import (
    DeleteRequest,
    DeleteResponse,
    GetRequest,
    GetResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    LocateRequest,
    LocateResponse,
    PutRequest,
    PutResponse,
)
from demo_pb2_grpc import KeyValueStub


def open_channel(address: str) -> grpc.Channel:
    """A channel to one node. It connects at the first call."""
    settings = Settings()
    options = [
        ("grpc.enable_http_proxy", 0),  # http_proxy in the environment is not meant for us
        ("grpc.use_local_subchannel_pool", 1),  # share no backoff with an earlier channel
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", int(settings.reconnect_backoff_s * 1000)),
        ("grpc.max_send_message_length", -1),  # what is too large is for the node to say
        ("grpc.max_receive_message_length", 2 * VALUE_CEILING_BYTES),
    ]
    # min_reconnect_backoff_ms is left alone: it is also the time that a connection may take, and
    # a frozen node would be called unreachable instead of silent.
    return grpc.insecure_channel(address, options=options)


def failure_of(error: grpc.RpcError, timeout_s: float) -> CallFailed:
    """What a failed call means; gRPC's errors are calls, too, and carry code and details."""
    assert isinstance(error, grpc.Call)
    return explain(error.code(), error.details() or "", told_in(error), timeout_s)


class Link:
    """One node. Every method raises CallFailed."""

    def __init__(self, address: str, *, timeout_s: float, name: str = "") -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.name = name or address
        """How the node calls itself; until it has said so, its address."""
        self._channel = open_channel(address)
        self._stub: Any = KeyValueStub(self._channel)  # generated without types

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def put(self, key: str, value: str) -> PutResponse:
        """Store a text under a key. Of bytes that stand in it limits are told as of bytes."""
        try:
            answer: PutResponse = self._served(self._stub.Put, PutRequest(key=key, value=value))
        except CallFailed as failed:
            why = objection(value, failed.reason, failed.value_limit_bytes)
            raise CallFailed(failed.kind, why, failed.nothing_written) from None
        return answer

    def get(self, key: str) -> GetResponse:
        """The value of a key, if there is one."""
        answer: GetResponse = self._served(self._stub.Get, GetRequest(key=key))
        return answer

    def delete(self, key: str) -> DeleteResponse:
        """Remove a key, whether it is there or not."""
        answer: DeleteResponse = self._served(self._stub.Delete, DeleteRequest(key=key))
        return answer

    def check_health(self, timeout_s: float | None = None) -> HealthCheckResponse:
        """How the node is, by its own account."""
        answer: HealthCheckResponse = self._call(
            self._stub.CheckHealth, HealthCheckRequest(), timeout_s
        )
        self.name = answer.node or self.address
        return answer

    def locate(self, key: str) -> LocateResponse:
        """Where a key lives, whether it is there or not."""
        answer: LocateResponse = self._call(self._stub.Locate, LocateRequest(key=key))
        return answer

    def close(self) -> None:
        """Let go of the connection; a call in flight is cancelled."""
        self._channel.close()

    def _served(self, method: Any, request: Any) -> Any:
        """A call whose answer names the node that gave it; an empty one is no answer of a node."""
        answer = self._call(method, request)
        if not answer.served_by:
            raise CallFailed(Kind.BROKEN, "its answer cannot be read", nothing_written=False)
        return answer

    def _call(self, method: Any, request: Any, timeout_s: float | None = None) -> Any:
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            return method(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise failure_of(error, timeout_s) from None
