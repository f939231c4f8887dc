"""Each method times each right, at real nodes: with certificates, with a secret, and with neither.

What is refused on a closed node goes through on an open one, or the refusal would prove nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from kvcluster.errors import CERTAIN
from tests.edges.rights import (
    METHODS,
    SECRET,
    Guarded,
    Papers,
    bearer,
    call,
    tokens_file,
)
from tests.edges.test_any_call import WRITES
from tests.processes.harness import eventually

import demo_pb2 as pb
from demo_pb2_grpc import KeyValueStub

Code = grpc.StatusCode
CLOSED = {Code.UNAUTHENTICATED, Code.PERMISSION_DENIED}
PEERS_ONLY = {
    "Replicate",
    "Forward",
    "ScanPart",
    "Pull",
    "ConfirmPull",
    "Compare",
    "PullDifferences",
    "Read",
    "Prepare",
    "Hold",
    "Drop",
}
FREE = {"CheckHealth", "Check", "Watch"}
LOCAL = {"Status", "ServerReflectionInfo"}
"""To who calls from this machine they are open, as these tests do."""
READS = {"Get", "Locate", "Scan"}
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda it: it.name)
BEAT = next(it for it in METHODS if it.name == "CheckHealth")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Certificates of every kind."""
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def open_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A node with nothing configured."""
    made = Guarded.started(tmp_path_factory.mktemp("open"), [])
    made.wait_serving(made.plain())
    yield made
    made.server.clean_up()


@pytest.fixture(scope="module")
def with_tls(tmp_path_factory: pytest.TempPathFactory, papers: Papers) -> Iterator[Guarded]:
    """A node that asks for certificates, and clients for names."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "tokens.json").write_text(tokens_file())
    options = [*papers.options, "--tokens", str(folder / "tokens.json")]
    options += ["--audit", str(folder / "audit.jsonl")]
    made = Guarded.started(folder, options)
    made.wait_serving(grpc.secure_channel(made.server.name, papers.credentials("localhost")))
    yield made
    made.server.clean_up()


@pytest.fixture(scope="module")
def with_secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A node that asks peers for the secret, and clients for tokens."""
    folder = tmp_path_factory.mktemp("secret")
    (folder / "tokens.json").write_text(tokens_file())
    (folder / "secret").write_text(SECRET)
    options = ["--cluster-secret-file", str(folder / "secret")]
    made = Guarded.started(folder, [*options, "--tokens", str(folder / "tokens.json")])
    made.wait_serving(made.plain())
    yield made
    made.server.clean_up()


def may(name: str, right: str) -> bool:
    """Whether who has a right may call a method about the key "a/1"."""
    if name in FREE | LOCAL:
        return True
    if name in PEERS_ONLY:
        return right == "node"
    if right in ("reader", "shop"):
        return name in READS | {"Calls"}
    if right == "writer":
        return True
    return name == "Calls" and right in ("node", "other")  # the stream; each call is looked at


RIGHTS_BY_CERTIFICATE = {
    "node": ("localhost", ()),
    "shop": ("shop", ()),
    "reader": ("kvcluster-node", bearer("reader")),
    "writer": ("kvcluster-node", bearer("writer")),
    "other": ("kvcluster-node", bearer("other")),
    "a name without roles": ("kvcluster-node", ()),
    "an expired token": ("shop", bearer("old")),
    "an unknown token": ("shop", (("authorization", "Bearer guess"),)),
    "another scheme": ("shop", (("authorization", "Basic eDp5"),)),
}


def check(name: str, right: str, ended: tuple[Code, str], request: Any) -> None:
    """It went through if it may, and was refused in good form if not."""
    code, details = ended
    if may(name, right):
        assert code is Code.OK, details
        return
    if name in {"Batch", "PutMany"} and right in {"reader", "shop", "other"}:
        assert code is Code.OK, "each operation fails for itself"
        return
    assert code in CLOSED, f"{code}: {details}"
    assert details
    assert details.endswith(CERTAIN) == (name in WRITES)


@each_method
@pytest.mark.parametrize("right", RIGHTS_BY_CERTIFICATE)
def test_each_right_opens_its_methods_with_certificates(
    with_tls: Guarded, papers: Papers, right: str, method: MethodDescriptor
) -> None:
    """And no other, from the descriptors: a method that is new is tried with all of them."""
    certificate, metadata = RIGHTS_BY_CERTIFICATE[right]
    with grpc.secure_channel(with_tls.server.name, papers.credentials(certificate)) as channel:
        request = with_tls.request(method)
        check(method.name, right, call(channel, method, request, metadata), request)


@each_method
@pytest.mark.parametrize("right", ["node", "nothing", "reader", "writer", "other", "forged"])
def test_each_right_opens_its_methods_with_a_secret(
    with_secret: Guarded, right: str, method: MethodDescriptor
) -> None:
    """The same on a node without TLS."""
    request = with_secret.request(method)
    metadata: Any = bearer(right) if right in ("reader", "writer", "other") else ()
    if right == "node":
        metadata = with_secret.proof(method, request)
    elif right == "forged":
        metadata = with_secret.proof(method, request, secret="what a stranger thinks it is")
    with with_secret.plain() as channel:
        check(method.name, right, call(channel, method, request, metadata), request)


@each_method
def test_on_an_open_node_everybody_may_everything(
    open_node: Guarded, method: MethodDescriptor
) -> None:
    """The very requests that closed nodes refuse: it is not for anything else that they do."""
    with open_node.plain() as channel:
        assert call(channel, method, open_node.request(method)) == (Code.OK, "")
        assert call(channel, BEAT, open_node.beat()) == (Code.OK, "")


@each_method
@pytest.mark.parametrize("caller", ["no certificate", "expired", "another authority", "plain"])
def test_who_is_not_believed_gets_no_connection(
    with_tls: Guarded, papers: Papers, caller: str, method: MethodDescriptor
) -> None:
    """Whatever he asks."""
    credentials = {
        "no certificate": lambda: papers.credentials(None),
        "expired": lambda: papers.credentials("expired"),
        "another authority": lambda: papers.credentials("localhost", other=True),
    }.get(caller)
    name = with_tls.server.name
    channel = grpc.secure_channel(name, credentials()) if credentials else with_tls.plain()
    with channel:
        code, _ = call(channel, method, with_tls.request(method), bearer("writer"))
    assert code is Code.UNAVAILABLE


PEER_METHODS = [it for it in METHODS if it.name in PEERS_ONLY]
each_peer_method = pytest.mark.parametrize("method", PEER_METHODS, ids=lambda it: it.name)


@each_peer_method
@pytest.mark.parametrize("certificate", ["shop", "kvcluster-node", "elsewhere"])
def test_a_sender_is_forged_with_the_certificate_of_another(
    with_tls: Guarded, papers: Papers, certificate: str, method: MethodDescriptor
) -> None:
    """A client's, one whose name looks like a node's, and a node's on another host: with a valid
    request, a heartbeat, and bytes that are no message, all with the same words.
    """
    with grpc.secure_channel(with_tls.server.name, papers.credentials(certificate)) as channel:
        for asked, request in ((method, with_tls.request(method)), (BEAT, with_tls.beat())):
            code, details = call(channel, asked, request)
            assert code is Code.PERMISSION_DENIED
            assert "clock" not in details
            assert "configuration" not in details
        if certificate != "elsewhere":  # which is a node: it hears what is wrong with its bytes
            assert call(channel, method, Rubbish())[0] is Code.PERMISSION_DENIED


class Rubbish:
    """No message."""

    def SerializeToString(self) -> bytes:
        """Its bytes."""
        return b"\xff" * 40


Forge = Callable[[Guarded, MethodDescriptor, Any], Any]
FORGERIES: dict[str, Forge] = {
    "no proof": lambda node, method, request: (),
    "another secret": lambda node, method, request: node.proof(
        method, request, secret="guessed, as long as it is"
    ),
    "of another message": lambda node, method, request: node.proof(method, pb.PutRequest(key="x")),
    "of another method": lambda node, method, request: node.proof(BEAT, request),
    "for another node": lambda node, method, request: node.proof(
        method, request, recipient=node.peer
    ),
    "of another sender": lambda node, method, request: node.proof(
        method, request, sender="localhost:1"
    ),
    "of an hour ago": lambda node, method, request: node.proof(method, request, age_s=3600),
    "rubbish": lambda node, method, request: (("kvcluster-proof", "1 a b c d e"),),
    "a token": lambda node, method, request: bearer("writer"),
}


@each_peer_method
@pytest.mark.parametrize("kind", FORGERIES)
def test_a_sender_is_forged_without_the_secret(
    with_secret: Guarded, kind: str, method: MethodDescriptor
) -> None:
    """In every way that there is; the true proof of the same request goes through, once."""
    request = with_secret.request(method)
    with with_secret.plain() as channel:
        code, details = call(
            channel, method, request, FORGERIES[kind](with_secret, method, request)
        )
        assert code in CLOSED, details
        assert SECRET not in details
        true = with_secret.proof(method, request)
        assert call(channel, method, request, true) == (Code.OK, "")
        assert call(channel, method, request, true)[0] is Code.PERMISSION_DENIED


def test_a_heartbeat_is_forged_without_the_secret(with_secret: Guarded) -> None:
    """A goodbye that nobody said would have writes acknowledged by one node."""
    request = with_secret.beat()
    with with_secret.plain() as channel:
        for kind in FORGERIES.keys() - {"of another method", "of an hour ago"}:
            metadata = FORGERIES[kind](with_secret, BEAT, request)
            assert call(channel, BEAT, request, metadata)[0] in CLOSED, kind
        assert call(channel, BEAT, request, with_secret.proof(BEAT, request))[0] is Code.OK


@each_peer_method
def test_a_stream_carries_no_more_than_its_opening_proved(
    with_secret: Guarded, method: MethodDescriptor
) -> None:
    """Whoever opens one as a client, or as a peer, is that at each call on it."""
    calls = next(it for it in METHODS if it.name == "Calls")
    own = _frame(method, with_secret.request(method))
    forged = _frame(method, with_secret.request(method, sender="localhost:1"))
    with with_secret.plain() as channel:
        assert _first_answer(channel, own, bearer("writer")) == "UNAUTHENTICATED"
        proof = with_secret.proof(calls, own)
        assert _first_answer(channel, forged, proof) == "PERMISSION_DENIED"
        proof = with_secret.proof(calls, own)
        assert _first_answer(channel, own, proof) == ""


@pytest.mark.parametrize("name", ["Get", "Put", "Batch", "Locate"])
def test_each_call_on_a_stream_is_looked_at(with_secret: Guarded, name: str) -> None:
    """Also one that is answered at once, without a task of its own."""
    method = next(it for it in METHODS if it.name == name)
    own = _frame(method, with_secret.request(method))
    with with_secret.plain() as channel:
        assert _first_answer(channel, own, bearer("writer")) == ""
        denied = {"Batch": ""}.get(name, "PERMISSION_DENIED")  # there each operation fails
        assert _first_answer(channel, own, bearer("other")) == denied


def _frame(method: MethodDescriptor, request: Any) -> pb.CallsRequest:
    data = request.SerializeToString()
    return pb.CallsRequest(
        calls=[pb.Call(id=1, method=method.name, request=data, timeout_ms=2**32 - 1)]
    )


def _first_answer(channel: Any, frame: pb.CallsRequest, metadata: Any) -> str:
    """The reason why a call on a stream failed; empty: it did not."""
    opened = channel.stream_stream(
        "/demo.KeyValue/Calls",
        request_serializer=pb.CallsRequest.SerializeToString,
        response_deserializer=pb.CallsResponse.FromString,
    )(iter([frame]), metadata=metadata, timeout=5)
    answers = (answer for message in opened for answer in message.answers)
    answer = next(answers)
    opened.cancel()
    return str(answer.failure.reason)


def test_a_batch_is_refused_operation_by_operation(with_secret: Guarded) -> None:
    """And nothing of what was refused is there afterwards."""
    kinds = [("put", "a/batch"), ("put", "b/batch"), ("get", "b/batch"), ("delete", "c")]
    request = pb.BatchRequest(
        operations=[pb.Operation(**{kind: {"key": key}}) for kind, key in kinds]
    )
    with with_secret.plain() as channel:
        stub: Any = KeyValueStub(channel)
        answer = stub.Batch(request, metadata=bearer("writer"), timeout=5)
        assert [it.failure.reason for it in answer.results] == ["", *["PERMISSION_DENIED"] * 3]
        nothing = pb.BatchRequest(operations=request.operations[1:])
        answer = stub.Batch(nothing, metadata=bearer("writer"), timeout=5)
        assert [it.failure.reason for it in answer.results] == ["PERMISSION_DENIED"] * 3
        block = pb.Block(keys=["a/1", "b/1", "a/2"], values=["1", "2", "3"])
        many = stub.PutMany(pb.PutManyRequest(block=block), metadata=bearer("writer"), timeout=5)
        told = [it.result.WhichOneof("result") for it in many.exceptions]
        assert told == ["put", "failure", "put"]
        version = stub.Get(pb.GetRequest(key="a/2"), metadata=bearer("reader"), timeout=5).version
        assert many.exceptions[2].result.put.version == version
        block = pb.Block(keys=["b/1"], values=["2"])
        many = stub.PutMany(pb.PutManyRequest(block=block), metadata=bearer("writer"), timeout=5)
        assert [it.result.failure.reason for it in many.exceptions] == ["PERMISSION_DENIED"]


def test_the_audit_has_a_line_for_each_write_and_each_refusal(
    with_tls: Guarded, papers: Papers
) -> None:
    """With who it was; and no value, no token."""
    path = with_tls.server.data_dir / "audit.jsonl"
    put = next(it for it in METHODS if it.name == "Put")
    with grpc.secure_channel(with_tls.server.name, papers.credentials("shop")) as channel:
        request = pb.PutRequest(key="a/audited", value="a value that is nobody's business")
        assert call(channel, put, request, bearer("writer"))[0] is Code.OK
        assert call(channel, put, request)[0] is Code.PERMISSION_DENIED

    def lines() -> list[dict[str, str]]:
        found = [json.loads(line) for line in path.read_text().splitlines()]
        return [it for it in found if it.get("key") == "a/audited"]

    written, refused = eventually(lambda: lines() if len(lines()) == 2 else [], "two lines")
    assert (written["name"], written["method"], written["outcome"]) == ("writer", "Put", "OK")
    assert len(written["version"]) == 24
    assert (refused["name"], refused["outcome"]) == ("shop", "PERMISSION_DENIED")
    text = path.read_text()
    assert "nobody's business" not in text
    assert "token-of" not in text
    assert path.stat().st_mode & 0o777 == 0o600
