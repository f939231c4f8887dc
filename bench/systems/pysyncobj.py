"""PySyncObj: three processes of the Raft library; a program that uses it is one of them.

Here the caller is the leader, which is best for it: the others stand for election only after longer
silence. So the processor time of the leader is told with the client. Entries are sent as they come
(`appendEntriesUseBatch` off): with its default, a put waits a tenth of a second for company.

    python -m bench.systems.pysyncobj SELF OTHER OTHER
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from typing import Any

from bench.load.client import VALUE, LoadClient
from bench.systems.processes import SystemFailed
from bench.systems.system import System

_START_PATIENCE_S = 30.0
_IN_FLIGHT = 2_000
_PATIENT = {"raftMinTimeout": 60.0, "raftMaxTimeout": 90.0, "connectionTimeout": 90.0}
"""Of those that shall not lead: on a busy machine the caller may take seconds to come."""


class PySyncObj(System):
    """PySyncObj."""

    kind = "pysyncobj"
    name = "PySyncObj"
    promise = "in two of three journals, never fsynced; a read looks into its own process"
    needs_packages = ("pysyncobj",)

    @classmethod
    def version(cls) -> str:
        """That of the package."""
        from importlib.metadata import version

        return version("pysyncobj")

    def start(self) -> None:
        """Start all but the first, which is the caller."""
        for number in range(1, self.members):
            others = [each for each in self.addresses if each != self.addresses[number]]
            command = [*self.place.module("bench.systems.pysyncobj"), self.addresses[number]]
            self.processes.start(f"node {number}", [*command, *others])
        self.wait_for_ports(self.ports[1:])


class Client(LoadClient):
    """The first of the three processes, and their leader."""

    async def open(self) -> None:
        """Join, and wait until this one leads."""
        node, *others = self.spec["nodes"]
        self._store, self._object = _join(node, others)
        deadline_s = time.monotonic() + _START_PATIENCE_S
        while str(self._object._getLeader()) != node:
            if time.monotonic() > deadline_s:
                raise SystemFailed(f"does not lead after {_START_PATIENCE_S:g} s")
            await asyncio.sleep(0.05)
        await self.put("opened")

    async def close(self) -> None:
        """Leave."""
        self._object.destroy()

    async def put(self, key: str) -> None:
        """Return when it is committed."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def finish(_: object, failure: int) -> None:
            loop.call_soon_threadsafe(done.set_result, failure)

        self._store.set(key, VALUE, callback=finish)
        if failure := await done:
            raise SystemFailed(f"failed with {failure}")

    async def get(self, key: str) -> str | None:
        """A look into the dictionary of this process."""
        await asyncio.sleep(0)
        value: str | None = self._store.get(key)
        return value

    async def put_many(self, keys: Iterable[str]) -> None:
        """One by one, thousands in flight."""
        source = iter(keys)

        async def work() -> None:
            for key in source:
                await self.put(key)

        await asyncio.gather(*(work() for _ in range(_IN_FLIGHT)))


def _join(node: str, others: list[str], **options: float) -> tuple[Any, Any]:
    """A replicated dictionary, and the object that replicates it."""
    from pysyncobj import SyncObj, SyncObjConf
    from pysyncobj.batteries import ReplDict

    store = ReplDict()
    journal = f"journal-{node.rpartition(':')[2]}"
    conf = SyncObjConf(journalFile=journal, appendEntriesUseBatch=False, **options)
    return store, SyncObj(node, others, consumers=[store], conf=conf)


if __name__ == "__main__":
    _kept = _join(sys.argv[1], sys.argv[2:], **_PATIENT)
    while True:
        time.sleep(3600)
