"""What etcd's errors mean: each row of the table, and that nothing else is certain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.engines.address import parse_engine
from kvcluster.engines.etcd import etcd_rpc_pb2 as rpc
from kvcluster.engines.etcd.etcd_engine import EtcdEngine
from kvcluster.engines.etcd.etcd_failures import CERTAIN, Row, explain_etcd
from kvcluster.errors import KvError, NothingWritten, NotReady, OutcomeUnknown, TimedOut
from kvcluster.model.condition import Condition
from kvcluster.model.operation import Kind, Operation

PUT = Operation(Kind.PUT, "k", "v")

UNKNOWN = [
    ("UNAVAILABLE", "etcdserver: request timed out"),
    ("UNAVAILABLE", "etcdserver: request timed out, possibly due to previous leader failure"),
    ("UNAVAILABLE", "etcdserver: request timed out, possibly due to connection lost"),
    ("UNAVAILABLE", "etcdserver: leader changed"),
    ("UNAVAILABLE", "etcdserver: server stopped"),
    ("RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded"),
    ("UNAVAILABLE", "Socket closed"),
    ("UNAVAILABLE", "Connection reset by peer"),
    ("UNAVAILABLE", "http2 header with status: 502"),
    ("DEADLINE_EXCEEDED", "Deadline Exceeded"),
    ("CANCELLED", "context canceled"),
    ("INTERNAL", "etcdserver: something new"),
    ("UNKNOWN", "context deadline exceeded"),
    ("RESOURCE_EXHAUSTED", "CLIENT: Received message larger than max (9 vs. 4)"),
    ("RESOURCE_EXHAUSTED", "too many pings"),
    ("INVALID_ARGUMENT", "something that a later etcd may say"),
]
"""Which of them wrote, nobody can tell."""


class FakeEtcd:
    """Leads alone, and does with a write what it is told."""

    def __init__(self) -> None:
        self.port = free_ports(1)[0]
        self.writes: list[rpc.TxnRequest] = []
        self.fail: Callable[[], tuple[grpc.StatusCode, str] | None] = lambda: None
        self.silent = False
        self.deaf = False
        """It does not answer reads."""
        self.reads = 0
        self.denied = False
        self.tells = asyncio.Event()
        """Set while it says how it is."""
        self.tells.set()

    async def _status(self, request: Any, context: Any) -> rpc.StatusResponse:
        await self.tells.wait()
        header = rpc.ResponseHeader(member_id=7)
        return rpc.StatusResponse(header=header, leader=7, version="3.5.0", raft_term=1)

    async def _txn(self, request: rpc.TxnRequest, context: Any) -> rpc.TxnResponse:
        if self.silent:
            await asyncio.sleep(3600)
        self.writes.append(request)
        if failure := self.fail():
            await context.abort(*failure)
        answers = [rpc.ResponseOp(response_put=rpc.PutResponse()) for _ in request.success]
        header = rpc.ResponseHeader(revision=len(self.writes))
        return rpc.TxnResponse(header=header, succeeded=True, responses=answers)

    async def _members(self, request: Any, context: Any) -> rpc.MemberListResponse:
        return rpc.MemberListResponse(members=[rpc.Member(id=7)])

    async def _range(self, request: Any, context: Any) -> rpc.RangeResponse:
        self.reads += 1
        if self.deaf:
            await asyncio.sleep(3600)
        if self.denied:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied")
        return rpc.RangeResponse()

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """What a server of it serves."""
        methods = {
            ("Maintenance", "Status"): (self._status, rpc.StatusRequest),
            ("Cluster", "MemberList"): (self._members, rpc.MemberListRequest),
            ("KV", "Txn"): (self._txn, rpc.TxnRequest),
            ("KV", "Range"): (self._range, rpc.RangeRequest),
        }
        return [
            grpc.method_handlers_generic_handler(
                f"etcdserverpb.{service}",
                {
                    name: grpc.unary_unary_rpc_method_handler(
                        handler,
                        request_deserializer=kind.FromString,
                        response_serializer=lambda it: it.SerializeToString(),
                    )
                    for (of, name), (handler, kind) in methods.items()
                    if of == service
                },
            )
            for service in ("Maintenance", "Cluster", "KV")
        ]


@asynccontextmanager
async def engine_on(fake: FakeEtcd) -> AsyncIterator[EtcdEngine]:
    """An engine in front of it, that has looked."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(fake.handlers())
    server.add_insecure_port(f"localhost:{fake.port}")
    await server.start()
    engine = EtcdEngine(parse_engine(f"etcd://localhost:{fake.port}", {}))
    await engine.open()
    try:
        await engine.probe(asyncio.get_running_loop().time() + 5)
        yield engine
    finally:
        await engine.close()
        await server.stop(0)


async def written(engine: EtcdEngine, within_s: float = 1.0) -> Any:
    """What came of one put."""
    (outcome,) = await engine.write([PUT], asyncio.get_running_loop().time() + within_s)
    return outcome


@pytest.mark.parametrize("row", CERTAIN, ids=lambda it: it.text)
async def test_what_is_certain_is_said_so_and_tried_again_only_where_that_helps(row: Row) -> None:
    """The sentence names etcd; a write that is refused for good is sent once."""
    fake = FakeEtcd()
    fake.fail = lambda: (grpc.StatusCode.UNAVAILABLE, row.text)
    async with engine_on(fake) as engine:
        outcome = await written(engine)
    assert type(outcome) is row.error
    assert str(outcome).startswith("etcd: ")
    assert (len(fake.writes) > 1) is row.again


@pytest.mark.parametrize(("code", "details"), UNKNOWN)
async def test_what_is_not_certain_is_unknown_and_never_sent_again(code: str, details: str) -> None:
    """A second one could land over somebody's newer write."""
    fake = FakeEtcd()
    fake.fail = lambda: (grpc.StatusCode[code], details)
    async with engine_on(fake) as engine:
        outcome = await written(engine)
    assert isinstance(outcome, OutcomeUnknown)
    assert len(fake.writes) == 1


def test_no_word_of_the_table_stands_in_what_is_unknown() -> None:
    """Words are looked for, not compared: one that is too short would make something certain."""
    for code, details in UNKNOWN:
        assert isinstance(explain_etcd("h:1", code, details).error, OutcomeUnknown)


async def test_a_leader_that_comes_is_waited_for() -> None:
    """A write that was refused for want of one is sent again, and done."""
    fake = FakeEtcd()
    fake.fail = lambda: (
        (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader") if len(fake.writes) < 3 else None
    )
    async with engine_on(fake) as engine:
        outcome = await written(engine, within_s=5)
    assert not isinstance(outcome, KvError)
    assert len(fake.writes) == 3


async def test_a_read_that_is_denied_is_not_asked_again() -> None:
    """It was, as fast as could be, until its deadline."""
    fake = FakeEtcd()
    async with engine_on(fake) as engine:
        fake.reads, fake.denied = 0, True
        with pytest.raises(NotReady, match="permission denied"):
            await engine.read(["k"], asyncio.get_running_loop().time() + 5, linearizable=True)
    assert fake.reads == 1


async def test_silence_is_unknown_at_the_deadline() -> None:
    """The write may be on its way to the others."""
    fake = FakeEtcd()
    fake.silent = True
    async with engine_on(fake) as engine:
        begun_s = asyncio.get_running_loop().time()
        outcome = await written(engine, within_s=0.5)
        assert asyncio.get_running_loop().time() - begun_s < 2
    assert isinstance(outcome, TimedOut)


async def test_a_condition_that_could_not_be_looked_at_is_certainly_not_done() -> None:
    """Only a read was sent: who is told that nobody knows would have to look for nothing."""
    fake = FakeEtcd()
    async with engine_on(fake) as engine:
        fake.deaf = True
        put = Operation(Kind.PUT, "k", "v", Condition.exists())
        (outcome,) = await engine.write([put], asyncio.get_running_loop().time() + 0.5)
    assert isinstance(outcome, NothingWritten)
    assert fake.writes == []


async def test_who_waits_for_anothers_look_keeps_his_own_deadline() -> None:
    """It was that of whoever had begun it."""
    fake = FakeEtcd()
    now_s = asyncio.get_running_loop().time
    async with engine_on(fake) as engine:
        fake.tells.clear()
        patient = asyncio.ensure_future(engine.probe(now_s() + 5))
        await asyncio.sleep(0)
        begun_s = now_s()
        with pytest.raises(NothingWritten):
            await engine.probe(begun_s + 0.1)
        assert now_s() - begun_s < 0.8
        fake.tells.set()
        assert (await patient).members[0].reachable


async def test_a_look_that_began_in_a_hurry_is_no_proof_of_silence() -> None:
    """Others wait for it too; and what is on its way to who seems silent would be given up."""
    fake = FakeEtcd()
    now_s = asyncio.get_running_loop().time
    async with engine_on(fake) as engine:
        fake.tells.clear()
        hurried = asyncio.ensure_future(engine.probe(now_s() + 0.06))
        await asyncio.sleep(0)
        patient = asyncio.ensure_future(engine.probe(now_s() + 5))
        with pytest.raises(NothingWritten):
            await hurried
        fake.tells.set()
        assert (await patient).members[0].reachable


async def test_nobody_there_is_certain() -> None:
    """No connection came about, so nothing was sent."""
    engine = EtcdEngine(parse_engine("etcd://localhost:1", {}))
    await engine.open()
    with pytest.raises(NotReady, match="no member answers at localhost:1"):
        await engine.probe(asyncio.get_running_loop().time() + 2)
    outcome = await written(engine)
    assert isinstance(outcome, NothingWritten)
    await engine.close()
