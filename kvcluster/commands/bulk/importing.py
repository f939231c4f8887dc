"""`client.py import`: what is said before, at the end, and when it did not go well.

How the work is done is in importer.py. Every way to end says how far it came, and to run the same
command again where that continues it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from kvcluster import AsyncClient
from kvcluster.commands.bulk.bookmark import Bookmark, Shelf, difference
from kvcluster.commands.bulk.chunks import ImportSource
from kvcluster.commands.bulk.formats import BadFile, Format
from kvcluster.commands.bulk.importer import Importer
from kvcluster.commands.bulk.pairs import BadPair
from kvcluster.commands.bulk.reading import (
    can_be_continued,
    format_of,
    open_import,
    source_of,
)
from kvcluster.console.arguments import STANDARD
from kvcluster.console.screen import (
    Exit,
    capital,
    closed,
    complain,
    counted,
    emit,
    file_name,
    say,
    sentence,
    shown,
)
from kvcluster.console.stopping import wishes
from kvcluster.console.streams import BrokenOff
from kvcluster.errors import KvError
from kvcluster.view.meter import Meter, speed

_PATIENCE_TIMEOUTS = 2.0
_NAMED_BAD = 20
"""So many bad lines are named one by one; the others are counted."""


@dataclass
class ImportOrder:
    """What the command line asks for, and what came of it."""

    nodes: tuple[str, ...]
    file: str
    format: str | None
    restart: bool
    skip_bad: bool
    timeout_s: float
    json: bool
    bad: int = field(default=0, init=False)
    """Lines that were left out."""
    before: int = field(default=0, init=False)
    """Keys that an earlier run stored."""
    shelf: Shelf | None = field(default=None, init=False)
    """Where it is noted how far it came; None where nobody could go on from there."""

    @property
    def name(self) -> str:
        """What the file is called in a sentence."""
        return "standard input" if self.file == STANDARD else file_name(self.file)

    def about(self, kind: Format) -> dict[str, str]:
        """What must be the same to go on."""
        nodes = ",".join(sorted(self.nodes))
        return {"command": "import", "format": kind.value, "nodes": nodes}


def run(order: ImportOrder) -> int:
    """Import; return the exit code."""
    return asyncio.run(_run(order))


async def _run(order: ImportOrder) -> int:
    started_s = time.monotonic()
    with wishes() as wish:
        try:
            with open_import(order.file, order.format) as file:
                # To read a pipe may take for ever; in a thread it can be broken off.
                source = await asyncio.to_thread(_source, order, file)
                if source is None:
                    complain("Interrupted, before anything was stored.")
                    return Exit.INTERRUPTED
                if can_be_continued(file, order.file):
                    order.shelf = Shelf(Path(order.file))
                return await _import(order, source, wish, started_s)
        except BadFile as bad:
            complain(_about(order, bad))
            return Exit.BAD_USAGE


def _source(order: ImportOrder, file: BufferedReader) -> ImportSource | None:
    """What is to be imported; None if waiting for it was broken off. Raises BadFile."""
    try:
        kind = format_of(file, order.file, order.format)
        return source_of(file, kind, order.about(kind))
    except BrokenOff:
        return None


async def _import(
    order: ImportOrder, source: ImportSource, wish: asyncio.Event, started_s: float
) -> int:
    def on_bad(bad: BadPair) -> None:
        if not order.skip_bad:
            raise bad
        order.bad += 1
        if order.bad <= _NAMED_BAD:
            complain(f"left out: {_sentence(order, source, bad)}")

    async with AsyncClient(
        order.nodes, timeout_s=order.timeout_s, retry_unknown=True, raw=True
    ) as client:
        mark = await _place(order, source, client)
        meter = Meter(order.name, source.total)
        if mark is not None:
            meter.show(mark.done, mark.keys)
        with meter:
            patience_s = order.timeout_s * _PATIENCE_TIMEOUTS
            importer = Importer(client, source, order.shelf, meter, on_bad, patience_s, mark)
            try:
                complete = await importer.run(wish)
                ended: KvError | None = None
            except KvError as error:
                complete, ended = False, error
    if order.shelf is not None and order.shelf.trouble:
        complain(f"How far it came could not be noted: {closed(order.shelf.trouble)}")
    if importer.over:
        were = "was" if importer.over == 1 else "were"
        complain(f"{counted(importer.over, 'key')} had expired, and {were} not stored.")
    if complete:
        return _done(order, importer.mark, time.monotonic() - started_s)
    return _not_done(order, source, importer.mark, ended)


async def _place(order: ImportOrder, source: ImportSource, client: AsyncClient) -> Bookmark | None:
    """Where an earlier run ended, with the source behind it; None at the beginning."""
    shelf = order.shelf
    mark = shelf.find_for("import") if shelf is not None else None
    if mark is None or shelf is None:
        return None
    if order.restart:
        shelf.clear()
        return None
    why = await _why_not(order, source, client, mark)
    if why:
        complain(f"An earlier import of {order.name} cannot be continued: {why}. It begins anew.")
        return None
    order.before = mark.keys
    unit = source.format.unit
    complain(
        f"Going on from {unit} {mark.number + 1:,}; {counted(mark.keys, 'key')} stored before."
    )
    return mark


async def _why_not(
    order: ImportOrder, source: ImportSource, client: AsyncClient, mark: Bookmark
) -> str:
    if why := difference(mark, order.about(source.format)):
        return why
    try:
        # A cluster that was emptied in between, or another one at the same addresses.
        if mark.last_key and await client.get(mark.last_key) is None:
            return f'the key "{shown(mark.last_key)}", which it stored last, is not there any more'
    except KvError:
        pass  # that no node answers will be told by the import itself
    return "" if source.go_on(mark) else "the file was changed before that place"


def _about(order: ImportOrder, bad: BadFile) -> str:
    """What is wrong with the file, whose name keeps its letters."""
    text = closed(f"{order.name} {bad}")
    return capital(text) if order.file == STANDARD else text


def _sentence(order: ImportOrder, source: ImportSource, bad: BadPair) -> str:
    return f"{source.format.unit} {bad.number:,} of {order.name} {closed(str(bad))}"


def _done(order: ImportOrder, mark: Bookmark | None, elapsed_s: float) -> int:
    keys = mark.keys if mark is not None else 0
    if order.shelf is not None:
        order.shelf.clear()
    now = keys - order.before
    if order.json:
        emit(
            file=file_name(order.file),
            keys=keys,
            keys_now=now,
            left_out=order.bad,
            seconds=round(elapsed_s, 3),
        )
    else:
        here = f", {now:,} of them now," if order.before else ""
        say(f"imported {counted(keys, 'key')}{here} {speed(now, elapsed_s)}")
    if order.bad:
        complain(f"{counted(order.bad, 'line')} left out.")
        return Exit.NOT_SO
    return Exit.DONE


def _not_done(
    order: ImportOrder, source: ImportSource, mark: Bookmark | None, error: KvError | None
) -> int:
    keys = counted(mark.keys if mark is not None else 0, "key")
    again = "" if order.shelf is None else "run the same command again to continue"
    if isinstance(error, BadPair):
        complain(capital(_sentence(order, source, error)))
        again = f"mend it, and {again}" if again else ""
        complain(_joined("Everything before it is stored", again))
        return Exit.BAD_USAGE
    if isinstance(error, BadFile):
        complain(_about(order, error))
        again = f"once it is mended, {again}" if again and mark is not None else ""
        complain(_joined(f"It ends here, with {keys} stored", again))
        return Exit.BAD_USAGE
    if error is not None:
        complain(sentence(error))
        complain(_joined(f"It ends here, with {keys} stored", again))
        return Exit.UNKNOWN
    complain(_joined(f"Interrupted, with {keys} stored", again))
    return Exit.INTERRUPTED


def _joined(first: str, second: str) -> str:
    return closed(f"{first}; {second}" if second else first)
