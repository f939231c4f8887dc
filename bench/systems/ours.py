"""Ours: three servers of a checkout, and its library as a client.

Which checkout, and with which settings, is free: to compare before and after, two of these run side
by side in one run. The client is always the library of the same checkout.
"""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import grpc

from bench.load.client import VALUE, LoadClient, Spec
from bench.measure.machine import commit
from bench.systems.processes import ROOT, Place, SystemFailed
from bench.systems.system import System
from kvcluster import AsyncClient, Tls, Version
from kvcluster import Client as ThreadedClient
from kvcluster.client.credentials import Credentials, use_in_this_program
from kvcluster.view.health import Health, ask_until, settled

from demo_pb2 import GetRequest, PutRequest
from demo_pb2_grpc import KeyValueStub

_TIMEOUT_S = 30.0
_START_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Secured:
    """How nodes and clients know each other; by default they do not ask."""

    options: tuple[str, ...] = ()
    """Of each node."""
    shown: tuple[str, ...] = ()
    """By clients: the file of the authority, of a certificate, of its key; or none."""

    @property
    def tls(self) -> Tls | None:
        """For the library."""
        return Tls(*self.shown) if self.shown else None


class Ours(System):
    """This store. `row`: what it is called in tables. `settings`: NAME=VALUE, as for --set."""

    kind = "ours"
    name = "ours"
    promise = "fsynced on all three; a read may miss what a node that is cut off does not know"
    stop_by = signal.SIGINT

    def __init__(
        self,
        place: Place,
        members: int = 3,
        *,
        row: str = "ours",
        settings: Sequence[str] = (),
        probed: bool = False,
        secured: Secured | None = None,
    ) -> None:
        super().__init__(place, members)
        self._row = row
        self._settings = settings
        self._probed = probed
        self._secured = secured or Secured()

    @property
    def row(self) -> str:
        """As it was given."""
        return self._row

    @classmethod
    def version(cls) -> str:
        """The commit of this checkout."""
        return commit(ROOT) or "unknown"

    @property
    def addresses(self) -> list[str]:
        """As users write them."""
        return [f"localhost:{port}" for port in self.ports]

    @property
    def spec(self) -> Spec:
        """The nodes, and what is shown to them."""
        return {"nodes": self.addresses, "tls": list(self._secured.shown)}

    @property
    def victims(self) -> dict[str, int]:
        """Any node may be the one in use."""
        return {each: self.processes.pid(self._name(n)) for n, each in enumerate(self.addresses)}

    def start(self) -> None:
        """Start every node; returns when each serves and counts on the others."""
        for number in range(self.members):
            self.start_one(number)
        self.wait()

    @property
    def where(self) -> list[str]:
        """The option that says where the data is."""
        return ["--data-dir", str(self.place.folder)]

    def start_one(self, number: int) -> None:
        """Start a node; it does not serve yet."""
        options = ["--cluster", ",".join(self.addresses), *self.where, *self._secured.options]
        for setting in self._settings:
            options += ["--set", setting]
        program = [sys.executable, str(self.place.tree / "server.py")]
        if self._probed:
            program = [*self.place.module("bench.systems.probed"), str(self.probe(number)), "--"]
        self.processes.start(self._name(number), [*program, str(self.ports[number]), *options])

    def stop_one(self, number: int) -> None:
        """Stop a node as Ctrl+C does."""
        self.processes.stop(self._name(number), self.stop_by)

    def wait(self) -> None:
        """Return when every node serves and counts on the others. Raises SystemFailed."""

        def good(answers: Sequence[Health]) -> bool:
            self.processes.raise_if_ended()
            return all(answer.serving for answer in answers) and settled(answers)

        use_in_this_program(Credentials.of(self._secured.tls, None))
        answers = ask_until(self.addresses, good, timeout_s=2.0, patience_s=_START_PATIENCE_S)
        if not good(answers):
            raise SystemFailed(f"not ready after {_START_PATIENCE_S:g} s")

    def data_file(self, number: int) -> str:
        """The JSON file of a node."""
        return str(self.place.folder / f"data_node_{self.ports[number]}.json")

    def probe(self, number: int) -> str:
        """Where a probed node writes how long its event loop stood still."""
        return str(self.place.folder / f"probe-{number}")

    def log(self, number: int) -> str:
        """What a node has said."""
        return self.processes.log(self._name(number))

    @staticmethod
    def _name(number: int) -> str:
        return f"server {number}"


class Client(LoadClient):
    """The library, and beside it plain unary calls to one node."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._tls = Secured(shown=tuple(spec["tls"])).tls
        self._client = AsyncClient(spec["nodes"], timeout_s=_TIMEOUT_S, tls=self._tls)
        self._threaded: ThreadedClient | None = None
        self._versions: dict[str, Version] = {}

    async def open(self) -> None:
        """Connect, by the library and without it."""
        await self._client.put("opened", VALUE)
        self._channel = grpc.aio.insecure_channel(self.spec["nodes"][0])  # used without TLS only
        self._stub = KeyValueStub(self._channel)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.close()
        await self._channel.close()
        if self._threaded is not None:
            self._threaded.close()

    async def put(self, key: str) -> None:
        """As programs do."""
        stored = await self._client.put(key, VALUE)
        assert stored.acknowledged

    async def get(self, key: str) -> str | None:
        """As programs do."""
        return await self._client.get(key)

    async def connect(self, key: str) -> str | None:
        """A client that is used once."""
        nodes = self.spec["nodes"]
        async with AsyncClient(nodes, timeout_s=_TIMEOUT_S, tls=self._tls) as client:
            return await client.get(key)

    async def get_local(self, key: str) -> str | None:
        """Every read of ours is one of these."""
        return await self._client.get(key)

    async def get_linearizable(self, key: str) -> str | None:
        """As programs do."""
        return await self._client.get(key, linearizable=True)

    async def put_if_unchanged(self, key: str) -> None:
        """With the version that the put before it gave."""
        version = self._versions.pop(key, None) or await self._version(key)
        stored = await self._client.put(key, VALUE, if_version=version)
        self._versions[key] = stored.version

    async def _version(self, key: str) -> Version:
        held = await self._client.read(key, linearizable=True)
        if held is None:
            raise SystemFailed(f"{key} is not there")
        return held.version

    async def put_if_absent(self, key: str) -> None:
        """As programs do."""
        await self._client.put(key, VALUE, if_absent=True)

    async def add_one(self, key: str) -> None:
        """As programs do."""
        await self._client.update(key, lambda old: str(int(old or 0) + 1))

    async def number(self, key: str) -> int:
        """As programs do."""
        return int(await self._client.get(key, linearizable=True) or 0)

    async def raw_put(self, key: str) -> None:
        """A unary Put."""
        await self._stub.Put(PutRequest(key=key, value=VALUE), timeout=_TIMEOUT_S)

    async def raw_get(self, key: str) -> str | None:
        """A unary Get."""
        answer = await self._stub.Get(GetRequest(key=key), timeout=_TIMEOUT_S)
        return str(answer.value) if answer.found else None

    async def put_many(self, keys: Iterable[str]) -> None:
        """The library's own way."""
        await self._client.put_many(zip(keys, itertools.repeat(VALUE)))

    async def scan(self, prefix: str) -> int:
        """In order, pages at a time."""
        count = 0
        async for _ in self._client.scan(prefix):
            count += 1
        return count

    async def in_use(self) -> str:
        """The node that this client stays with."""
        stored = await self._client.put("in use", VALUE)
        return stored.served_by

    def threaded_put(self) -> Callable[[str], None]:
        """One Client for all threads."""
        client = self._threaded = ThreadedClient(self.spec["nodes"], timeout_s=_TIMEOUT_S)

        def put(key: str) -> None:
            client.put(key, VALUE)

        return put
