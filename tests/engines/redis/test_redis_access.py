"""TLS, passwords, and a Redis that is no cluster: each once with real servers."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import pytest

from kvcluster.commands.authority import Authority
from kvcluster.engines.address import PASSWORD, parse_engine
from kvcluster.engines.contract import WriteDone
from kvcluster.engines.redis.redis_engine import RedisEngine
from kvcluster.errors import NotReady
from kvcluster.model.decision import Content
from kvcluster.model.operation import Kind, Operation
from tests.engines.redis.servers import RedisServers, lacking

pytestmark = pytest.mark.processes
SECRET = "sesame-open"


@pytest.fixture(autouse=True)
def _installed() -> None:
    if reason := lacking():
        pytest.fail(reason) if os.environ.get("ENGINES") == "must" else pytest.skip(reason)


async def works(servers: RedisServers, more: str = "") -> RedisEngine:
    """An engine that wrote and read."""
    text, environment = servers.place("access")
    engine = RedisEngine(parse_engine(text + more, environment))
    deadline_s = asyncio.get_running_loop().time() + 5
    state = await engine.probe(deadline_s)
    assert state.trouble == ""
    (outcome,) = await engine.write([Operation(Kind.PUT, "k", "v")], deadline_s)
    assert isinstance(outcome, WriteDone), outcome
    (content,) = await engine.read(["k"], deadline_s, linearizable=False)
    assert isinstance(content, Content)
    assert content.value == "v"
    return engine


async def refused(servers: RedisServers, query: str, password: str) -> str:
    """Why a probe was refused."""
    hosts = ",".join(it.name for it in servers.servers)
    address = parse_engine(f"redis://{hosts}?prefix=access{query}", {PASSWORD: password})
    engine = RedisEngine(address)
    with pytest.raises(NotReady) as caught:
        await engine.probe(asyncio.get_running_loop().time() + 3)
    await engine.close()
    return str(caught.value)


async def test_tls_and_a_password(tmp_path: Path) -> None:
    """Certificates on both sides, in the bus, too; and who has none, or not the word, gets no
    further.
    """
    authority = Authority(tmp_path)
    authority.certify_node("localhost", 1)
    authority.certify_client("gateway", 1)
    ca = tmp_path / "ca.pem"
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(tmp_path / "gateway.pem", tmp_path / "gateway.key")
    extra = {
        "port": "0",
        "tls-ca-cert-file": str(ca),
        "tls-cert-file": str(tmp_path / "localhost.pem"),
        "tls-key-file": str(tmp_path / "localhost.key"),
        "tls-replication": "yes",
        "tls-cluster": "yes",
        "requirepass": SECRET,
        "masterauth": SECRET,
    }
    pair = f"&cert={tmp_path / 'gateway.pem'}&key={tmp_path / 'gateway.key'}"
    query = f"&ca={ca}{pair}"
    servers = RedisServers(
        primaries=1, replicas=1, extra=extra, password=SECRET, tls=context, query=query
    )
    try:
        engine = await works(servers)
        await engine.close()
        assert "user or password are refused" in (why := await refused(servers, query, "not it"))
        assert "not it" not in why
        assert "wants a password" in await refused(servers, query, "")
        assert "cannot be reached" in await refused(servers, f"&ca={ca}", SECRET)
        assert "cannot be reached" in (why := await refused(servers, "", SECRET))
        assert SECRET not in why
    finally:
        servers.stop()


async def test_a_single_redis_is_served_with_one_copy() -> None:
    """It has all slots and no replica; and to ask for two copies is refused with the reason."""
    servers = RedisServers(primaries=1, replicas=0, clustered=False)
    try:
        engine = await works(servers, "&copies=1")
        await engine.close()
        text, environment = servers.place("access")
        strict = RedisEngine(parse_engine(text, environment))
        deadline_s = asyncio.get_running_loop().time() + 2
        state = await strict.probe(deadline_s)
        assert "0 live replicas" in state.trouble
        (outcome,) = await strict.write([Operation(Kind.PUT, "k", "v")], deadline_s)
        assert isinstance(outcome, NotReady)
        await strict.close()
    finally:
        servers.stop()
