"""One life of a store, from its start to its end, as short as a test wants to write it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from kvcluster.config import Settings
from kvcluster.model.clock import HybridClock
from kvcluster.model.entry import Verdict, Version, make_version
from kvcluster.storage.block import Block
from kvcluster.storage.disk import Disk
from kvcluster.storage.store import Store
from tests.storage.fake_disk import FakeDisk
from tests.storage.virtual_loop import run

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import MissedWrites

PATH = Path("/data/data_node_50051.json")
FOLDER = PATH.with_suffix(".wal")
SETTINGS = Settings()

DATA = {"a": "1", "b": "2", "c": "3"}
"""What `lived` has written."""

Ack = asyncio.Future[list[Verdict]]


def message(key: str, value: str | None, version: Version) -> EntryMessage:
    """An entry as it is written and sent."""
    return EntryMessage(key=key, value=value or "", deleted=value is None, version=version)


class Life:
    """A store that was opened; `async with` starts it and stops it cleanly."""

    def __init__(
        self,
        disk: Disk,
        *,
        path: Path = PATH,
        settings: Settings = SETTINGS,
        fsync: bool = True,
        incarnation: int = 1,
        node: str = "a:1",
        configuration: int = 1,
    ) -> None:
        self.store = Store(
            disk, path, settings=settings, fsync=fsync, node=node, configuration=configuration
        )
        self.found = self.store.open(f"stamp{incarnation}")
        self.clock = HybridClock(incarnation, self.found.clock)
        self.hints = dict(self.found.hints)
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Life:
        await self.store.start(
            self._spawn, clock=lambda: self.clock.now(0), hints=lambda: self.hints
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is None:
            await self.store.close()
        else:
            await self.end()

    async def end(self) -> None:
        """Stop at once, as a kill does."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    def put(self, key: str, value: str) -> Ack:
        """Write a value."""
        return self.store.write([message(key, value, self.clock.tick(0))])

    def put_many(self, pairs: dict[str, str]) -> Ack:
        """Write values, as a block."""
        first = self.clock.ticks(0, len(pairs))
        return self.store.write(Block(list(pairs), list(pairs.values()), first))

    def delete(self, key: str) -> Ack:
        """Write a tombstone."""
        return self.store.write([message(key, None, self.clock.tick(0))])

    def drop(self, key: str) -> Ack:
        """Forget what is held for a key now."""
        entry = self.store.get(key)
        assert entry is not None, f"{key} is not there"
        return self.store.write([], [], [message(key, None, entry[1])])

    def note(self, peer: str, since: Version | None) -> Ack:
        """Make a note durable, or clear it."""
        if since is None:
            self.hints.pop(peer, None)
        else:
            self.hints[peer] = since
        return self.store.write([], [MissedWrites(peer=peer, since=since or b"")])

    async def checkpointed(self) -> None:
        """Wait until the JSON file holds what the store holds."""
        await until(lambda: self._json_holds_all() and not self.store.checkpointer.last_error)

    def data(self) -> dict[str, str]:
        """Every key that has a value."""
        return {key: e[0] for key, e in self.store.table.items() if e[0] is not None}

    def json(self) -> dict[str, str]:
        """What the JSON file says."""
        try:
            pairs: dict[str, str] = orjson.loads(self.store._disk.read(self.store.path))
        except FileNotFoundError:
            return {}
        return pairs

    def _json_holds_all(self) -> bool:
        """Whether `json` equals `data`, without a walk through every slot: it is asked often."""
        pairs, table = self.json(), self.store.table
        held = {key: entry[0] for key in pairs if (entry := table.get(key))}
        return pairs == held and len(held) == table.live

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        self.tasks[name] = asyncio.get_running_loop().create_task(work, name=name)
        return self.tasks[name]


async def until(condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
    """Wait for a condition, at most so long by the loop's clock."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + deadline_s
    while not condition():
        assert loop.time() < end_s, "the condition did not come true in time"
        await asyncio.sleep(0.01)


def files_of(disk: FakeDisk, part: str = "") -> list[str]:
    """Names of the files on a fake disk that have `part` in them."""
    return [path.name for path in disk.files() if part in path.name]


def lived(*, stop: bool = True, more: dict[str, str] | None = None) -> FakeDisk:
    """A disk on which a store has written DATA, deleted "gone", and made a checkpoint.

    It was stopped cleanly, or killed with `more` in the journal only.
    """

    async def scenario(disk: FakeDisk) -> None:
        life = await Life(disk).__aenter__()
        life.store.mark_complete(whole=True)
        for key, value in {"gone": "x", **DATA}.items():
            await life.put(key, value)
        await life.delete("gone")
        await life.note("peer:1", make_version(5, 5))
        await life.checkpointed()
        if stop:
            await life.store.close()
        else:
            for key, value in (more or {}).items():
                await life.put(key, value)
            await life.end()

    disk = FakeDisk()
    run(scenario(disk))
    return disk.kill()


def only(disk: FakeDisk, part: str) -> Path:
    """The one file whose name has `part`."""
    paths = [path for path in disk.files() if part in path.name]
    assert len(paths) == 1, paths
    return paths[0]


def restarted(disk: FakeDisk) -> FakeDisk:
    """Start, wait for the start to be done, stop cleanly; what is left then."""

    async def scenario() -> None:
        async with Life(disk, incarnation=7):
            pass

    run(scenario())
    return disk.kill()
