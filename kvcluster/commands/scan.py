"""`client.py scan`: pairs in the order of their keys, a line each, as they come.

A line is a pair whatever stands in it: what would end a line or a column is escaped
(console/screen.py). Nothing is collected first, so `scan | head` ends at once, and a scan of
everything costs no memory.

When some slots have no live replica, all that was found is printed, standard error says what is
missing, and the exit code is 3: a list with holes is better than none, if one knows that it is one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING

from kvcluster.client import values
from kvcluster.commands import keys
from kvcluster.commands.command import Call, Command, Work
from kvcluster.console import streams
from kvcluster.console.arguments import argument, beginning, beginning_of, flag, valid, whole_number
from kvcluster.console.screen import (
    Exit,
    as_json,
    as_line,
    complain,
    give_up,
    is_for_people,
    say,
    show,
    shown,
)
from kvcluster.errors import Incomplete, KvError
from kvcluster.view.wording import in_utc

if TYPE_CHECKING:
    from asyncio import Event

    from kvcluster import AsyncClient

_MANY = 1_000_000_000


def _prepare(call: Call) -> Work:
    from asyncio import run

    from kvcluster import AsyncClient
    from kvcluster.console.stopping import unless_wished

    printing = partial(_print, call, beginning_of(call.options, call.refuse))
    client = AsyncClient(call.nodes, timeout_s=call.timeout_s, raw=True)
    return lambda: run(unless_wished(client, printing))


async def _print(call: Call, prefix: str, client: AsyncClient, wish: Event) -> int:
    count, code = 0, int(Exit.DONE)
    try:
        async for line in _lines(client, call, prefix):
            if wish.is_set():
                return Exit.INTERRUPTED
            count += 1
            if not call.options.count:
                show(f"{line}\n")
    except KvError as error:
        streams.flush()
        code = give_up(error)
        if not isinstance(error, Incomplete):
            return code
    if call.options.count:
        say(as_json({"count": count}) if call.json else str(count))
    if not count and code == Exit.DONE and (remark := await keys.of_nothing(client, prefix)):
        complain(f'No key begins with "{shown(prefix)}". {remark}')
    return code


async def _lines(client: AsyncClient, call: Call, prefix: str) -> AsyncIterator[str]:
    wanted, people = call.options, is_for_people()
    after, limit = wanted.start_after, wanted.limit
    if wanted.keys_only or wanted.count:
        async for key in client.scan_keys(prefix, start_after=after, limit=limit):
            yield as_json({"key": key}) if call.json else as_line(key)
        return
    pairs = client.scan_with_expiry(prefix, start_after=after, limit=limit)
    async for key, value, expires_at in pairs:
        assert isinstance(value, str)  # the client is a raw one
        # For programs as it is stored, which is what import takes; for people as it was put.
        if call.json:
            expiry = {} if expires_at is None else {"expires_at": in_utc(expires_at)}
            yield as_json({"key": key, "value": value, **expiry})
        else:
            shown_value = keys.on_a_line(value) if people else values.plain(value)
            yield f"{as_line(key)}\t{as_line(shown_value)}"


COMMAND = Command(
    text="print pairs in the order of their keys",
    usage="scan [PREFIX]",
    epilog="""\
Pairs come in the order of the UTF-8 bytes of their keys, each a line: the key,
a tab, the value. In both, a tab is written \\t, a line's end \\n or \\r, a
backslash \\\\, and other control characters as \\x1b and the like, so that a line
is a pair. With --keys-only: a key a line. With --output json: JSON Lines, which
import takes.

examples:
  client.py scan
  client.py scan user/ --limit 10
  client.py scan user/ --count
  client.py scan --keys-only --start-after m

exit codes:
  0  printed, even if there was nothing
  2  bad usage
  3  no node could be reached, or some keys are missing because no live node
     holds them: what was found is printed, standard error says what is missing
""",
    arguments=(
        *beginning(),
        flag("--keys-only", text="leave the values out"),
        flag("--count", text="print only how many there are"),
        argument("--limit", text="end after so many", metavar="N", type=whole_number(1, _MANY)),
        argument(
            "--start-after", text="only keys behind this one", metavar="KEY", type=valid, default=""
        ),
    ),
    prepare=_prepare,
)
