"""What `touch` and `persist` share: a key gets another time to live, and keeps its value."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kvcluster.commands import keys
from kvcluster.commands.command import Call, Work
from kvcluster.console.screen import Exit, complain, emit, say, shown

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient

Change = Callable[["RawClient", str], bool]
"""Gives a key its time; whether it is there."""


def changing(call: Call, change: Change, told: str) -> Work:
    """The work of such a command. `told`: what to say when it is done."""
    return partial(keys.asker(call, writes=True), partial(_change, call, change, told))


def _change(call: Call, change: Change, told: str, store: RawClient) -> int:
    key: str = call.options.key
    found = change(store, key)
    if call.json:
        emit(key=key, found=found)
    elif found:
        say(told)
    else:
        complain(f'There is no key "{shown(key)}"; nothing was written.')
    return Exit.DONE if found else Exit.NOT_SO
