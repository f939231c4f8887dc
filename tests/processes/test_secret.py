"""A cluster with a secret and no TLS: what a lost or wrong one looks like, how it is swapped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.edges.rights import SECRET
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually, run_script

from demo_pb2 import (
    SERVING,
    CallAnswer,
    CallsRequest,
    CallsResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    ReplicateRequest,
    ReplicateResponse,
)

pytestmark = pytest.mark.processes

WRONG = "not what the others know"


class Secretive:
    """Three nodes; each has a file with the secret of its own."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder)
        self.files = {}
        for server in self.cluster:
            self.files[server] = folder / f"secret_{server.port}"
            self.files[server].write_text(SECRET)

    def start(self, server: Server) -> None:
        """Start one."""
        server.start("--cluster-secret-file", str(self.files[server]))


@pytest.fixture
def secretive(tmp_path: Path) -> Iterator[Secretive]:
    """They run, and count on each other."""
    made = Secretive(tmp_path)
    try:
        for server in made.cluster:
            made.start(server)
        made.cluster.wait_whole()
        yield made
    finally:
        made.cluster.clean_up()


def status(cluster: Cluster) -> dict[str, Any]:
    """What a person is told."""
    done = run_script("client.py", "status", "-o", "json", "--cluster", cluster.members)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_another_secret_reads_otherwise_than_a_dead_peer(secretive: Secretive) -> None:
    """In the log, and in what status says; the node does not serve alone, and joins at once when
    its file is mended, without a restart.
    """
    cluster = secretive.cluster
    odd = cluster[2]
    odd.interrupt()
    eventually(lambda: "is dead" in cluster[0].log(), "it is missed")
    dead = " ".join(status(cluster)["disagreements"])
    assert "refuse" not in dead
    secretive.files[odd].write_text(WRONG)
    since = len(cluster[0].log())
    secretive.start(odd)
    words = "and this node refuse each other: the proof that came as"
    eventually(lambda: words in cluster[0].log(since), "they say that it is the secret")
    eventually(lambda: f"{cluster[0].name} {words}" in odd.log(), "and so does the odd one")
    assert "not made for this call with the secret of this cluster" in odd.log()
    assert SECRET not in odd.log()
    assert WRONG not in cluster[0].log()

    def told() -> str:
        return " ".join(status(cluster)["disagreements"])

    eventually(lambda: "the secret of this cluster" in told(), "status says so")
    assert odd.health().status != cluster[0].health().status
    assert "another secret or certificate" in odd.health().reason
    assert cluster[0].put("k", "v").acknowledged == 2
    secretive.files[odd].write_text(SECRET)
    cluster.wait_whole()
    assert odd.get("k").value == "v"


def test_a_node_without_the_secret_is_told_what_it_lacks(secretive: Secretive) -> None:
    """And one that asks for none is refused by those who have it."""
    cluster = secretive.cluster
    odd = cluster[2]
    odd.interrupt()
    odd.start()
    words = "no proof that it has the secret of this cluster came with the call"
    eventually(lambda: words in odd.log(), "it is told")
    odd.interrupt()
    secretive.start(odd)
    cluster.wait_whole()


def test_the_secret_is_swapped_while_all_run(secretive: Secretive) -> None:
    """Add the new one below, put it first, remove the old one: nobody refuses anybody."""
    cluster, new = secretive.cluster, "the next one, as long as it"
    since = [len(server.log()) for server in cluster]
    for text in (f"{SECRET}\n{new}", f"{new}\n{SECRET}", new):
        for server in cluster:
            secretive.files[server].write_text(text)
            assert cluster[0].put("k", text).acknowledged == 3
        for server, start in zip(cluster, since, strict=True):
            _wait_for(server, f"{secretive.files[server]}: read again", start)
            assert cluster[0].put("k", text).acknowledged == 3
        since = [len(server.log()) for server in cluster]
    cluster.wait_whole()
    for server in cluster:
        assert "refuse each other" not in server.log()
        assert "is dead" not in server.log()


def test_nobody_answers_in_the_place_of_a_node_that_is_down(secretive: Secretive) -> None:
    """Who listens at its address says that he has stored what he is sent, and is not believed."""
    cluster = secretive.cluster
    gone = cluster[2]
    gone.interrupt()
    eventually(lambda: "is dead" in cluster[0].log(), "it is missed")
    impostor = grpc.server(ThreadPoolExecutor(4))
    asked: list[str] = []
    impostor.add_generic_rpc_handlers((_Impostor(gone.name, asked),))
    impostor.add_insecure_port(gone.name)
    impostor.start()
    try:
        why = f"whoever answers at {gone.name} has not shown that it has the secret"
        eventually(lambda: why in " ".join(status(cluster)["disagreements"]), "he is found out")
        for number in range(20):
            assert cluster[0].put(f"k{number}", "v").acknowledged == 2
        assert "CheckHealth" in asked
    finally:
        impostor.stop(None).wait()
    secretive.start(gone)
    cluster.wait_whole()
    assert gone.get("k7").value == "v"


class _Impostor(grpc.GenericRpcHandler):
    """Says yes to whatever it is asked, in the words of the protocol."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self._name, self._asked = name, asked

    def service(self, details: Any) -> Any:
        """See GenericRpcHandler."""
        method = details.method.rpartition("/")[2]
        self._asked.append(method)
        if method == "Calls":
            return grpc.stream_stream_rpc_method_handler(self._calls)
        return grpc.unary_unary_rpc_method_handler(
            self._beat if method == "CheckHealth" else self._store
        )

    def _beat(self, request: bytes, context: Any) -> bytes:
        """Whatever a node says of itself, he says of himself."""
        beat = HealthCheckRequest.FromString(request).sender
        beat.node = self._name
        health = HealthCheckResponse(status=SERVING, node=self._name, responder=beat)
        return health.SerializeToString()

    @staticmethod
    def _store(request: bytes, context: Any) -> bytes:
        return ReplicateResponse(
            clock=ReplicateRequest.FromString(request).clock
        ).SerializeToString()

    def _calls(self, frames: Any, context: Any) -> Any:
        yield CallsResponse().SerializeToString()
        for frame in frames:
            for call in CallsRequest.FromString(frame).calls:
                answer = CallAnswer(id=call.id, response=self._store(call.request, context))
                yield CallsResponse(answers=[answer]).SerializeToString()


def _wait_for(server: Server, words: str, since: int) -> None:
    eventually(lambda: words in server.log(since), f"{server.name} says {words!r}")


def test_a_secret_that_is_lost_stays_in_force(secretive: Secretive) -> None:
    """Until the node starts anew: then it says why it does not."""
    cluster = secretive.cluster
    path = secretive.files[cluster[0]]
    path.unlink()
    eventually(lambda: "what was read before stays in force" in cluster[0].log(), "it is told")
    assert cluster[0].put("k", "v").acknowledged == 3
    cluster[0].interrupt()
    secretive.start(cluster[0])
    assert cluster[0].wait() == 2
    assert f"--cluster-secret-file {path} cannot be read" in cluster[0].log()
