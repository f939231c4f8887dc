"""How times, amounts and reasons are put into words, the same in every program here.

A person reads `12 s`, `1.2 MiB`, and one clause on how far a node has come. A message or a number
goes in, a few words come out; a moment is told in the time zone of whoever reads it. What states
are called is in client/answers.py.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from kvcluster.console.screen import counted

if TYPE_CHECKING:
    from demo_pb2 import Progress

_CATCHING_UP = "catching up from"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_KIB = 1024
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
MILLISECONDS_BYTES = 6
"""A version begins with so many bytes of milliseconds since 1970 (docs/files.md)."""


def forwarded(asked: str, served_by: str) -> str:
    """What to add where another node answered than the one asked; nothing otherwise."""
    return f", forwarded to {served_by}" if served_by not in ("", asked) else ""


def why_not_serving(reason: str, sync: Progress) -> str:
    """Why a node does not serve and, if it is catching up, how far it has come."""
    if not sync.source:
        return reason
    # A reason may name all that are still to be read from; the progress is with one of them.
    if not reason or reason.startswith(_CATCHING_UP):
        reason = f"{_CATCHING_UP} {sync.source}"
    told = ", ".join(filter(None, [reason, _amount(sync)]))
    return told if sync.source in told else f"{told} from {sync.source}"


def _amount(sync: Progress) -> str:
    if sync.entries <= sync.about and sync.about:
        return f"{sync.entries:,} of about {counted(sync.about, 'entry', 'entries')}"
    # The total is an estimate; once it is passed it says nothing any more.
    return f"{counted(sync.entries, 'entry', 'entries')} so far" if sync.entries else ""


def duration(seconds: float) -> str:
    """A time span in its largest unit: "12 s", "3 min", "5 h", "4 d"."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s" if seconds < _MINUTE_S - 0.5 else "1 min"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S:.0f} min"
    if seconds < 2 * _DAY_S:
        return f"{seconds // _HOUR_S:.0f} h"
    return f"{seconds // _DAY_S:,.0f} d"


def size(count: float) -> str:
    """An amount of bytes: "17 B", "1.2 MiB"."""
    for unit in _UNITS:
        # 1,023.96 would be written as 1024.0.
        if count < _KIB - 0.05 or unit == _UNITS[-1]:
            break
        count /= _KIB
    return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"


def in_utc(at: datetime) -> str:
    """A time in UTC as programs write and read it: "2030-01-31T12:00:00.000Z"."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(version: bytes, now_s: float) -> str:
    """When a version was made, in local time: "14:03:07", with the day if that is another one."""
    seconds = int.from_bytes(version[:MILLISECONDS_BYTES], "big") / 1000
    if not seconds:
        return "the beginning"
    then, now = time.localtime(seconds), time.localtime(now_s)
    same_day = then[:3] == now[:3]
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", then)
