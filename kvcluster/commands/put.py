"""`client.py put`: one value under one key; the value is a word, a file, or standard input.

A value may be any bytes. What is text in UTF-8 is stored as it is, byte for byte. Anything else, a
picture say, is stored as a text that says that it is bytes (client/values.py).
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from kvcluster.client import values
from kvcluster.commands import keys, only_if
from kvcluster.commands.bulk.formats import BadFile
from kvcluster.commands.command import Call, Command, Work
from kvcluster.config import VALUE_CEILING_BYTES
from kvcluster.console import arguments, key_remarks
from kvcluster.console.arguments import STANDARD, file, flag, word
from kvcluster.console.screen import Exit, complain_once, emit, file_name, say

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient

    from demo_pb2 import Condition, PutResponse


def _prepare(call: Call) -> Work:
    if (call.options.value is None) == (call.options.file is None):
        call.refuse("give the value or --file, one of the two")
    condition = only_if.condition_of(call)
    if call.options.keep_ttl and (call.options.ttl is not None or call.options.if_absent):
        call.refuse(
            "--keep-ttl keeps the time that is there; it goes with neither --ttl nor --if-absent"
        )
    ask = keys.asker(call, writes=True)
    return lambda: ask(partial(_put, call, _value(call), condition))


def _put(call: Call, value: str | bytes, condition: Condition | None, store: RawClient) -> int:
    """Store a value; print how many replicas hold it."""
    key: str = call.options.key
    if remark := key_remarks.on_spelling(key):
        complain_once(remark)
    answer = _stored(call, key, values.stored(value), condition, store)
    if answer.HasField("mismatch"):
        return only_if.did_not_hold(call, key, answer.mismatch, stored=False)
    if call.json:
        emit(key=key, stored=True, **keys.written(answer))
    else:
        say(f"stored, {keys.acknowledged(store, answer)}")
    return Exit.DONE


def _stored(
    call: Call, key: str, text: str, condition: Condition | None, store: RawClient
) -> PutResponse:
    from kvcluster.client.conditions import life_given

    if call.options.keep_ttl:
        kept: PutResponse = store.put_keeping(key, text, condition, call.timeout_s)
        return kept
    life = life_given(call.options.ttl)
    return store.put(key, text, call.timeout_s, condition=condition, life=life)


def _value(call: Call) -> str | bytes:
    word, file = call.options.value, call.options.file or STANDARD
    if call.options.file is None and word != STANDARD:
        return str(word)
    try:
        data = _all_of_input() if file == STANDARD else _all_of_file(file)
    except (BadFile, OSError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        name = "standard input" if file == STANDARD else file_name(file)
        call.refuse(f"cannot store that: {name} {why}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _all_of_input() -> bytes:
    if sys.stdin is None:
        raise BadFile("cannot be read: it is closed")
    return _all_of(sys.stdin.buffer)


def _all_of_file(name: str) -> bytes:
    from kvcluster.commands.bulk.reading import open_file

    with open_file(name) as file:
        return _all_of(file)


def _all_of(file: BinaryIO) -> bytes:
    data = file.read(VALUE_CEILING_BYTES + 1)
    if len(data) > VALUE_CEILING_BYTES:
        raise BadFile(f"is too large: no node takes more than {VALUE_CEILING_BYTES:,} bytes")
    return data


COMMAND = Command(
    text="store a value under a key",
    page="""\
put KEY VALUE         store a value; "-" reads it from standard input
put KEY --file FILE   store what is in a file, a picture as well
""",
    page_in_shell="put KEY VALUE         store a value; put KEY --file FILE: what is in a file",
    epilog="""\
examples:
  client.py put city "Hà Nội"
  client.py put note - < note.txt      byte for byte
  client.py put photo --file photo.jpg
  client.py put degrees -- -7          a value that begins with a dash
  client.py put session/7 An --ttl 30m it expires half an hour from now
  client.py put leader me --if-absent  only if nobody was first
  client.py put n 8 --if-value 7       only if nothing came in between

A condition that does not hold is told with what is there instead, and nothing
is written. It needs a majority of the replicas, where a plain put needs one of
them. Without --ttl or --keep-ttl a key that expires is there for ever again.

What is no text in UTF-8 is stored as one that says so: data:;base64,... Such
bytes come back by get --binary, or by get_bytes in the library.

exit codes:
  0  stored
  1  a condition does not hold
  2  bad usage, or a key or value that the cluster does not take
  3  no node could be reached, or the outcome is unknown
""",
    instead=("--file", "value"),
    standard_input={"value": "value", "file": "value"},
    arguments=(
        word("key", "the key"),
        word("value", "the value; -: standard input"),
        file("--file", "in place of a value: store what is in this file, whatever it is"),
        only_if.IF_ABSENT,
        only_if.IF_VERSION,
        only_if.IF_VALUE,
        arguments.ttl("it expires so long from now: 30s, 5m, 12h, 7d"),
        flag("--keep-ttl", text="it expires when it would have"),
    ),
    prepare=_prepare,
)
