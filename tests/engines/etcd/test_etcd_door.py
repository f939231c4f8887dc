"""TLS and passwords of etcd, with real members."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kvcluster.commands.authority import Authority
from kvcluster.engines.address import PASSWORD, parse_engine
from kvcluster.engines.etcd.etcd_engine import EtcdEngine
from kvcluster.errors import KvError, NotReady
from kvcluster.model.operation import Kind, Operation
from tests.engines.etcd.servers import Etcd, lacking
from tests.engines.setting import servers_of

SECRET = "correct horse"


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if lacking():
        servers_of("etcd")  # which skips


async def use(text: str, environment: dict[str, str]) -> str | None:
    """Put and get once. Raises KvError."""
    engine = EtcdEngine(parse_engine(text, environment))
    await engine.open()
    try:
        soon_s = asyncio.get_running_loop().time() + 10
        await engine.probe(soon_s)
        (outcome,) = await engine.write([Operation(Kind.PUT, "k", "v")], soon_s)
        if isinstance(outcome, KvError):
            raise outcome
        (content,) = await engine.read(["k"], soon_s, linearizable=True)
        assert not isinstance(content, KvError)
        return content.value
    finally:
        await engine.close()


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _post(etcd: Etcd, path: str, fields: dict[str, Any]) -> None:
    """What etcdctl would do, by etcd's other door."""
    url = f"http://{etcd.hosts}/v3/auth/{path}"
    with urllib.request.urlopen(url, json.dumps(fields).encode(), timeout=10) as answer:
        answer.read()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Etcd]:
    """One member that asks for passwords."""
    made = Etcd(1)
    try:
        made.start_all()
        where = {"key": _encoded("app/"), "range_end": _encoded("app0")}
        for path, fields in (
            ("user/add", {"name": "root", "password": SECRET}),
            ("role/add", {"name": "root"}),
            ("user/grant", {"user": "root", "role": "root"}),
            ("user/add", {"name": "app", "password": SECRET}),
            ("role/add", {"name": "app"}),
            ("role/grant", {"name": "app", "perm": {"permType": "READWRITE", **where}}),
            ("user/grant", {"user": "app", "role": "app"}),
            ("enable", {}),
        ):
            _post(made, path, fields)
        yield made
    finally:
        made.stop()


async def test_a_user_with_a_password_gets_in(guarded: Etcd) -> None:
    """To his prefix alone."""
    text = f"etcd://app@{guarded.hosts}?prefix=app/"
    assert await use(text, {PASSWORD: SECRET}) == "v"


@pytest.mark.parametrize(
    ("user", "prefix", "password"),
    [("app@", "app/", "wrong"), ("", "app/", ""), ("app@", "other/", SECRET)],
    ids=["a wrong password", "nobody", "another prefix"],
)
async def test_whoever_may_not_is_told_so_without_the_password(
    guarded: Etcd, user: str, prefix: str, password: str
) -> None:
    """In a sentence that somebody can act upon."""
    text = f"etcd://{user}{guarded.hosts}?prefix={prefix}"
    with pytest.raises(NotReady, match="etcd") as refused:
        await use(text, {PASSWORD: password})
    assert SECRET not in str(refused.value)
    assert "wrong" not in str(refused.value)


async def test_tls_is_spoken_and_certificates_are_checked(tmp_path: Path) -> None:
    """Both ways; whoever has none, or believes nobody, does not get in."""
    authority = Authority(tmp_path)
    authority.certify_node("localhost", 1)
    authority.certify_client("gateway", 1)
    ca = tmp_path / "ca.pem"
    options = [
        "--cert-file",
        f"{tmp_path}/localhost.pem",
        "--key-file",
        f"{tmp_path}/localhost.key",
    ]
    options += ["--client-cert-auth", "--trusted-ca-file", str(ca)]
    made = Etcd(1, options, scheme="https")
    try:
        made.start(0)
        files = f"ca={ca}&cert={tmp_path}/gateway.pem&key={tmp_path}/gateway.key"
        end_s = asyncio.get_running_loop().time() + 20
        while True:
            try:
                assert await use(f"etcd://{made.hosts}?{files}", {}) == "v"
                break
            except NotReady:
                assert asyncio.get_running_loop().time() < end_s
        for text in (f"etcd://{made.hosts}", f"etcd://{made.hosts}?ca={ca}"):
            with pytest.raises(NotReady):
                await use(text, {})
    finally:
        made.stop()
