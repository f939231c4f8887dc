"""The transport: how a message reaches a peer. The seam between the cluster and the network.

Messages are those of demo.proto on both sides; only their way differs. `channels.py` sends them
by gRPC, the tests' transport hands them over in memory, late, twice or not at all. Which method
takes which request is read from the descriptors, so a call that is new between nodes needs a line
in demo.proto and none here.

Four ways to fail, because they call for different answers: nobody is there (PeerUnreachable), the
connection broke (PeerBroke), somebody is there and silent (PeerSilent), somebody said no
(PeerRejected). Only the first says that a peer cannot be asked again; whether a call may have been
carried out is another question (`nothing_delivered`).
"""

from __future__ import annotations

from typing import Any, Protocol

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

import demo_pb2

METHODS: dict[type[Message], MethodDescriptor] = {
    getattr(demo_pb2, method.input_type.name): method
    for service in demo_pb2.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
"""The method that takes a request."""


class Transport(Protocol):
    """Carries requests to peers, who are called by their names."""

    async def ask(self, peer: str, request: Message, timeout_s: float) -> Any:
        """The answer to a request. Raises PeerUnavailable, of the fitting kind."""

    async def close(self) -> None:
        """Let go of every connection."""
