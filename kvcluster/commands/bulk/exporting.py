"""`client.py export`: pairs are read in pages, in the order of their keys, and written to a file.

A page counts once it is complete. If a slot has no live replica, its keys are missing all over the
page, so the export ends before that page, and continues there when the node is back: the file never
has holes that nobody knows of.

Written to standard output nothing can be taken back: there, what was found is printed, and the end
says what is missing.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kvcluster import AsyncClient
from kvcluster.commands.bulk import rows
from kvcluster.commands.bulk.bookmark import Shelf, difference
from kvcluster.commands.bulk.formats import BadFile, Format, Promised, promised
from kvcluster.commands.bulk.pairs import to_line, to_member
from kvcluster.commands.bulk.part import Part
from kvcluster.config import MIB
from kvcluster.console import key_remarks
from kvcluster.console.arguments import STANDARD
from kvcluster.console.screen import Exit, complain, counted, emit, file_name, give_up, say, shown
from kvcluster.console.stopping import unless, unless_wished, wishes
from kvcluster.errors import KvError
from kvcluster.view.meter import Meter, speed

_PAGE_BYTES = 8 * MIB
_PAGE_KEYS = 10_000
_FIRST_PAGE_KEYS = 1_000
_SAVE_INTERVAL_S = 0.5


@dataclass
class ExportOrder:
    """What the command line asks for."""

    nodes: tuple[str, ...]
    file: str
    format: str | None
    prefix: str
    restart: bool
    force: bool
    timeout_s: float
    json: bool
    expiring: int = field(default=0, init=False)
    """How many keys of those that were written by this run will expire."""

    @property
    def name(self) -> str:
        """What the file is called in a sentence."""
        return file_name(self.file)

    @property
    def promised(self) -> Promised:
        """The format, as it is asked for or the name says, and whether it is compressed. Raises
        BadFile.
        """
        return promised("" if self.file == STANDARD else self.file, self.format)

    @property
    def kind(self) -> Format:
        """The format; JSON Lines where nothing says so."""
        return self.promised.format or Format.JSONL

    @property
    def about(self) -> dict[str, str]:
        """What must be the same to go on."""
        return {
            "command": "export",
            "format": self.kind.value,
            "holes": "none",  # earlier programs did not hear of every one
            "gzip": str(self.promised.gzip).lower(),
            "nodes": ",".join(sorted(self.nodes)),
            "prefix": self.prefix,
        }


def run(order: ExportOrder) -> int:
    """Export; return the exit code."""
    if order.file == STANDARD:
        client = AsyncClient(order.nodes, timeout_s=order.timeout_s, raw=True)
        return asyncio.run(unless_wished(client, partial(_print, order)))
    # A link stays one: what it leads to is written.
    target = Path(os.path.realpath(order.file))
    try:
        there = _status(order.file)
        if there is not None and (why := _objection(order, there)):
            complain(why)
            return Exit.BAD_USAGE
        packed = order.promised.gzip
        part = Part(target, order.kind, order.about, there, packed=packed)
    except BadFile as bad:
        complain(f"{order.name} {bad}.")
        return Exit.BAD_USAGE
    except OSError as error:
        complain(f"{order.name} cannot be written: {error.strerror or error}.")
        return Exit.BAD_USAGE
    try:
        return asyncio.run(_run(order, part, Shelf(target)))
    finally:
        part.close()


def _status(file: str) -> os.stat_result | None:
    """What stands under a name, behind any link; None: nothing."""
    try:
        return Path(file).stat()
    except FileNotFoundError:
        return None


def _objection(order: ExportOrder, there: os.stat_result) -> str:
    """Why what is there is not replaced."""
    if not stat.S_ISREG(there.st_mode):
        return f'{order.name} is no ordinary file; "-" writes to standard output.'
    return "" if order.force else f"{order.name} is there already; --force replaces it."


async def _run(order: ExportOrder, part: Part, shelf: Shelf) -> int:
    started_s = time.monotonic()
    _place(order, part, shelf)
    before = part.keys
    with wishes() as wish:
        try:
            async with AsyncClient(order.nodes, timeout_s=order.timeout_s, raw=True) as client:
                meter = Meter(order.name, None)
                meter.show(0, part.keys)
                with meter:
                    filling = _fill(order, part, shelf, client, meter, wish)
                    done = await unless(wish, filling)
        except KvError as error:
            code = give_up(error)
            return _say_place(part, shelf, "It ends here", code)
        except OSError as error:
            complain(f"{part.name} cannot be written: {error.strerror or error}.")
            return _say_place(part, shelf, "It ends here", Exit.UNKNOWN)
    if not done:
        return _say_place(part, shelf, "Interrupted", Exit.INTERRUPTED)
    if not part.keys and (why := key_remarks.on_pattern(order.prefix, "--prefix", of_many=True)):
        shelf.clear()
        part.discard()
        complain(f'No key begins with "{shown(order.prefix)}", so nothing was written. {why}')
        return Exit.BAD_USAGE
    part.install()
    shelf.clear()
    elapsed_s = time.monotonic() - started_s
    if order.json:
        now = part.keys - before
        emit(file=order.name, keys=part.keys, keys_now=now, seconds=round(elapsed_s, 3))
    else:
        here = f", {part.keys - before:,} of them now," if before else ""
        say(f"exported {counted(part.keys, 'key')}{here} {speed(part.keys - before, elapsed_s)}")
    _tell_of_expiries(order)
    return Exit.DONE


def _place(order: ExportOrder, part: Part, shelf: Shelf) -> None:
    """Put the part behind what an earlier run has written, or empty it."""
    mark = shelf.find_for("export") if not order.restart else None
    if mark is not None and mark.keys:
        why = difference(mark, order.about)
        if not why and not part.go_on(mark):
            why = f"{part.name} is not as it was left"
        if why:
            complain(f"An earlier export cannot be continued: {why}. It begins anew.")
        else:
            complain(f"Going on behind {counted(part.keys, 'key')} that were written before.")
    part.begin()


async def _fill(
    order: ExportOrder,
    part: Part,
    shelf: Shelf,
    client: AsyncClient,
    meter: Meter,
    wish: asyncio.Event,
) -> bool:
    limit, saved_s, mark = _FIRST_PAGE_KEYS, 0.0, part.mark()
    try:
        while True:
            size_bytes = 0
            after = part.last_key
            pairs = client.scan_with_expiry(order.prefix, start_after=after, limit=limit)
            async for key, value, expires_at in pairs:
                assert isinstance(value, str)  # the client is a raw one
                size_bytes += part.write(key, value, expires_at)
                order.expiring += expires_at is not None
                if wish.is_set():
                    return False
            count, mark = part.keys - mark.keys, part.mark()
            meter.show(0, part.keys)
            if count < limit:
                return True
            if time.monotonic() - saved_s >= _SAVE_INTERVAL_S:
                saved_s = time.monotonic()
                shelf.put(mark)
            limit = max(1, min(_PAGE_KEYS, _PAGE_BYTES * count // size_bytes))
    finally:
        shelf.put(mark)


def _say_place(part: Part, shelf: Shelf, how: str, code: int) -> int:
    mark = shelf.find()
    keys = counted(mark.keys if mark is not None else 0, "key")
    complain(f"{how}, with {keys} in {part.name}; run the same command again to continue.")
    if shelf.trouble:
        complain(f"How far it came could not be noted: {shelf.trouble}.")
    return code


async def _print(order: ExportOrder, client: AsyncClient, wish: asyncio.Event) -> int:
    started_s, count, code = time.monotonic(), 0, int(Exit.DONE)
    write = sys.stdout.buffer.write
    json, csv = order.kind is Format.JSON, order.kind is Format.CSV
    if csv:
        write(rows.HEADER)
    try:
        with Meter("standard output", None) as meter:
            async for key, value, expires_at in client.scan_with_expiry(order.prefix):
                assert isinstance(value, str)  # the client is a raw one
                order.expiring += expires_at is not None
                if wish.is_set():
                    return Exit.INTERRUPTED
                if json:
                    write((b",\n" if count else b"{\n") + to_member(key, value))
                else:
                    write(rows.to_row(key, value) if csv else to_line(key, value, expires_at))
                count += 1
                if not count % _FIRST_PAGE_KEYS:
                    meter.show(0, count)
    except KvError as error:
        code = give_up(error)
    if json and code == Exit.DONE:
        write(b"\n}\n" if count else b"{}\n")
    sys.stdout.buffer.flush()
    complain(f"exported {counted(count, 'key')} {speed(count, time.monotonic() - started_s)}")
    _tell_of_expiries(order)
    return code


def _tell_of_expiries(order: ExportOrder) -> None:
    """Say what a format could not hold."""
    if order.expiring and order.kind is not Format.JSONL:
        complain(
            f"{counted(order.expiring, 'key')} of them will expire, which {order.kind.value} does"
            " not say; JSON Lines (.jsonl) does."
        )
