"""Nodes that ask who calls, certificates of every kind, and a valid request for each method."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1.health_pb2 import DESCRIPTOR as HEALTH
from grpc_health.v1.health_pb2 import HealthCheckRequest as StandardRequest
from grpc_reflection.v1alpha.reflection_pb2 import DESCRIPTOR as REFLECTION
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from kvcluster.commands.authority import Authority
from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.config import Settings
from kvcluster.model.agreement import Terms
from kvcluster.model.members import Cluster as Members
from kvcluster.model.slots import SLOTS
from kvcluster.security.proof import HEADER, Claim, Secrets
from kvcluster.wire.dial import options_of_nodes
from tests.edges.fake_peer import clock, version
from tests.processes.harness import Server, eventually

import demo_pb2 as pb

SECRET = "what all nodes of this cluster know"
METHODS: list[Any] = [
    method
    for file in (pb.DESCRIPTOR, HEALTH, REFLECTION)
    for service in file.services_by_name.values()
    for method in service.methods
    if method.name != "List"  # of the standard service; nobody here has written it
]
TOKENS = {"reader": "read", "writer": "write", "other": "write", "old": "write"}
"""By name what each may do: below "a/", the third below "b/". That of the last has expired."""


def path_of(method: MethodDescriptor) -> str:
    """As gRPC calls it."""
    return f"/{method.containing_service.full_name}/{method.name}"


def token_of(name: str) -> str:
    """The token of a name."""
    return f"token-of-{name}-{'x' * 20}"


def tokens_file() -> str:
    """What the file of tokens has."""
    entries: list[dict[str, Any]] = [
        {
            "name": name,
            "sha256": hashlib.sha256(token_of(name).encode()).hexdigest(),
            "roles": [{"prefix": "b/" if name == "other" else "a/", "may": may}],
        }
        for name, may in TOKENS.items()
    ]
    entries[-1]["expires"] = "2020-01-01T00:00:00Z"
    entries.append({"name": "shop", "roles": [{"prefix": "a/", "may": "read"}]})
    return json.dumps(entries)


class Papers:
    """Certificates: of this authority and of another."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.others = folder / "certs", folder / "other"
        ours, others = Authority(self.folder), Authority(self.others)
        ours.certify_node("localhost", 30)
        ours.certify_node("elsewhere", 30)
        ours.certify_client("shop", 30)
        ours.certify_client("kvcluster-node", 30)
        ours.certify_client("expired", -1)
        others.certify_node("localhost", 30)

    def credentials(self, name: str | None, *, other: bool = False) -> grpc.ChannelCredentials:
        """For a channel; None: no certificate."""
        where = self.others if other else self.folder
        ca = (self.folder / "ca.pem").read_bytes()
        if name is None:
            return grpc.ssl_channel_credentials(ca)
        pair = [(where / f"{name}.{end}").read_bytes() for end in ("key", "pem")]
        return grpc.ssl_channel_credentials(ca, *pair)

    @property
    def options(self) -> list[str]:
        """What a node is started with."""
        names = {"--tls-cert": "localhost.pem", "--tls-key": "localhost.key", "--tls-ca": "ca.pem"}
        return [word for flag, name in names.items() for word in (flag, str(self.folder / name))]


@dataclass
class Guarded:
    """One node that asks who calls; of its only peer nobody hears."""

    server: Server
    peer: str

    @classmethod
    def started(cls, folder: Path, options: Sequence[str]) -> Guarded:
        """Start it."""
        folder.mkdir(exist_ok=True)
        ports = free_ports(2)
        names = [f"localhost:{port}" for port in ports]
        made = cls(Server(ports[0], ",".join(names), folder, options), names[1])
        made.server.start()
        return made

    def wait_serving(self, channel: grpc.Channel) -> None:
        """Return once it serves."""
        call = channel.unary_unary(
            "/demo.KeyValue/CheckHealth",
            request_serializer=pb.HealthCheckRequest.SerializeToString,
            response_deserializer=pb.HealthCheckResponse.FromString,
        )
        eventually(
            lambda: call(pb.HealthCheckRequest(), timeout=2).status == pb.SERVING, "it serves"
        )

    def plain(self) -> grpc.Channel:
        """A channel without TLS."""
        return grpc.insecure_channel(self.server.name, options_of_nodes(Settings()))

    @cached_property
    def configuration(self) -> pb.Configuration:
        """As a peer tells it."""
        terms = Terms.of(Settings())
        return pb.Configuration(
            members=sorted([self.server.name, self.peer]), replicas=2, slots=SLOTS, **vars(terms)
        )

    def request(self, method: MethodDescriptor, sender: str = "", key: str = "a/1") -> Any:
        """A valid request. `sender`: who a peer says it is, the peer if nothing is said."""
        sender = sender or self.peer
        made = _BODIES[method.name](key)
        if "sender" in made.DESCRIPTOR.fields_by_name and method.name != "CheckHealth":
            members = Members((self.server.name, self.peer), self.peer, 2)
            made.sender, made.clock, made.configuration = sender, clock(), members.digest
        return made

    def beat(self, sender: str = "") -> pb.HealthCheckRequest:
        """A heartbeat of the peer."""
        beat = pb.Heartbeat(
            node=sender or self.peer,
            incarnation=7,
            clock=clock(),
            status=pb.STARTING,
            configuration=self.configuration,
        )
        return pb.HealthCheckRequest(sender=beat)

    def proof(
        self,
        method: MethodDescriptor,
        request: Any,
        *,
        sender: str = "",
        recipient: str = "",
        secret: str = SECRET,
        age_s: float = 0.0,
        nonce: str = "",
    ) -> tuple[tuple[str, str], ...]:
        """The metadata by which the peer shows that it has the secret."""
        then = clock() - (int(age_s * 1000) << 16)
        claim = Claim(
            sender or self.peer, recipient or self.server.name, then, nonce or secrets.token_hex(8)
        )
        message = None if method.name == "Calls" else request.SerializeToString()
        return ((HEADER, Secrets.of(secret).prove(claim, path_of(method), message)),)


_ENTRY: dict[str, Any] = {"key": "a/1", "value": "v"}
_BODIES: dict[str, Any] = {
    "Put": lambda key: pb.PutRequest(key=key, value="v"),
    "Get": lambda key: pb.GetRequest(key=key),
    "Delete": lambda key: pb.DeleteRequest(key=key),
    "Batch": lambda key: pb.BatchRequest(operations=[pb.Operation(put={"key": key})]),
    "PutMany": lambda key: pb.PutManyRequest(block=pb.Block(keys=[key], values=["v"])),
    "Scan": lambda key: pb.ScanRequest(prefix=key),
    "CheckHealth": lambda _: pb.HealthCheckRequest(),
    "Replicate": lambda _: pb.ReplicateRequest(entries=[pb.Entry(**_ENTRY, version=version(-1))]),
    "Status": lambda _: pb.StatusRequest(),
    "Locate": lambda key: pb.LocateRequest(key=key),
    "Calls": lambda _: pb.CallsRequest(),
    "Forward": lambda key: pb.ForwardRequest(get=pb.GetRequest(key=key)),
    "ScanPart": lambda _: pb.ScanPartRequest(slot_bits=bytes(SLOTS // 8)),
    "Pull": lambda _: pb.PullRequest(),
    "ConfirmPull": lambda _: pb.ConfirmPullRequest(),
    "Compare": lambda _: pb.CompareRequest(),
    "PullDifferences": lambda _: pb.PullDifferencesRequest(),
    "Read": lambda key: pb.ReadRequest(keys=[key]),
    "Prepare": lambda _: pb.PrepareRequest(),
    "Hold": lambda _: pb.HoldRequest(entries=[pb.Entry(**_ENTRY, version=version(-1))]),
    "Drop": lambda _: pb.DropRequest(),
    "Check": lambda _: StandardRequest(),
    "Watch": lambda _: StandardRequest(),
    "ServerReflectionInfo": lambda _: ServerReflectionRequest(list_services="*"),
}


def call(
    channel: Any, method: MethodDescriptor, request: Any, metadata: Any = ()
) -> tuple[grpc.StatusCode, str]:
    """Make a call; how it ended. Of a stream that lasts, as soon as there is an answer."""
    path, data = path_of(method), request.SerializeToString()
    try:
        if method.client_streaming:
            answers = channel.stream_stream(path)(iter([data]), metadata=metadata, timeout=5)
        elif method.server_streaming:
            answers = channel.unary_stream(path)(data, metadata=metadata, timeout=5)
        else:
            channel.unary_unary(path)(data, metadata=metadata, timeout=5)
            return grpc.StatusCode.OK, ""
        next(answers, None)
        answers.cancel()
    except grpc.RpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


def bearer(name: str) -> tuple[tuple[str, str], ...]:
    """The metadata with the token of a name."""
    return (("authorization", f"Bearer {token_of(name)}"),)
