"""Each method of each service has a need, and each need lets through what it should and no more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import DESCRIPTOR as HEALTH
from grpc_reflection.v1alpha.reflection_pb2 import DESCRIPTOR as REFLECTION

from kvcluster.cluster.peers.channels import Channels
from kvcluster.config import Settings
from kvcluster.errors import BadRequest, KvError, PermissionDenied, Unauthenticated
from kvcluster.security import needs
from kvcluster.security.callers import Rules, Shown
from kvcluster.security.certificates import Certificate
from kvcluster.security.needs import Need, Petition
from kvcluster.security.roles import Tokens
from kvcluster.server.activity import Activity
from kvcluster.server.budgets import Intake
from kvcluster.server.standard_services import REFLECTIONS
from kvcluster.wire.parsing import Unusable
from server import offer
from tests.edges.in_process import make_node

from demo_pb2 import (
    DESCRIPTOR,
    BatchRequest,
    BatchResponse,
    Block,
    DeleteRequest,
    GetRequest,
    HealthCheckRequest,
    Heartbeat,
    Operation,
    PullRequest,
    PutManyRequest,
    PutManyResponse,
    PutRequest,
    PutResponse,
    Result,
    ScanRequest,
)

WHAT_EACH_NEEDS = {
    "/demo.KeyValue/Put": needs.WRITE,
    "/demo.KeyValue/Get": needs.READ,
    "/demo.KeyValue/Delete": needs.WRITE,
    "/demo.KeyValue/Batch": needs.EACH,
    "/demo.KeyValue/PutMany": needs.COLUMNS,
    "/demo.KeyValue/Scan": needs.PREFIX,
    "/demo.KeyValue/CheckHealth": needs.BEAT,
    "/demo.KeyValue/Replicate": needs.PEER,
    "/demo.KeyValue/Status": needs.SIGHT,
    "/demo.KeyValue/Locate": needs.READ,
    "/demo.KeyValue/Calls": needs.STREAM,
    "/demo.Peer/Forward": needs.PEER,
    "/demo.Peer/ScanPart": needs.PEER,
    "/demo.Peer/Pull": needs.PEER,
    "/demo.Peer/ConfirmPull": needs.PEER,
    "/demo.Peer/Compare": needs.PEER,
    "/demo.Peer/PullDifferences": needs.PEER,
    "/demo.Peer/Hold": needs.PEER,
    "/demo.Peer/Drop": needs.PEER,
    "/demo.Peer/Read": needs.PEER,
    "/demo.Peer/Prepare": needs.PEER,
    "/grpc.health.v1.Health/Check": needs.FREE,
    "/grpc.health.v1.Health/Watch": needs.FREE,
    **{f"/{name}/ServerReflectionInfo": needs.SIGHT for name in REFLECTIONS},
}
"""A method that is new stands here, or the test below fails."""

TOKENS = Tokens.of(
    f"""[
    {{"name": "billing", "sha256": "{"1" * 64}", "expires": "1970-01-01T00:10:00Z",
      "roles": [{{"prefix": "bill/", "may": "write"}}, {{"prefix": "cfg/", "may": "read"}}]}},
    {{"name": "nobody", "sha256": "{"2" * 64}", "roles": []}},
    {{"name": "root", "sha256": "{"3" * 64}", "roles": [{{"prefix": "", "may": "admin"}}]}},
    {{"name": "shop", "roles": [{{"prefix": "shop/", "may": "write"}}]}}
    ]"""
)
FAR = "10.0.0.9:1234"
BILLING, NOBODY, ROOT = (Shown(FAR, token=digit * 64) for digit in "123")
STRANGER = Shown(FAR)
SHOP = Shown(FAR, certificate=Certificate.of("CN=shop", ["shop"]))
NODE = Shown(FAR, certificate=Certificate.of("CN=n,OU=kvcluster-node", ["h", "10.0.0.1"]))
OPEN = Rules()
CLOSED = Rules(TOKENS, certificates=True)


def admitted(
    need: Need, shown: Shown, request: Any, rules: Rules = CLOSED, now_s: float = 0.0
) -> Any:
    """What is let through."""
    return need.admit(Petition(rules, shown, request, "Method", now_s))


def test_each_method_of_each_service_has_its_need(tmp_path: Path) -> None:
    """One that was forgotten would be open to everybody, and nobody would see it."""

    async def registered() -> dict[str, Need]:
        node = make_node(tmp_path, Settings())
        await node.start(Channels((), node.settings))
        intake = Intake.of(node.settings)
        offer(grpc.aio.server(), node, Activity("n", node.settings), intake)
        await node.stop()
        return intake.needs

    described = {
        f"/{service.full_name}/{method.name}"
        for file in (DESCRIPTOR, HEALTH, REFLECTION)
        for service in file.services_by_name.values()
        for method in service.methods
    } - {"/grpc.health.v1.Health/List"}  # which nobody here has written: UNIMPLEMENTED
    described |= {path.replace("v1alpha", "v1") for path in described if "v1alpha" in path}
    found = asyncio.run(registered())
    assert found.keys() == described == WHAT_EACH_NEEDS.keys()
    for path, need in WHAT_EACH_NEEDS.items():
        assert found[path] is need, path


OF_A_KEY = [
    (BILLING, "bill/1", {needs.READ, needs.WRITE}),
    (BILLING, "cfg/1", {needs.READ}),
    (BILLING, "bill", set()),
    (NOBODY, "bill/1", set()),
    (ROOT, "anything", {needs.READ, needs.WRITE}),
    (SHOP, "shop/1", {needs.READ, needs.WRITE}),
    (SHOP, "bill/1", set()),
]


@pytest.mark.parametrize("need", [needs.READ, needs.WRITE], ids=["read", "write"])
@pytest.mark.parametrize(("shown", "key", "may"), OF_A_KEY)
def test_a_key_is_for_who_has_a_role_for_it(
    shown: Shown, key: str, may: set[Need], need: Need
) -> None:
    """Whoever may not hears his name and the key; with nothing configured everybody may."""
    if need in may:
        assert admitted(need, shown, GetRequest(key=key)).request.key == key
    else:
        with pytest.raises(PermissionDenied, match=f"may not .* the key '{key}'"):
            admitted(need, shown, GetRequest(key=key))
    admitted(need, shown, GetRequest(key=key), OPEN)


@pytest.mark.parametrize(
    "shown", [STRANGER, NODE, Shown(FAR, token="9" * 64), Shown(FAR, "9" * 64, NODE.certificate)]
)
@pytest.mark.parametrize(
    "need", [needs.READ, needs.WRITE, needs.EACH, needs.COLUMNS, needs.PREFIX, needs.SIGHT]
)
def test_who_has_shown_no_name_hears_so(need: Need, shown: Shown) -> None:
    """Whatever he asks, and also if it cannot be parsed; a node is no client by being one."""
    for request in (GetRequest(), Unusable(BadRequest("the request is malformed"))):
        with pytest.raises(Unauthenticated):
            admitted(need, shown, request)


def test_a_token_ends_at_its_time() -> None:
    """To the second, on a stream that stays open as well."""
    admitted(needs.READ, BILLING, GetRequest(key="bill/1"), now_s=599)
    with pytest.raises(Unauthenticated, match="the token of billing has expired"):
        admitted(needs.READ, BILLING, GetRequest(key="bill/1"), now_s=600)


def test_a_scan_needs_the_whole_prefix() -> None:
    """Not only its first key: the rest would come along."""
    assert admitted(needs.PREFIX, BILLING, ScanRequest(prefix="bill/2026/"))
    for prefix in ("", "b", "bill", "shop/"):
        with pytest.raises(PermissionDenied, match=f"billing may not read under '{prefix}'"):
            admitted(needs.PREFIX, BILLING, ScanRequest(prefix=prefix))


def test_a_batch_is_carried_out_as_far_as_it_may_be() -> None:
    """Each operation for itself, and the results stand where they belong."""
    put, get = PutRequest(key="cfg/1"), GetRequest(key="cfg/2")
    batch = BatchRequest(
        operations=[
            Operation(put=put),
            Operation(get=get),
            Operation(delete=DeleteRequest(key="bill/1")),
            Operation(get=GetRequest(key="x")),
        ]
    )
    allowed = admitted(needs.EACH, BILLING, batch)
    assert list(allowed.request.operations) == list(batch.operations)[1:3]
    answer = BatchResponse(results=[Result(get={"value": "v"}), Result(delete={"found": True})])
    results = allowed.complete(answer).results
    kinds = [it.WhichOneof("result") for it in results]
    assert kinds == ["failure", "get", "delete", "failure"]
    assert results[0].failure.code == grpc.StatusCode.PERMISSION_DENIED.value[0]
    assert results[0].failure.reason == "PERMISSION_DENIED"
    assert results[0].failure.message.startswith("billing may not write the key 'cfg/1'")
    assert results[0].failure.nothing_written
    assert admitted(needs.EACH, ROOT, batch).request is batch
    assert admitted(needs.EACH, BILLING, batch, OPEN).request is batch


def test_puts_in_columns_keep_their_versions_when_some_are_taken_out() -> None:
    """Versions follow each other by place, so with a gap each is told by itself."""
    block = Block(keys=["bill/1", "x", "bill/2", "bill/3"], values=list("abcd"))
    allowed = admitted(needs.COLUMNS, BILLING, PutManyRequest(block=block))
    assert list(allowed.request.block.keys) == ["bill/1", "bill/2", "bill/3"]
    assert list(allowed.request.block.values) == ["a", "c", "d"]
    first = bytes(7) + b"\x09" + b"same"
    own = PutResponse(version=b"own", acknowledged=1)
    answer = PutManyResponse(first_version=first, replicas=3, acknowledged=2, served_by="n")
    answer.exceptions.add(place=2, result=Result(put=own))
    whole = allowed.complete(answer)
    assert [it.place for it in whole.exceptions] == [0, 1, 2, 3]
    results = [it.result for it in whole.exceptions]
    assert results[0].put == PutResponse(version=first, replicas=3, acknowledged=2, served_by="n")
    assert results[1].failure.nothing_written
    assert results[2].put.version == bytes(7) + b"\x0asame"
    assert results[3].put == own


def test_to_look_at_a_node_is_for_who_reads_something_or_is_on_its_machine() -> None:
    """A look tells the names of all nodes, and how they are."""
    for shown in (BILLING, ROOT, SHOP, Shown("127.0.0.1:5"), Shown("[::1]:5"), Shown("unix:/x")):
        admitted(needs.SIGHT, shown, None)
    with pytest.raises(PermissionDenied):
        admitted(needs.SIGHT, NOBODY, None)
    with pytest.raises(Unauthenticated):
        admitted(needs.SIGHT, Shown("127.0.0.1.example.org:5"), None)


OF_A_PEER = {
    "nothing": (STRANGER, Unauthenticated, "no certificate"),
    "a token": (ROOT, Unauthenticated, "no certificate"),
    "that of a client": (SHOP, PermissionDenied, "the certificate of 'shop' has no organisational"),
    "a node's, of another host": (
        Shown(FAR, certificate=Certificate.of("OU=kvcluster-node", ["g", "h.example.org"])),
        PermissionDenied,
        "names g, h.example.org, and not the host of 'h:1'",
    ),
    "a wildcard": (
        Shown(FAR, certificate=Certificate.of("OU=kvcluster-node", ["*"])),
        PermissionDenied,
        "not the host",
    ),
    "a common name that looks like a node's": (
        Shown(FAR, certificate=Certificate.of(r"CN=h\,OU=kvcluster-node", ["h"])),
        PermissionDenied,
        "no organisational unit",
    ),
}


@pytest.mark.parametrize("kind", OF_A_PEER)
def test_what_peers_ask_is_for_the_node_that_it_names(kind: str) -> None:
    """Every forged sender is refused for what it is; on an open cluster the same goes through."""
    shown, error, words = OF_A_PEER[kind]
    requests: dict[Need, Any] = {
        needs.PEER: PullRequest(sender="h:1"),
        needs.BEAT: HealthCheckRequest(sender=Heartbeat(node="h:1")),
    }
    for need, request in requests.items():
        with pytest.raises(error, match=words.replace(".", r"\.")):
            admitted(need, shown, request)
        admitted(need, shown, request, OPEN)
        admitted(need, NODE, request)
    admitted(needs.PEER, NODE, PullRequest(sender="10.0.0.1:7"))


def test_a_question_about_health_is_free() -> None:
    """Whoever balances has no token."""
    admitted(needs.BEAT, STRANGER, HealthCheckRequest())
    admitted(needs.FREE, STRANGER, None)


def test_a_stream_is_for_who_is_somebody() -> None:
    """Others would keep one open, and be refused at each call."""
    for shown in (BILLING, SHOP, NODE, Shown(FAR, sender="h:1")):
        admitted(needs.STREAM, shown, None)
    trouble = Shown(FAR, trouble=Unauthenticated("the proof cannot be read"))
    for shown in (STRANGER, trouble):
        with pytest.raises(KvError):
            admitted(needs.STREAM, shown, None)
    admitted(needs.STREAM, STRANGER, None, OPEN)
