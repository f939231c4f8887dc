"""The way to an address: other certificates mean another channel, and the old one ends quietly."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster.commands.authority import Authority
from kvcluster.wire import kept_files
from kvcluster.wire.dial import options_of_clients
from kvcluster.wire.tls import Tls, TlsFiles
from kvcluster.wire.way import Way


def _ask(way: Way) -> Any:
    return way.channel.unary_unary("/a.B/Ask")


async def test_what_is_on_its_way_on_the_old_channel_comes_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is asked from then on is asked with the new certificate, by one new connection."""
    monkeypatch.setattr(kept_files, "_LOOK_S", 0.0)
    authority = Authority(tmp_path)
    authority.certify_node("localhost", 30)
    authority.certify_client("one", 30)
    go = asyncio.Event()

    async def answer(request: bytes, context: Any) -> bytes:
        if request == b"slow":
            await go.wait()
        name: bytes = context.auth_context()["x509_common_name"][0]
        return name

    server = grpc.aio.server()
    handlers: Any = {"Ask": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", handlers),))
    names = ("ca.pem", "localhost.pem", "localhost.key")
    ours = TlsFiles(Tls(*(tmp_path / name for name in names)), print)
    port = server.add_secure_port("localhost:0", ours.server_credentials(ask_clients=True))
    await server.start()
    told: list[str] = []
    shown = [tmp_path / name for name in ("ca.pem", "one.pem", "one.key")]
    files = TlsFiles(Tls(*shown), told.append)
    way = Way(f"localhost:{port}", options_of_clients(), files)
    slow = asyncio.ensure_future(_ask(way)(b"slow", timeout=20))
    assert await _ask(way)(b"", timeout=10) == b"one"
    assert not way.renewed()
    before = way.channel
    authority.certify_client("two", 30)
    (tmp_path / "two.key").replace(tmp_path / "one.key")
    assert not way.renewed(), "they do not belong together"
    (tmp_path / "two.pem").replace(tmp_path / "one.pem")
    assert way.renewed()
    assert way.channel is not before
    assert not way.renewed()
    assert await _ask(way)(b"", timeout=10) == b"two"
    go.set()
    assert await slow == b"one"
    assert ["do not belong together" in it for it in told] == [True, False]
    await way.close()
    await server.stop(0)
