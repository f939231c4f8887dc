"""etcd: three members, called on grpc.aio with the messages of our own small etcd_rpc.proto.

No client of etcd for Python is kept up to date, so this is what a program in Python would do.

In its favour: the channel names the leader first, so no member has to pass a write on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import time
from collections.abc import Iterable
from typing import Any

import grpc

from bench.load.client import VALUE, LoadClient, Spec, give_way
from bench.measure.machine import first_line
from bench.systems.processes import Place, SystemFailed
from bench.systems.system import System
from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.engines.etcd import etcd_rpc_pb2 as rpc

_PATHS: dict[type[Any], tuple[str, type[Any]]] = {
    rpc.PutRequest: ("/etcdserverpb.KV/Put", rpc.PutResponse),
    rpc.RangeRequest: ("/etcdserverpb.KV/Range", rpc.RangeResponse),
    rpc.TxnRequest: ("/etcdserverpb.KV/Txn", rpc.TxnResponse),
    rpc.StatusRequest: ("/etcdserverpb.Maintenance/Status", rpc.StatusResponse),
}
_TIMEOUT_S = 30.0
_START_PATIENCE_S = 60.0
_LARGEST_BYTES = 64 << 20
_IN_TRANSACTION = 100
"""etcd takes 128 operations in one by default."""
_TRANSACTIONS_IN_FLIGHT = 8
_PAGE = 1_000
_VALUE = VALUE.encode()


class Etcd(System):
    """etcd."""

    kind = "etcd"
    name = "etcd"
    promise = "fsynced on two of three; reads see every acknowledged write (all members are asked)"
    needs_program = "etcd"
    how_to_get = "apt install etcd-server"
    stop_by = signal.SIGKILL
    """What it has acknowledged is on disk. Asked gently, all three would spend seven seconds on
    handing their leadership to each other."""

    def __init__(self, place: Place, members: int = 3) -> None:
        super().__init__(place, members)
        self._peer_ports = free_ports(members)

    @classmethod
    def version(cls) -> str:
        """By its own account."""
        return first_line(["etcd", "--version"]).rpartition(" ")[2]

    @property
    def victims(self) -> dict[str, int]:
        """Its leader is the one."""
        return {each: self.processes.pid(f"member {n}") for n, each in enumerate(self.addresses)}

    def start(self) -> None:
        """Start all members; whoever calls waits for their leader."""
        peers = [f"http://127.0.0.1:{port}" for port in self._peer_ports]
        cluster = ",".join(f"m{number}={peer}" for number, peer in enumerate(peers))
        for number, (port, peer) in enumerate(zip(self.ports, peers, strict=True)):
            client = f"http://127.0.0.1:{port}"
            command = ["etcd", "--name", f"m{number}", "--data-dir", f"m{number}"]
            command += ["--listen-client-urls", client, "--advertise-client-urls", client]
            command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
            command += ["--initial-cluster", cluster, "--logger", "zap", "--log-level", "error"]
            self.processes.start(
                f"member {number}", [*command, "--quota-backend-bytes", "8000000000"]
            )
        self.wait_for_ports(self.ports)


class Client(LoadClient):
    """Calls of grpc.aio; gRPC itself goes to another member when the first one dies."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._revisions: dict[str, int] = {}

    async def open(self) -> None:
        """Wait for a leader, and connect to it first."""
        leader = await self.in_use()
        nodes = [leader, *(node for node in self.spec["nodes"] if node != leader)]
        options = [
            ("grpc.max_receive_message_length", _LARGEST_BYTES),
            ("grpc.use_local_subchannel_pool", 1),  # each client has a connection of its own
        ]
        self._channel = grpc.aio.insecure_channel(f"ipv4:{','.join(nodes)}", options=options)
        self._methods = {request: _method(self._channel, request) for request in _PATHS}
        await self.put("opened")

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()

    async def put(self, key: str) -> None:
        """A unary Put."""
        await self._ask(rpc.PutRequest(key=key.encode(), value=_VALUE))

    async def get(self, key: str) -> str | None:
        """A read that no write is hidden from, etcd's default."""
        return await self._range(key, serializable=False)

    async def get_local(self, key: str) -> str | None:
        """A read of what the member holds."""
        return await self._range(key, serializable=True)

    async def _range(self, key: str, *, serializable: bool) -> str | None:
        request = rpc.RangeRequest(key=key.encode(), serializable=serializable)
        answer = await self._ask(request)
        return str(answer.kvs[0].value, "utf-8") if answer.kvs else None

    async def get_linearizable(self, key: str) -> str | None:
        """Its default."""
        return await self.get(key)

    async def put_if_unchanged(self, key: str) -> None:
        """A transaction that compares the revision."""
        revision = self._revisions.pop(key, 0) or (await self._held(key))[0]
        answer = await self._put_if(key, revision, _VALUE)
        if not answer.succeeded:
            raise SystemFailed(f"{key} was changed by somebody else")
        self._revisions[key] = answer.header.revision

    async def put_if_absent(self, key: str) -> None:
        """The same: a key that is not there has the revision 0."""
        answer = await self._put_if(key, 0, _VALUE)
        if not answer.succeeded:
            raise SystemFailed(f"{key} was there before")

    async def add_one(self, key: str) -> None:
        """A look at one member, and a transaction; after one that fails a rest and a new look."""
        for failures in itertools.count(1):
            revision, number = await self._held(key)
            answer = await self._put_if(key, revision, str(int(number or 0) + 1).encode())
            if answer.succeeded:
                return
            await give_way(failures)

    async def number(self, key: str) -> int:
        """By its default, from which nothing is hidden."""
        return int(await self.get(key) or 0)

    async def _held(self, key: str) -> tuple[int, bytes]:
        """The revision and the value of a key, as one member holds them; nothing: 0 and none."""
        request = rpc.RangeRequest(key=key.encode(), serializable=True)
        answer = await self._ask(request)
        return (answer.kvs[0].mod_revision, answer.kvs[0].value) if answer.kvs else (0, b"")

    async def _put_if(self, key: str, revision: int, value: bytes) -> Any:
        """Put if the key has this revision."""
        name = key.encode()
        same = rpc.Compare(target=rpc.Compare.MOD, key=name, mod_revision=revision)
        put = rpc.RequestOp(request_put=rpc.PutRequest(key=name, value=value))
        return await self._ask(rpc.TxnRequest(compare=[same], success=[put]))

    async def put_many(self, keys: Iterable[str]) -> None:
        """Transactions of a hundred, several in flight."""
        source = iter(keys)

        async def work() -> None:
            while some := list(itertools.islice(source, _IN_TRANSACTION)):
                puts = (rpc.PutRequest(key=key.encode(), value=_VALUE) for key in some)
                operations = [rpc.RequestOp(request_put=put) for put in puts]
                await self._ask(rpc.TxnRequest(success=operations))

        await asyncio.gather(*(work() for _ in range(_TRANSACTIONS_IN_FLIGHT)))

    async def scan(self, prefix: str) -> int:
        """In order, a thousand at a time."""
        start, end = prefix.encode(), prefix.encode()[:-1] + bytes([prefix.encode()[-1] + 1])
        count = 0
        while True:
            request = rpc.RangeRequest(key=start, range_end=end, limit=_PAGE)
            page = await self._ask(request)
            count += sum(1 for pair in page.kvs if (pair.key, pair.value))
            if not page.more:
                return count
            start = page.kvs[-1].key + b"\0"

    async def in_use(self) -> str:
        """The leader. Raises SystemFailed if none is elected in time."""
        deadline_s = time.monotonic() + _START_PATIENCE_S
        while time.monotonic() < deadline_s:
            for node in self.spec["nodes"]:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    if await self._leads(node):
                        return node
            await asyncio.sleep(0.1)
        raise SystemFailed(f"no leader after {_START_PATIENCE_S:g} s")

    async def _leads(self, node: str) -> bool:
        async with grpc.aio.insecure_channel(node) as channel:
            status = await _method(channel, rpc.StatusRequest)(rpc.StatusRequest(), timeout=2.0)
            return bool(status.leader) and status.leader == status.header.member_id

    async def _ask(self, request: Any) -> Any:
        return await self._methods[type(request)](request, timeout=_TIMEOUT_S)


def _method(channel: grpc.aio.Channel, request: type[Any]) -> Any:
    """What a generated stub has for such requests."""
    path, answer = _PATHS[request]
    return channel.unary_unary(
        path,
        request_serializer=request.SerializeToString,
        response_deserializer=answer.FromString,
    )
