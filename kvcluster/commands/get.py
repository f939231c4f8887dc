"""`client.py get`: the value of a key as it is, or of several keys a line each.

It prints the value and nothing else; who wants to know who gave it, and when it was written, hears
that on standard error.
Only on a terminal, and in the shell, a value that does not end its line is ended; and on a terminal
what would steer it is escaped, and bytes are told of and not written.

A key that is not there is told and ends with 1: there is nothing to give.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from kvcluster.client import values
from kvcluster.commands import keys, only_if
from kvcluster.commands.command import Call, Command, Work
from kvcluster.console import arguments, key_remarks
from kvcluster.console.arguments import flag
from kvcluster.console.screen import (
    Exit,
    as_line,
    complain,
    emit,
    harmless,
    is_for_people,
    show,
    shown,
)
from kvcluster.view.wording import forwarded

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient

    from demo_pb2 import GetResponse


def _prepare(call: Call) -> Work:
    if call.options.binary and (len(call.options.keys) > 1 or call.json):
        call.refuse("--binary writes the bytes of one key, and nothing else")
    return partial(keys.asker(call), partial(_get, call))


def _get(call: Call, store: RawClient) -> int:
    """Print values: of one key as it is, of several a line each."""
    asked: list[str] = call.options.keys
    all_found = True
    for key in asked:
        answer = store.get(key, call.timeout_s, linearizable=call.options.linearizable)
        twin = "" if answer.found else keys.twin(store, key, call.timeout_s)
        if call.options.verbose:
            complain(f"asked {store.asked}{forwarded(store.asked, answer.served_by)}")
            _tell_history(key, answer, alone=len(asked) == 1)
        if call.json:
            emit(**_got(key, answer))
        elif answer.found and call.options.binary and is_for_people():
            complain(f"A terminal is no place for bytes; say: get {shown(key)} --binary > FILE")
            return Exit.BAD_USAGE
        elif answer.found:
            _show(key, answer.value, call, alone=len(asked) == 1)
        if not answer.found:
            all_found = False
            why = twin or key_remarks.on_pattern(key, "scan")
            complain(f'There is no key "{shown(key)}". {why}'.rstrip())
    return Exit.DONE if all_found else Exit.NOT_SO


def _tell_history(key: str, answer: GetResponse, *, alone: bool) -> None:
    """The version, when it was written, and when it expires."""
    if answer.found and answer.version:
        complain(f"{'' if alone else f'{shown(key)}: '}{only_if.history(answer)}")


def _got(key: str, answer: GetResponse) -> dict[str, Any]:
    value = answer.value if answer.found else None
    version = answer.version.hex()
    return {
        "key": key,
        "found": answer.found,
        "value": value,
        "version": version,
        **only_if.lifetime(answer),
        "served_by": answer.served_by,
    }


def _show(key: str, text: str, call: Call, *, alone: bool) -> None:
    value = values.original(text)
    if call.options.binary:
        sys.stdout.flush()
        sys.stdout.buffer.write(values.as_bytes(text))
        return
    if isinstance(value, bytes) and is_for_people():
        value = keys.summary(value)
    elif isinstance(value, bytes):
        complain(f'"{shown(key)}" is {keys.summary(value)}; --binary writes them.')
        value = text
    if not alone:
        show(f"{as_line(key)}\t{as_line(value)}\n")
        return
    if is_for_people():
        value = harmless(value)
    elif not call.a_line:
        show(value)  # into a file or a pipe goes what was put, byte for byte
        return
    show(value if value.endswith("\n") else f"{value}\n")


COMMAND = Command(
    text="print the value of a key",
    page="get KEY...            print the value; --binary writes stored bytes",
    page_in_shell="get KEY...            print the value",
    epilog="""\
With one key the value is printed as it is, and nothing else, into a file byte
for byte. With several, each is a line: the key, a tab, the value, escaped as by
scan. A terminal is told of stored bytes what they are; --binary writes them.

examples:
  client.py get city
  client.py get city tree              two lines
  client.py get note > note.txt
  client.py get photo --binary > photo.jpg
  client.py get city -o json
  client.py get leader --linearizable

A plain get is answered by one replica, which may have missed the last writes.
With --linearizable a majority is asked: what was read so, or was acknowledged
by a majority, is never missed by who reads so later.

exit codes:
  0  printed
  1  a key is not there
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached
""",
    arguments=(
        arguments.keys("+"),
        flag("--binary", text="write the bytes that were stored, and nothing else"),
        flag("--linearizable", text="what a majority holds: never older than what was read so"),
        flag("-v", "--verbose", text="say on standard error who answered, the version, the time"),
    ),
    prepare=_prepare,
)
