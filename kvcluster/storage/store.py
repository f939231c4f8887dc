"""The store: table, journal and checkpoint as one durable dict.

    store.open(stamp)             blocks: lock the files and load them
    await store.start(...)        first checkpoint if the files are not in order; then it is ready
    await store.write([...])      durable, then applied
    store.get(key)                from memory
    await store.close()           leaves the JSON complete

The lock is taken before anything is read and held until the process ends, so two servers never
work on the same files; the system drops it however the process ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from kvcluster.config import Settings
from kvcluster.errors import CannotStart, DiskFailed, OutcomeUnknown
from kvcluster.model.entry import ZERO, Entry, Verdict, Version
from kvcluster.storage.checkpoint import Checkpointer
from kvcluster.storage.digests import Digests
from kvcluster.storage.disk import Disk
from kvcluster.storage.found import Recovered
from kvcluster.storage.garbage import undisturbed
from kvcluster.storage.journal import Journal
from kvcluster.storage.promises import Promises, merged, without
from kvcluster.storage.recovery import recover
from kvcluster.storage.table import Table

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import MissedWrites, Promise, VersionsFooter

log = logging.getLogger("kvcluster")

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]
"""Starts a background task under a name; if it ends by an error, the process stops."""


class Store:
    """One node's data. `path` is the JSON file; the journal stands beside it in `<stem>.wal`."""

    found: Recovered
    """What was on disk when it was opened."""
    table: Table
    digests: Digests
    promises: Promises
    incomplete: str
    """Not empty: something acknowledged may be missing here, and why. Kept on disk too."""
    repair: bool
    """What is here may be old or absent; peers must make it whole. Kept on disk too."""
    votes: bool
    """What is here counts for majorities. Kept on disk too."""
    forgot: bool
    """Perhaps it did, and something of that is lost; until it counts again. Kept on disk too."""
    salvaged: bool
    """Whoever started it says that what is here is all there is."""
    journal: Journal
    """From `start` on, as is the checkpointer. Write by `write`."""
    checkpointer: Checkpointer

    def __init__(
        self,
        disk: Disk,
        path: Path,
        *,
        settings: Settings,
        fsync: bool,
        node: str,
        configuration: int,
    ) -> None:
        self._disk = disk
        self._node = node
        self._configuration = configuration
        self._settings = settings
        self.fsync = fsync
        self._tasks: list[asyncio.Task[None]] = []
        self.path = path
        self.folder = path.with_suffix(".wal")

    def open(self, stamp: str) -> Recovered:
        """Lock the files and load them; blocks. Raises CannotStart, with a sentence."""
        try:
            self._disk.make_folder(self.folder)
            self._disk.lock(self.folder / "lock")
            with undisturbed():
                found = recover(self._disk, self.path, self.folder, self._settings, stamp)
                found.table.order_keys()
        except BlockingIOError:
            raise CannotStart(
                f"{self.path} is in use by another server;"
                " stop that one, or give this one its own --data-dir"
            ) from None
        except OSError as error:
            raise CannotStart(_explain(error, self.path)) from error
        self._take_for_our_own(found)
        self.found, self.table, self.digests = found, found.table, found.table.digests
        self.promises = Promises(found.promises)
        self.incomplete, self.repair = found.incomplete, found.repair
        self.votes, self.salvaged = found.votes, False
        self.forgot = not found.votes and (
            found.forgot or found.new or found.repair or bool(found.incomplete)
        )
        return found

    def _take_for_our_own(self, found: Recovered) -> None:
        """Whose files are these, and were they written by a member of the same cluster?

        With other members or another R, this node may now hold slots that it never held. The files
        of another node of this very cluster (swapped folders) lack what this one was counted for.
        """
        if found.configuration != self._configuration:
            found.repair, found.votes = True, False
        elif found.node and found.node != self._node:
            found.damage(
                f"{self.path} and its folder are those of {found.node}, not {self._node}'s"
            )
        found.hints.pop(self._node, None)  # what another noted of this one; it will be told anew

    async def start(
        self, spawn: Spawn, *, clock: Callable[[], int], hints: Callable[[], Mapping[str, Version]]
    ) -> None:
        """Open a journal segment and get ready for writes. Raises CannotStart."""
        try:
            self.journal = Journal(
                self._disk,
                self.folder,
                segment=self.found.next_segment,
                settings=self._settings,
                sync=self.fsync,
                apply=self._apply,
                drop=self._drop,
                clock=clock,
            )
            self.checkpointer = Checkpointer(
                self._disk,
                self.path,
                self.folder,
                table=self.table,
                journal=self.journal,
                settings=self._settings,
                facts=lambda: self._facts(clock(), hints()),
            )
            self._tasks.append(spawn(self.journal.run(), "journal"))
            if self.found.rewrite or self.found.behind:
                self.checkpointer.require()
            if self.found.rewrite:
                await self.checkpointer.checkpoint(calm=False)
        except (OSError, DiskFailed) as error:
            await self.close()
            raise CannotStart(_explain(error, self.path)) from error
        self._tasks.append(spawn(self.checkpointer.run(), "checkpoint"))

    @property
    def needs_new_nodes(self) -> bool:
        """Whether something is here that a node of an older version would lose."""
        return self.table.decided or bool(self.table.lives.expiries)

    def get(self, key: str) -> Entry | None:
        """The entry of a key, a tombstone included."""
        return self.table.get(key)

    def write(
        self,
        entries: Sequence[EntryMessage],
        hints: Sequence[MissedWrites] = (),
        drops: Sequence[EntryMessage] = (),
        *,
        whatever_was_promised: bool = False,
    ) -> asyncio.Future[list[Verdict]]:
        """Make all of it durable, apply the entries, drop `drops`. See Journal.write.

        Entries below a promise are left out, and told so: REFUSED. `whatever_was_promised`: they
        are not; for a node that is made whole again, whose promises count no more.
        """
        refused = [] if whatever_was_promised else self.promises.refuse(entries)
        if not refused:
            return self.journal.write(entries, hints, drops)
        taken = without(entries, refused)
        return merged(self.journal.write(taken, hints, drops), refused)

    def promise(self, wanted: Sequence[Promise]) -> asyncio.Future[list[Verdict]]:
        """Promise to take nothing below some ballots. It counts at once; it may be told when this
        resolves: then it is durable, and whatever had been taken before is applied.
        """
        given = [it for it in wanted if self.promises.give(it.key, Version(it.ballot))]
        self.table.decided |= bool(given)
        return self.journal.write([], promises=given)

    def write_time(self) -> asyncio.Future[list[Verdict]]:
        """Make the time durable, though nothing else changed. Every frame carries it."""
        nothing = MissedWrites(peer=self._node)  # nobody keeps a hint of itself
        return self.journal.write([], [nothing])

    async def write_vote(self) -> None:
        """Make it durable that what is here counts for majorities. Raises OutcomeUnknown."""
        await self.journal.write([], votes=True)
        self.votes, self.forgot = True, False

    def refuse_if_full(self) -> None:
        """Raise DiskIsFull if a write would certainly fail now."""
        self.journal.refuse_if_full()

    async def barrier(self) -> None:
        """Return when everything handed to `write` so far is durable and applied."""
        await self.journal.write([])

    def mark_complete(self, *, whole: bool) -> None:
        """Nothing is known to be missing any more; `whole`: every peer was compared with, too.

        The next checkpoint says so on disk.
        """
        self.incomplete = ""
        self.repair = self.repair and not whole
        self.checkpointer.require()

    async def close(self) -> None:
        """Commit what is waiting, leave the JSON complete, close the files."""
        if not self._tasks:
            return
        with contextlib.suppress(OutcomeUnknown):
            await self.barrier()  # or a write on its way would miss the last checkpoint
        self.checkpointer.close()
        await asyncio.gather(*self._tasks[1:], return_exceptions=True)
        self.journal.close()
        await asyncio.gather(*self._tasks[:1], return_exceptions=True)

    def _apply(self, entries: Sequence[EntryMessage]) -> list[Verdict]:
        verdicts = self.table.apply_all(entries)
        self.promises.stored(entries)
        if any(verdict.conflicts for verdict in verdicts):
            _warn_of_conflicts(entries, verdicts)
        return verdicts

    def _facts(self, clock: int, hints: Mapping[str, Version]) -> VersionsFooter:
        """What a checkpoint keeps besides entries."""
        return VersionsFooter(
            clock=clock,
            hints=[MissedWrites(peer=peer, since=since) for peer, since in hints.items()],
            incomplete=self.incomplete,
            repair=self.repair,
            node=self._node,
            configuration=self._configuration,
            promises=self.promises.messages(),
            decided=self.table.decided,
            votes=self.votes,
            forgot=self.forgot,
        )

    def _drop(self, drops: Sequence[EntryMessage]) -> None:
        for entry in drops:
            self.table.drop(entry.key, Version(entry.version))


def _warn_of_conflicts(entries: Sequence[EntryMessage], verdicts: Sequence[Verdict]) -> None:
    for entry, verdict in zip(entries, verdicts, strict=True):
        if verdict.conflicts and entry.version != ZERO:
            log.warning(
                "DATA  %.40r came with two contents in one version: damage somewhere;"
                " the larger stays",
                entry.key,
            )


def _explain(error: OSError | DiskFailed, path: Path) -> str:
    if isinstance(error, DiskFailed):
        return str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"cannot use {error.filename or path}: it is not a folder"
    return f"cannot use {error.filename or path}: {error.strerror or error}"
