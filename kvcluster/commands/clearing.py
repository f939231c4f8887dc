"""`client.py delete --prefix`: the keys that begin with a prefix, told first and removed then.

What is removed is what was counted: a key that is written after the question stays. The answer for
scripts is `--yes`, and it does not stand for an empty prefix, since a variable that was not set
would then remove everything.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from kvcluster import AsyncClient
from kvcluster.commands.command import Call
from kvcluster.commands.keys import of_nothing
from kvcluster.console.screen import Exit, complain, counted, emit, give_up, say, shown
from kvcluster.console.stopping import unless, wishes
from kvcluster.errors import KvError, SomeFailed

_AT_A_TIME = 4_000
_EVERYTHING = (
    "An empty prefix means every key. Only a person at a terminal is asked for that, and --yes does"
    " not do for it."
)


def run(call: Call, prefix: str, *, agreed: bool) -> int:
    """Ask, and remove; return the exit code."""
    if agreed and not prefix:
        complain(_EVERYTHING)
        return Exit.BAD_USAGE
    if not agreed and (sys.stdin is None or not sys.stdin.isatty()):
        nobody = "Nobody can be asked, since standard input is no terminal; say --yes."
        complain(nobody if prefix else _EVERYTHING)
        return Exit.BAD_USAGE
    return asyncio.run(_run(call, prefix, agreed))


async def _run(call: Call, prefix: str, agreed: bool) -> int:
    async with AsyncClient(call.nodes, timeout_s=call.timeout_s) as client:
        try:
            with wishes() as wish:
                keys = await unless(wish, _find(client, prefix, wish))
        except KvError as error:
            complain("Nothing was deleted, since not every key could be found:")
            return give_up(error)
        if keys is None or wish.is_set():
            raise KeyboardInterrupt
        if not keys and (remark := await of_nothing(client, prefix, "delete --prefix")):
            complain(f'No key begins with "{shown(prefix)}". {remark}')
        if not agreed and keys and not _asked(prefix, len(keys)):
            complain("Nothing was deleted.")
            return Exit.NOT_SO
        return await _remove(client, keys, call.json)


async def _find(client: AsyncClient, prefix: str, wish: asyncio.Event) -> list[str]:
    keys = []
    async for key in client.scan_keys(prefix):
        if wish.is_set():
            break
        keys.append(key)
    return keys


def _asked(prefix: str, count: int) -> bool:
    which = f' that {"begins" if count == 1 else "begin"} with "{shown(prefix)}"' if prefix else ""
    complain(f"Delete {counted(count, 'key')}{which}? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _remove(client: AsyncClient, keys: Sequence[str], json: bool) -> int:
    deleted, error = 0, None
    for start in range(0, len(keys), _AT_A_TIME):
        try:
            deleted += (await client.delete_many(keys[start : start + _AT_A_TIME])).found
        except SomeFailed as failed:
            deleted += failed.found or 0
            error = next(iter(failed.failures.values()))
            break
    if json:
        emit(deleted=deleted)
    else:
        say(f"deleted {counted(deleted, 'key')}")
    if error is None:
        return Exit.DONE
    complain(f"{counted(len(keys) - deleted, 'key')} may still be there; the first reason:")
    return give_up(error)
