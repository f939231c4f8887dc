"""How it is entered: TLS, passwords, rights, names, and what is said where it cannot be."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from kvcluster.commands.authority import Authority
from kvcluster.engines.address import PASSWORD, parse_engine
from kvcluster.engines.catalogue import engine_at
from kvcluster.engines.contract import Engine, WriteDone
from kvcluster.errors import BadSetting, CannotStart, NotReady
from kvcluster.model.operation import Kind, Operation
from tests.engines.postgres.server import PostgresServer, free_port, give
from tests.engines.postgres.servers import PostgresServers, temporary_folder

SECRET = "p@ss:w/o%rd of nobody else"


@asynccontextmanager
async def opened(text: str, password: str = "") -> AsyncIterator[Engine]:
    """An engine that nobody has probed yet."""
    engine = engine_at(parse_engine(text, {PASSWORD: password} if password else {}))
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()


async def reason(text: str, password: str = "") -> str:
    """Why it cannot be used."""
    async with opened(text, password) as engine:
        with pytest.raises(NotReady) as caught:
            await engine.probe(asyncio.get_running_loop().time() + 5)
    assert SECRET not in str(caught.value)
    assert str(caught.value).startswith("PostgreSQL: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def works(text: str, password: str = "") -> None:
    """Write and read through it."""
    loop = asyncio.get_running_loop()
    async with opened(text, password) as engine:
        await engine.probe(loop.time() + 5)
        (outcome,) = await engine.write([Operation(Kind.PUT, "k", "v")], loop.time() + 5)
        assert isinstance(outcome, WriteDone)
        assert SECRET not in repr(engine)
        assert SECRET not in repr(vars(engine))


@dataclass
class Secured:
    """A server that asks for TLS, a certificate of ours and a password."""

    server: PostgresServer
    papers: Path
    others: Path

    def text(self, host: str = "localhost", **files: Path | None) -> str:
        """Its --engine; files that are None are left out."""
        ca, shop = self.papers / "ca.pem", self.papers / "shop"
        given = {"ca": ca, "cert": shop.with_suffix(".pem"), "key": shop.with_suffix(".key")}
        options = [f"{name}={path}" for name, path in {**given, **files}.items() if path]
        where = f"postgresql://kv@{host}:{self.server.port}/postgres"
        return f"{where}?{'&'.join(options)}"


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    """One for all tests here."""
    folder = temporary_folder()
    papers, others = folder / "papers", folder / "others"
    for where in (papers, others):
        for host in ("localhost", "elsewhere.invalid"):
            Authority(where).certify_node(host, 30)
        Authority(where).certify_client("shop", 30)
    server = PostgresServer(folder / "server")
    try:
        for name in ("ca.pem", "localhost.pem", "localhost.key"):
            give(Path(shutil.copy(papers / name, folder / "server" / name)))
        inside = folder / "server"
        server.settings += [
            "ssl=on",
            f"ssl_ca_file={inside}/ca.pem",
            f"ssl_cert_file={inside}/localhost.pem",
            f"ssl_key_file={inside}/localhost.key",
        ]
        (inside / "password").write_text(SECRET)
        give(inside / "password")
        server.make(auth="scram-sha-256", password_file=inside / "password")
        rules = "hostssl all all all scram-sha-256 clientcert=verify-ca\n"
        (server.data / "pg_hba.conf").write_text(rules)
        server.start()
        yield Secured(server, papers, others)
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.usefixtures("installed")
async def test_tls_and_a_password(secured: Secured) -> None:
    """Both, as they are in an address and an environment."""
    await works(secured.text(), SECRET)
    await works(secured.text("127.0.0.1"), SECRET)


@pytest.mark.usefixtures("installed")
async def test_what_is_wrong_is_said_calmly_and_without_the_password(secured: Secured) -> None:
    """Each thing that can be: an operator reads it in a log."""
    wrong = await reason(secured.text(), "another")
    assert 'password authentication failed for user "kv"' in wrong
    assert "another" not in wrong
    assert "password" in await reason(secured.text())
    stranger = await reason(secured.text(ca=secured.others / "ca.pem"), SECRET)
    assert f"the certificate of localhost:{secured.server.port} is not good" in stranger
    assert await reason(secured.text(cert=None, key=None), SECRET)
    assert await reason(secured.text(ca=None, cert=None, key=None), SECRET)
    cert, key = secured.others / "shop.pem", secured.others / "shop.key"
    assert await reason(secured.text(cert=cert, key=key), SECRET)


@pytest.mark.usefixtures("installed")
async def test_a_certificate_of_another_name_is_not_believed(
    secured: Secured, tmp_path: Path
) -> None:
    """It might be somebody in between who has one of the same authority."""
    inside = secured.server.data.parent
    kept = {name: (inside / name).read_bytes() for name in ("localhost.pem", "localhost.key")}
    try:
        for ending in ("pem", "key"):
            data = (secured.papers / f"elsewhere.invalid.{ending}").read_bytes()
            (inside / f"localhost.{ending}").write_bytes(data)
        secured.server.kill()
        secured.server.start()
        assert "is not good: Hostname mismatch" in await reason(secured.text(), SECRET)
    finally:
        for name, data in kept.items():
            (inside / name).write_bytes(data)
        secured.server.kill()
        secured.server.start()
    await works(secured.text(), SECRET)


async def test_nobody_there_is_said_calmly() -> None:
    """Refused, and a name that nobody has."""
    port = free_port()
    told = await reason(f"postgresql://kv@127.0.0.1:{port}/postgres", SECRET)
    assert told == f"PostgreSQL: no primary: nobody listens at 127.0.0.1:{port}"
    assert "cannot be reached" in await reason("postgresql://kv@nowhere.invalid/postgres", SECRET)


async def test_what_accepts_and_says_nothing_is_given_up_soon() -> None:
    """A machine that froze, or a port of something else."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    told = await reason(f"postgresql://kv@127.0.0.1:{port}/postgres")
    assert f"127.0.0.1:{port} does not answer" in told
    assert loop.time() - started_s < 3
    silent.close()


async def test_a_user_without_rights_is_told_which_lack(servers: PostgresServers) -> None:
    """And works once he has them; who may make no table learns that."""
    where = servers.server.name
    admin = await asyncpg.connect(f"postgresql://kv@{where}/postgres", ssl=False)
    try:
        await admin.execute("CREATE ROLE small LOGIN; REVOKE CREATE ON SCHEMA public FROM public")
        text = f"postgresql://small@{where}/postgres?table=small_table"
        assert "there is no table small_table, and the user may not make one" in await reason(text)
        await works(f"postgresql://kv@{where}/postgres?table=small_table")
        told = await reason(text)
        assert "GRANT DELETE, INSERT, SELECT, UPDATE ON small_table" in told
        assert "GRANT USAGE ON SEQUENCE small_table_version" in told
        await admin.execute(
            "GRANT DELETE, INSERT, SELECT, UPDATE ON small_table TO small;"
            "GRANT USAGE ON SEQUENCE small_table_version TO small"
        )
        await works(text)
        await admin.execute("CREATE TABLE strange (a int); CREATE SEQUENCE strange_version")
        told = await reason(f"postgresql://kv@{where}/postgres?table=strange")
        assert 'column "key" does not exist' in told
    finally:
        admin.terminate()


async def test_gateways_that_start_at_once_make_one_table(servers: PostgresServers) -> None:
    """CREATE IF NOT EXISTS fails by itself when two do it at the same moment."""
    text, _ = servers.place("made_at_once")
    await asyncio.gather(*[works(text) for _ in range(6)])


async def test_a_table_that_is_dropped_is_made_again(servers: PostgresServers) -> None:
    """By the next probe; writes say until then that nothing was written."""
    text, _ = servers.place("dropped")
    loop = asyncio.get_running_loop()
    admin = await asyncpg.connect(f"postgresql://kv@{servers.server.name}/postgres", ssl=False)
    try:
        async with opened(text) as engine:
            await engine.probe(loop.time() + 5)
            put = Operation(Kind.PUT, "k", "v")
            await engine.write([put], loop.time() + 5)
            await admin.execute("DROP TABLE dropped; DROP SEQUENCE dropped_version")
            (outcome,) = await engine.write([put], loop.time() + 5)
            assert isinstance(outcome, NotReady), outcome
            await engine.probe(loop.time() + 5)
            (outcome,) = await engine.write([put], loop.time() + 5)
            assert isinstance(outcome, WriteDone), outcome
    finally:
        admin.terminate()


@pytest.mark.parametrize("name", ["A", "1a", "a-b", "a b", 'a"', "a;drop", "x" * 41, "ä"])
def test_a_table_is_a_plain_name(name: str) -> None:
    """It stands in SQL as it is."""
    with pytest.raises(BadSetting, match="the table of the engine"):
        engine_at(parse_engine(f"postgresql://h/db?table={name.replace(';', '%3B')}", {}))


def test_files_that_are_no_certificates_are_refused_at_the_start(tmp_path: Path) -> None:
    """Not at the first connection, in the night."""
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(CannotStart, match="no certificates"):
        engine_at(parse_engine(f"postgresql://h/db?ca={tmp_path}/ca.pem", {}))
