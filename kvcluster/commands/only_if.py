"""Only if: the options by which a write depends on what is there, and what is told if it is not so.

A condition that does not hold is an answer, not a failure: nothing was written, and one line says
what is there instead, its version and when it was written. So a script can go on from there, and a
person sees who was first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from kvcluster.client import values
from kvcluster.commands import keys
from kvcluster.commands.command import Call
from kvcluster.console import arguments
from kvcluster.console.arguments import argument, flag
from kvcluster.console.screen import Exit, complain, emit, shown
from kvcluster.view.wording import MILLISECONDS_BYTES, in_utc, moment

if TYPE_CHECKING:
    from kvcluster.client.conditions import There

    from demo_pb2 import Condition

IF_ABSENT = flag("--if-absent", text="only if there is no such key")
IF_VERSION = argument(
    "--if-version",
    text="only if it has this version, as get -v prints it",
    metavar="HEX",
    type=arguments.version,
)
IF_VALUE = argument(
    "--if-value", text="only if it has this value", metavar="OLD", type=arguments.valid
)
_BOTH = "--if-absent, --if-version and --if-value are conditions: give one of them"
_LONGEST_SHOWN = 200

_TIME_BYTES = 8
"""Of a version of a node: behind its time stands who made it, which is never zero."""


class HasExpiry(Protocol):
    """An answer that says when a key expires."""

    @property
    def expires_ms(self) -> int:
        """In milliseconds since 1970; 0: never."""


def condition_of(call: Call) -> Condition | None:
    """The condition that a command line gives, or none. It refuses two."""
    from kvcluster.client.conditions import condition_given

    options = call.options
    absent = getattr(options, "if_absent", False)
    if absent + (options.if_version is not None) + (options.if_value is not None) > 1:
        call.refuse(_BOTH)
    old = options.if_value
    text = None if old is None else values.stored(old)
    return condition_given(str, absent, options.if_version, text)


def did_not_hold(call: Call, key: str, there: There, **said: Any) -> int:
    """Say what is there instead; return the exit code. `said`: what programs are told besides."""
    if call.json:
        value = there.value if there.found else None
        version = there.version.hex()
        emit(key=key, **said, found=there.found, value=value, version=version, **lifetime(there))
        return Exit.NOT_SO
    if not there.found:
        gone = f", deleted at {_time(there.version)}" if there.version else ""
        complain(f'There is no key "{shown(key)}"{gone}; nothing was written.')
        return Exit.NOT_SO
    value = keys.on_a_line(there.value)
    value = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"
    complain(f'"{shown(key)}" is {shown(value)}, {history(there)}; nothing was written.')
    return Exit.NOT_SO


def history(there: There) -> str:
    """The version of a value, when it was written, and when it expires: a clause.

    That of an engine under a gateway is a number of its own, which says nothing of time.
    """
    told = f"version {there.version.hex() or 'unknown'}"
    if any(there.version[_TIME_BYTES:]):
        told += f", written at {_time(there.version)}"
    return told + (f", expires at {expiry(there)}" if there.expires_ms else "")


def expiry(there: HasExpiry) -> str:
    """When it expires, in local time."""
    most = 2 ** (8 * MILLISECONDS_BYTES) - 1  # what no node of ours says
    return _time(min(there.expires_ms, most).to_bytes(MILLISECONDS_BYTES, "big"))


def lifetime(there: HasExpiry) -> dict[str, Any]:
    """When it expires, for programs: in UTC, null for never."""
    from kvcluster.client.answers import moment as moment_of

    at = moment_of(there.expires_ms)
    return {"expires_at": None if at is None else in_utc(at)}


def _time(version: bytes) -> str:
    return moment(version, time.time())
