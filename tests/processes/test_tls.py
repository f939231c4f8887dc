"""TLS at real servers and for the library: rotation under load, errors that say what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster import AsyncClient, BadRequest, Client, PermissionDenied, Tls, Unauthenticated
from kvcluster.commands.authority import Authority
from kvcluster.errors import Unavailable
from tests.edges.rights import SECRET, Papers, token_of, tokens_file
from tests.processes.cluster import Cluster
from tests.processes.harness import ROOT, eventually

pytestmark = pytest.mark.processes


class Secured:
    """Three nodes with TLS and tokens, and what a client needs to speak to them."""

    def __init__(self, folder: Path) -> None:
        self.papers = Papers(folder)
        self.tokens = folder / "tokens.json"
        self.tokens.write_text(tokens_file())
        (folder / "token").write_text(f"{token_of('writer')}\n")
        self.token_file = folder / "token"
        options = [*self.papers.options, "--tokens", str(self.tokens)]
        self.cluster = Cluster(folder, options=options)
        self.nodes = self.cluster.members

    def tls(self, name: str | None = "shop", *, folder: Path | None = None) -> Tls:
        """For a client with this certificate."""
        where = folder or self.papers.folder
        ca = self.papers.folder / "ca.pem"
        return Tls(ca, where / f"{name}.pem", where / f"{name}.key") if name else Tls(ca)

    def client(self, **more: Any) -> Client:
        """One that may write below "a/"."""
        nodes = more.pop("nodes", self.nodes)
        return Client(nodes, **{"tls": self.tls(), "token": token_of("writer"), **more})

    def start(self) -> None:
        """Start, and return once every node serves and counts on the others."""
        for server in self.cluster:
            server.start()
        self.wait_whole()

    def wait_whole(self) -> None:
        """Return once every node serves and all count on all."""

        def whole() -> bool:
            with self.client(timeout_s=2) as client:
                told = client.status()
                stored = client.put("a/whole", "yes")
            return all(it.serving for it in told) and stored.acknowledged == 3

        eventually(whole, "all serve")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Three nodes."""
    made = Secured(tmp_path_factory.mktemp("secured"))
    try:
        made.start()
        yield made
    finally:
        made.cluster.clean_up()


def test_the_library_speaks_tls_and_shows_its_token(running: Secured) -> None:
    """In both faces, over streams, in batches, in scans."""
    with running.client() as client:
        assert client.put("a/1", "one").acknowledged == 3
        assert client.put_many({f"a/many/{n}": str(n) for n in range(500)}) == 500
        assert dict(client.scan("a/many/")) == {f"a/many/{n}": str(n) for n in range(500)}
        assert client.delete("a/1").found
        assert client.locate("a/1").replicas


async def test_the_library_does_so_on_asyncio(running: Secured) -> None:
    """The same."""
    tls = running.tls()
    async with AsyncClient(running.nodes, tls=tls, token=token_of("writer")) as client:
        await client.put("a/2", "two")
        assert await client.get("a/2") == "two"


def test_what_may_not_be_is_an_error_of_its_own(running: Secured) -> None:
    """For a key alone, among many, and for a scan; no other node is asked."""
    with running.client() as client:
        with pytest.raises(PermissionDenied, match=r"writer may not write the key 'b/1'; nothing"):
            client.put("b/1", "x")
        with pytest.raises(PermissionDenied, match="writer may not read under ''"):
            list(client.scan())
        with pytest.raises(Exception, match="1 of 2 puts failed"):
            client.put_many({"a/3": "x", "b/3": "x"})
        assert client.get("a/3") == "x"
    with running.client(token="guessed") as client, pytest.raises(Unauthenticated):
        client.get("a/1")
    with running.client(token=None) as client:
        assert client.get("a/3") == "x", "the name of its certificate may read"
        with pytest.raises(PermissionDenied, match="shop may not write"):
            client.put("a/3", "y")


def reason(running: Secured, tls: Tls | None, nodes: str = "") -> str:
    """Why a client that speaks so is of no use."""
    nodes = nodes or running.cluster[0].name
    with Client(nodes, tls=tls, timeout_s=3) as client, pytest.raises(Unavailable) as caught:
        client.get("a/1")
    return next(iter(caught.value.reasons.values()))


def test_each_thing_that_can_be_wrong_with_tls_is_named(running: Secured, tmp_path: Path) -> None:
    """To gRPC it is a socket that closed, each time."""
    papers = running.papers
    assert "speaks TLS, and was called without" in reason(running, None)
    assert "asks for a certificate, and none was shown" in reason(running, running.tls(None))
    other = Tls(papers.others / "ca.pem", papers.folder / "shop.pem", papers.folder / "shop.key")
    assert "an authority that is not in" in reason(running, other)
    named = running.cluster[0].name.replace("localhost", "127.0.0.1")
    Authority(papers.folder).certify_node("elsewhere", 30)
    assert "does not take the certificate" in reason(running, running.tls("expired"))
    stranger = running.tls("localhost", folder=papers.others)
    assert "does not take the certificate" in reason(running, stranger)
    assert named  # the certificate names this address as well, so it may be called by it
    with running.client(nodes=named) as client:
        client.get("a/1")


def test_a_wrong_name_and_a_plain_node_are_named(running: Secured, tmp_path: Path) -> None:
    """The former might be somebody in between, the latter a node that was started without."""
    shutil.copytree(running.papers.folder, tmp_path / "certs")
    names = {"--tls-cert": "elsewhere.pem", "--tls-key": "elsewhere.key", "--tls-ca": "ca.pem"}
    options = [
        word for flag, name in names.items() for word in (flag, str(tmp_path / "certs" / name))
    ]
    client = [word.replace("elsewhere", "shop") for word in options]
    cases = {
        "does not name localhost": options,
        "speaks no TLS": [],
        "its certificate is not good: unsuitable certificate purpose": client,
    }
    for wanted, given in cases.items():
        lone = Cluster(tmp_path, count=1, options=given, replicas=1)
        try:
            lone[0].start()
            _wait_for(lone, "listens on")
            assert wanted in reason(running, running.tls(), lone.members)
        finally:
            lone.clean_up()


def _wait_for(cluster: Cluster, words: str) -> None:
    eventually(lambda: words in cluster[0].log(), f"the log has {words!r}")


def test_certificates_change_under_load(running: Secured) -> None:
    """New ones for nodes and for the client, four times, and then some that do not fit: no call
    fails, and connections that are made afterwards have the new ones.
    """
    failures: list[Exception] = []
    calls, stop = [0], threading.Event()

    def load(client: Client) -> None:
        with client:
            while not stop.is_set():
                try:
                    client.put("a/load", str(calls[0]))
                    calls[0] += 1
                except Exception as error:
                    failures.append(error)

    before = _serial(running)
    # Made before: one that is made between two files of a pair is told that they do not fit.
    threads = [threading.Thread(target=load, args=[running.client()]) for _ in range(2)]
    for thread in threads:
        thread.start()
    folder = running.papers.folder
    for _ in range(4):
        Authority(folder).certify_node("localhost", 30)
        Authority(folder).certify_client("shop", 30)
        time.sleep(1.5)
    eventually(lambda: _serial(running) != before, "new connections see the new certificate")
    shutil.copy(folder / "elsewhere.key", folder / "localhost.key")
    good = _serial(running)
    eventually(
        lambda: all("do not belong together" in it.log() for it in running.cluster), "it is told"
    )
    assert _serial(running) == good, "the last good one stays"
    Authority(folder).certify_node("localhost", 30)
    eventually(lambda: _serial(running) != good, "and the next good one is taken")
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert calls[0] > 100
    running.wait_whole()


def _serial(running: Secured) -> str:
    """The certificate that a node shows now."""
    folder = running.papers.folder
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "shop.pem", folder / "shop.key")
    where = ("localhost", running.cluster[0].port)
    with (
        socket.create_connection(where) as door,
        context.wrap_socket(door, server_hostname="localhost") as secured,
    ):
        told = secured.getpeercert() or {}
        return str(told["serialNumber"])


def test_a_node_of_another_authority_is_told_from_a_dead_one(tmp_path: Path) -> None:
    """By both, in the log and in status; neither serves with the other."""
    papers = Papers(tmp_path)
    cluster = Cluster(tmp_path, count=2, options=[], replicas=2)
    other = [word.replace(str(papers.folder), str(papers.others)) for word in papers.options]
    try:
        cluster[0].start(*papers.options)
        cluster[1].start(*other)
        words = "and this node refuse each other: its certificate was signed by an authority"
        _wait_for(cluster, f"{cluster[1].name} {words}")
        eventually(lambda: f"{cluster[0].name} {words}" in cluster[1].log(), "so does the other")
    finally:
        cluster.clean_up()


def test_tls_without_certificates_of_callers_goes_with_a_secret_and_tokens(tmp_path: Path) -> None:
    """Clients show a token alone, nodes prove that they have the secret, and what one node forwards
    stands in the audit of the other by the name of the client.
    """
    papers = Papers(tmp_path)
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "tokens").write_text(tokens_file())
    options = [*papers.options, "--client-certs", "off", "--audit", str(tmp_path / "audit")]
    options += ["--cluster-secret-file", str(tmp_path / "secret")]
    options += ["--tokens", str(tmp_path / "tokens")]
    cluster = Cluster(tmp_path, count=2, options=options, replicas=1)
    tls = Tls(papers.folder / "ca.pem")
    try:
        for server in cluster:
            server.start()
        with Client(cluster[0].name, tls=tls, token=token_of("writer"), timeout_s=20) as client:
            eventually(lambda: all(it.serving for it in client.status()), "both serve")
            served = {client.put(f"a/{n}", "v").served_by for n in range(20)}
            assert served == {server.name for server in cluster}, "some are forwarded"
        nameless = pytest.raises(Unauthenticated, match="asks for a token, and none came")
        with Client(cluster[0].name, tls=tls, timeout_s=20) as client, nameless:
            client.get("a/1")

        def forwarded() -> list[dict[str, str]]:
            lines = map(json.loads, (tmp_path / "audit").read_text().splitlines())
            return [it for it in lines if it["method"] == "Forward"]

        lines = eventually(forwarded, "the other node writes it down")
        assert {it["name"] for it in lines} == {"writer"}
        assert {it["outcome"] for it in lines} == {"OK"}
    finally:
        cluster.clean_up()


def test_tokens_change_without_a_restart(running: Secured) -> None:
    """What was good stays while the file is none; a name that is gone is refused at its next call,
    on a stream that is open.
    """
    text = running.tokens.read_text()
    with running.client() as client:
        for n in range(5):
            client.put("a/tokens", str(n))  # on a stream by now
        running.tokens.write_text(text[:-10])
        eventually(
            lambda: all("what was read before stays" in it.log() for it in running.cluster),
            "it is told",
        )
        client.put("a/tokens", "still")
        running.tokens.write_text("[]")

        def refused() -> bool:
            try:
                client.put("a/tokens", "again")
            except Unauthenticated:
                return True
            return False

        eventually(refused, "the token is gone")
        running.tokens.write_text(text)
        eventually(lambda: not refused(), "and is back")


def test_what_is_wrong_with_files_is_said_where_the_client_is_made(
    running: Secured, tmp_path: Path
) -> None:
    """And nothing of a token that is none."""
    folder = running.papers.folder
    with pytest.raises(BadRequest, match="cannot be read"):
        Client("localhost:1", tls=Tls(tmp_path / "none.pem"))
    with pytest.raises(BadRequest, match="there is no certificate in"):
        Client("localhost:1", tls=Tls(folder / "ca.key"))
    with pytest.raises(BadRequest, match="do not belong together"):
        Client("localhost:1", tls=Tls(None, folder / "shop.pem", folder / "localhost.key"))
    with pytest.raises(BadRequest, match="goes with its key"):
        Tls(cert=folder / "shop.pem")
    with pytest.raises(BadRequest) as caught:
        Client("localhost:1", token="sesame open")
    assert "sesame" not in str(caught.value)


def test_no_secret_stands_anywhere(running: Secured) -> None:
    """In no output of any command, repr, log, error, JSON file, list of processes or file that is
    left behind.
    """
    token, seen = token_of("writer"), []
    with running.client() as client:
        seen += [repr(client), str(client.status()), repr(client._credentials)]
    tls = running.papers.folder
    environment = os.environ | {
        "KV_NODES": running.nodes,
        "KV_TLS_CA": str(tls / "ca.pem"),
        "KV_TLS_CERT": str(tls / "shop.pem"),
        "KV_TLS_KEY": str(tls / "shop.key"),
        "KV_TOKEN": token,
    }
    commands = [
        ["put", "a/x", "y"],
        ["put", "b/x", "y"],
        ["get", "a/x", "-v"],
        ["status", "-o", "json"],
        ["scan"],
        ["demo"],
        ["bench", "--duration", "0.2", "--prefix", "a/bench/"],
        ["get", "a/x", "--token-file", str(tls / "ca.pem")],
        ["get", "a/x", "--token-file", str(running.token_file)],
        ["nonsense"],
    ]
    for words in commands:
        done = subprocess.run(
            [sys.executable, "client.py", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        seen += [done.stdout, done.stderr]
    shell = subprocess.run(
        [sys.executable, "client.py", "shell"],
        cwd=ROOT,
        env=environment,
        input="get a/x\nput b/x y\nstatus\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    seen += [shell.stdout, shell.stderr]
    for server in running.cluster:
        seen += [server.log(), Path(f"/proc/{server.pid}/cmdline").read_text()]
    for path in running.cluster[0].data_dir.rglob("*"):
        if path != running.token_file and path.suffix != ".key":
            seen.append(_text(path))
    keys = [line for it in tls.glob("*.key") for line in it.read_text().splitlines()[1:2]]
    for text in seen:
        assert token not in text
        assert SECRET not in text
        assert not any(key in text for key in keys)


def _text(path: Path) -> str:
    """What is in a file of a running node, which may take it away, and in a folder nothing."""
    try:
        return path.read_bytes().decode(errors="replace")
    except (FileNotFoundError, IsADirectoryError):
        return ""


def test_ten_thousand_bad_handshakes_hold_nobody_up(running: Secured) -> None:
    """Plain calls, rubbish and certificates that nobody believes, while others are served."""
    port, end_s = running.cluster[0].port, time.monotonic() + 20
    worst_s = 0.0
    bad = 0
    with running.client() as client:
        while bad < int(os.environ.get("HANDSHAKES", "1000")) and time.monotonic() < end_s:
            for _ in range(50):
                with socket.create_connection(("localhost", port)) as door:
                    door.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40))
                bad += 1
            started_s = time.monotonic()
            client.put("a/storm", "calm")
            worst_s = max(worst_s, time.monotonic() - started_s)
    assert bad >= 500
    assert worst_s < 2.0
    log = running.cluster[0].log()
    assert "Handshake failed" not in log
    assert "BUG" not in log
    running.wait_whole()


def test_a_channel_without_a_certificate_gets_nothing(running: Secured) -> None:
    """Not even how the node is: the handshake is the door."""
    channel = grpc.secure_channel(running.cluster[0].name, running.papers.credentials(None))
    call: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", timeout=3)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
