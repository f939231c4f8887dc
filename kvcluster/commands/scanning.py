"""`client.py scan`: pairs in the order of their keys, a line each, as they come.

A line is a pair whatever stands in it: what would end a line or a column is escaped
(console/escaping.py). Nothing is collected first, so `scan | head` ends at once, and a scan of
everything costs no memory.

When some slots have no live replica, all that was found is printed, standard error says what is
missing, and the exit code is 3: a list with holes is better than none, if one knows that it is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from kvcluster import AsyncClient
from kvcluster.client import values
from kvcluster.commands.binary import on_a_line
from kvcluster.console import key_remarks, streams
from kvcluster.console.escaping import as_line, shown
from kvcluster.console.output import as_json, emit, give_up
from kvcluster.console.screen import Exit, complain, is_for_people, say, show
from kvcluster.console.stopping import unless, wishes
from kvcluster.errors import Incomplete, KvError


@dataclass(frozen=True)
class ScanOrder:
    """Which keys, and what of them."""

    prefix: str
    start_after: str
    limit: int | None
    keys_only: bool
    count: bool


def run(nodes: tuple[str, ...], wanted: ScanOrder, *, timeout_s: float, json: bool) -> int:
    """Print what is wanted; return the exit code."""
    return asyncio.run(_run(nodes, wanted, timeout_s, json))


async def _run(nodes: tuple[str, ...], wanted: ScanOrder, timeout_s: float, json: bool) -> int:
    with wishes() as wish:
        async with AsyncClient(nodes, timeout_s=timeout_s, raw=True) as client:
            code = await unless(wish, _print(client, wanted, json, wish))
    if code is None or wish.is_set():
        raise KeyboardInterrupt
    return code


async def _print(client: AsyncClient, wanted: ScanOrder, json: bool, wish: asyncio.Event) -> int:
    count, code = 0, int(Exit.DONE)
    try:
        async for line in _lines(client, wanted, json):
            if wish.is_set():
                return Exit.INTERRUPTED
            count += 1
            if not wanted.count:
                show(f"{line}\n")
    except KvError as error:
        streams.flush()
        code = give_up(error)
        if not isinstance(error, Incomplete):
            return code
    if wanted.count:
        _tell(count, json)
    if not count and code == Exit.DONE and (remark := await of_nothing(client, wanted.prefix)):
        complain(f'No key begins with "{shown(wanted.prefix)}". {remark}')
    return code


async def of_nothing(client: AsyncClient, prefix: str, command: str = "scan") -> str:
    """Why a prefix may have found nothing, for who cannot see it; empty: nobody knows.

    `command`: what would have been right in front of another one.
    """
    for twin in key_remarks.twins(prefix):
        async for _ in client.scan_keys(twin, limit=1):
            return key_remarks.on_twin(twin, "Keys that begin with what looks the same are")
    return key_remarks.on_pattern(prefix, command, of_many=True)


def _tell(count: int, json: bool) -> None:
    if json:
        emit(count=count)
    else:
        say(str(count))


async def _lines(client: AsyncClient, wanted: ScanOrder, json: bool) -> AsyncIterator[str]:
    after, limit, people = wanted.start_after, wanted.limit, is_for_people()
    if wanted.keys_only or wanted.count:
        async for key in client.scan_keys(wanted.prefix, start_after=after, limit=limit):
            yield as_json({"key": key}) if json else as_line(key)
        return
    async for key, value in client.scan(wanted.prefix, start_after=after, limit=limit):
        # For programs as it is stored, which is what import takes; for people as it was put.
        if json:
            yield as_json({"key": key, "value": value})
        else:
            shown_value = on_a_line(value) if people else values.plain(value)
            yield f"{as_line(key)}\t{as_line(shown_value)}"
