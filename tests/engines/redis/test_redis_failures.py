"""What each error of Redis means: on a fake that says them, and keeps what it carried out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kvcluster.engines.address import PASSWORD, parse_engine
from kvcluster.engines.contract import WriteDone, WriteOutcome
from kvcluster.engines.redis.redis_engine import RedisEngine
from kvcluster.engines.redis.redis_failures import TABLE, RedisRow, row_of
from kvcluster.errors import (
    BadSetting,
    DiskIsFull,
    KvError,
    NothingWritten,
    NotReady,
    OutcomeUnknown,
)
from kvcluster.model.operation import Kind, Operation
from tests.engines.redis.fake_redis import HANG_UP, SAY_NOTHING, FakeRedis

SECRET = "sesame-open"
REFUSED = {
    "READONLY You can't write against a read only replica.": NotReady,
    "READONLY Can not run script with write flag on readonly replica.": NotReady,
    "CLUSTERDOWN The cluster is down": NotReady,
    "CLUSTERDOWN Hash slot not served": NotReady,
    "TRYAGAIN Multiple keys request during rehashing of slot": NotReady,
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": NotReady,
    "LOADING Redis is loading the dataset in memory": NotReady,
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL": NotReady,
    "NOREPLICAS Not enough good replicas to write.": NotReady,
    "MISCONF Errors writing to the AOF file: No space left on device": NotReady,
    "OOM allow-oom flag is not set on the script, can not run it": DiskIsFull,
    "OOM command not allowed when used memory > 'maxmemory'.": DiskIsFull,
    "NOAUTH Authentication required.": NotReady,
    "NOPERM this user has no permissions to run the 'evalsha' command": NotReady,
    "CROSSSLOT Keys in request don't hash to the same slot": NotReady,
    "ERR unknown command 'EVALSHA'": NotReady,
}
"""Said before a script begins: none of them has the name of one in it, as those out of one have."""
MAY_HAVE_WRITTEN = [
    "ERR user_script:12: attempt to index a nil value script: 1f2e, on @user_script:12.",
    "WRONGTYPE Operation against a key holding the wrong kind of value script: 1f2e, on"
    " @user_script:31.",
    "OOM command not allowed when used memory > 'maxmemory'. script: 1f2e, on @user_script:7.",
    "READONLY You can't write against a read only replica. script: 1f2e, on @user_script:7.",
    "NOPERM ACL failure in script: no permission script: 1f2e, on @user_script:7.",
    "ERR Script attempted to access a non local key in a cluster node script: 1f2e, on"
    " @user_script:7.",
    "ERR Error running script: killed by user with SCRIPT KILL",
    "UNBLOCKED force unblock from blocking operation, instance state changed",
    "ERR something that nobody has seen before",
    "NEWCODE of a later version",
]


@pytest.fixture
async def fake() -> AsyncIterator[FakeRedis]:
    """A primary that says what it is told to say."""
    async with FakeRedis() as made:
        yield made


async def put(fake: FakeRedis, left_s: float = 0.5) -> WriteOutcome:
    """One put, as a gateway would do it."""
    engine = RedisEngine(parse_engine(f"redis://127.0.0.1:{fake.port}?copies=1", {}))
    deadline_s = asyncio.get_running_loop().time() + left_s
    try:
        (outcome,) = await engine.write([Operation(Kind.PUT, "k", "v")], deadline_s)
    finally:
        await engine.close()
    return outcome


@pytest.mark.parametrize("text", REFUSED)
async def test_what_was_refused_before_the_script_began_is_certain(
    fake: FakeRedis, text: str
) -> None:
    """Else callers would have to look after every refusal, and could not simply try again."""
    fake.says = lambda _: f"-{text}\r\n".encode()
    outcome = await put(fake)
    assert isinstance(outcome, REFUSED[text]), outcome
    assert str(outcome).startswith("Redis Cluster: ")
    assert (len(fake.heard) > 1) == row_of(text).again


@pytest.mark.parametrize("text", MAY_HAVE_WRITTEN)
async def test_what_may_have_been_written_is_never_called_certain(
    fake: FakeRedis, text: str
) -> None:
    """The fake writes, and then says this: a row that calls it certain is caught here."""
    fake.says, fake.obeys = lambda _: f"-{text}\r\n".encode(), True
    outcome = await put(fake)
    assert fake.written == {b"k": b"v"}
    assert isinstance(outcome, OutcomeUnknown), outcome
    assert len(fake.heard) == 1, "a write that may have been done was sent again"


@pytest.mark.parametrize("answer", [HANG_UP, SAY_NOTHING, b"?what\r\n"], ids=repr)
async def test_a_write_without_an_answer_is_unknown_and_is_not_sent_again(
    fake: FakeRedis, answer: bytes
) -> None:
    """It may come late, and would undo what somebody wrote since."""
    fake.says, fake.obeys = lambda _: answer, True
    started_s = asyncio.get_running_loop().time()
    outcome = await put(fake)
    assert isinstance(outcome, OutcomeUnknown), outcome
    assert len(fake.heard) == 1
    assert asyncio.get_running_loop().time() - started_s < 2


async def test_a_node_that_does_not_know_the_script_is_told_it(fake: FakeRedis) -> None:
    """After each failover, and each restart."""
    fake.says = lambda name: b"*1\r\n:7\r\n" if name == "EVAL" else b"-NOSCRIPT No matching\r\n"
    outcome = await put(fake)
    assert isinstance(outcome, WriteDone), outcome
    assert [words[0] for words in fake.heard] == [b"EVALSHA", b"EVAL"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.begins or row.holds or "else")
def test_every_row_is_met_by_what_it_is_for(row: RedisRow) -> None:
    """A row behind one that takes everything from it would be no row."""
    assert row_of(f"{row.begins}x {row.holds}") is row


async def test_a_refused_password_is_told_without_it(fake: FakeRedis) -> None:
    """In a calm sentence, and nothing was written."""
    fake.greets = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
    address = parse_engine(f"redis://me@127.0.0.1:{fake.port}", {PASSWORD: SECRET})
    engine = RedisEngine(address)
    with pytest.raises(NotReady, match="user or password are refused") as caught:
        await engine.probe(asyncio.get_running_loop().time() + 2)
    await engine.close()
    assert SECRET not in str(caught.value) + repr(engine._setting) + repr(address)


async def test_an_absent_server_is_told_calmly() -> None:
    """Nobody listens there: nothing was written, within the deadline."""
    engine = RedisEngine(parse_engine("redis://127.0.0.1:1", {}))
    deadline_s = asyncio.get_running_loop().time() + 0.4
    with pytest.raises(NotReady, match=r"127\.0\.0\.1:1 cannot be reached"):
        await engine.probe(deadline_s)
    (outcome,) = await engine.write([Operation(Kind.PUT, "k", "v")], deadline_s)
    await engine.close()
    assert isinstance(outcome, NothingWritten)


@pytest.mark.parametrize("query", ["copies=0", "copies=6", "copies=two", "prefix=a{b}c"])
def test_a_setting_that_cannot_be_used_is_refused(query: str) -> None:
    """Before anything is connected."""
    with pytest.raises(BadSetting):
        RedisEngine(parse_engine(f"redis://h?{query}", {}))


async def test_errors_of_reads_are_never_unknown(fake: FakeRedis) -> None:
    """A read writes nothing, whatever happens."""
    engine = RedisEngine(parse_engine(f"redis://127.0.0.1:{fake.port}?copies=1", {}))
    deadline_s = asyncio.get_running_loop().time() + 0.4
    with pytest.raises(NotReady, match="not here"):
        await engine.page("", "", 10, keys_only=True, deadline_s=deadline_s)
    (content,) = await engine.read(["k"], deadline_s, linearizable=False)
    await engine.close()
    assert not isinstance(content, KvError)
