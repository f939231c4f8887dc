"""A journal alone on a fake disk, with everything it did in plain sight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from kvcluster.config import Settings
from kvcluster.model.entry import Verdict, make_version
from kvcluster.storage import frames
from kvcluster.storage.journal import Journal
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import Ack, message

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import JournalFrame

FOLDER = Path("/data")
FIRST, SECOND = FOLDER / "journal-00000001", FOLDER / "journal-00000002"


class Bench:
    """A journal on a fake disk, and what it applied."""

    def __init__(
        self, disk: FakeDisk | None = None, *, sync: bool = True, settings: Settings | None = None
    ) -> None:
        self.disk = disk or FakeDisk()
        self.applied: list[str] = []
        """Keys as they were applied; with a minus, as they were dropped."""
        self.written = 0
        self.journal = Journal(
            self.disk,
            FOLDER,
            segment=1,
            settings=settings or Settings(),
            sync=sync,
            apply=self._apply,
            drop=self._drop,
            clock=lambda: 77,
        )
        self.running = asyncio.create_task(self.journal.run())

    def write(self, *keys: str, value: str = "v") -> Ack:
        """Hand in one write of these keys."""
        self.written += 1
        version = make_version(self.written, 1)
        return self.journal.write([message(key, value, version) for key in keys])

    def drop(self, *keys: str) -> Ack:
        """Hand in one write that drops these keys."""
        tombstones = [message(key, None, make_version(1, 1)) for key in keys]
        return self.journal.write([], [], tombstones)

    async def close(self) -> None:
        """Let the journal end."""
        self.journal.close()
        await self.running

    def frames(self, path: Path = FIRST) -> list[list[str]]:
        """The keys of each frame on disk; with a minus, those that it drops."""
        scanned = frames.scan(self.disk.files()[path])
        assert not scanned.torn
        assert not scanned.damaged
        decoded = [JournalFrame.FromString(payload) for payload in scanned.payloads]
        return [
            [entry.key for entry in frame.entries] + [f"-{drop.key}" for drop in frame.drops]
            for frame in decoded
        ]

    def _apply(self, entries: Sequence[EntryMessage]) -> list[Verdict]:
        self.applied += [entry.key for entry in entries]
        return [Verdict.NEWER for _ in entries]

    def _drop(self, drops: Sequence[EntryMessage]) -> None:
        self.applied += [f"-{drop.key}" for drop in drops]


@asynccontextmanager
async def bench(disk: FakeDisk | None = None, **options: object) -> AsyncIterator[Bench]:
    """A bench that is closed at the end."""
    one = Bench(disk, **options)  # type: ignore[arg-type]
    yield one
    await one.close()
