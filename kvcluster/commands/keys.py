"""put, get, delete and locate: what is asked of a node, and how its answer is told.

Which node is asked, and who next when that one cannot, is decided by the library (client/raw.py).

Removing a key that is not there is no error: what was asked for holds. So `delete` exits with 0
and says that the key was not there, while `get`, which has nothing to give, exits with 1.

A node that does not hold a key forwards the request to one that does, and what is printed names it.
`get` prints the value and nothing else; who wants to know hears it from there on standard error.
Only on a terminal, and in the shell, a value that does not end its line is ended; and on a terminal
what would steer it is escaped.

Several keys are handled one after the other over the same connection. They are the few that a
person types; who has many takes `import`, `scan`, or the library, which sends them together.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kvcluster.client import values
from kvcluster.client.raw import RawClient
from kvcluster.client.words import state_word
from kvcluster.commands import outcome
from kvcluster.commands.binary import summary
from kvcluster.console import key_remarks
from kvcluster.console.escaping import as_line, harmless, shown
from kvcluster.console.output import emit
from kvcluster.console.screen import (
    Exit,
    complain,
    complain_once,
    counted,
    is_for_people,
    say,
    show,
)
from kvcluster.view.census import peer_word
from kvcluster.view.wording import forwarded

from demo_pb2 import DeleteResponse, GetResponse, LocateResponse, PutResponse


def put(store: RawClient, key: str, value: str | bytes, *, timeout_s: float, json: bool) -> int:
    """Store a value; print how many replicas hold it."""
    if remark := key_remarks.on_spelling(key):
        complain_once(remark)

    def work() -> int:
        answer = store.put(key, values.stored(value), timeout_s)
        if json:
            emit(key=key, stored=True, **_written(answer))
        else:
            say(f"stored, {_acknowledged(store, answer)}")
        return Exit.DONE

    return outcome.write(work)


def delete(store: RawClient, keys: Sequence[str], *, timeout_s: float, json: bool) -> int:
    """Remove keys, one after the other; print of each whether it was there."""
    left = list(keys)

    def work() -> int:
        while left:
            key = left[0]
            answer = store.delete(key, timeout_s)
            twin = "" if answer.found else _twin(store, key, timeout_s)
            del left[0]
            if json:
                emit(key=key, found=answer.found, **_written(answer))
                continue
            name = f"{shown(key)}: " if len(keys) > 1 else ""
            what = "deleted" if answer.found else "was not there"
            say(f"{name}{what}, {_acknowledged(store, answer)}")
            if not answer.found and (why := twin or key_remarks.on_pattern(key, "delete --prefix")):
                complain(why)
        return Exit.DONE

    code = outcome.write(work)
    if left and len(keys) > 1:
        were = "was" if len(left) == 2 else "were"
        behind = f"{counted(len(left) - 1, 'key')} behind it {were} left alone"
        complain(f'It ended at the key "{shown(left[0])}"; {behind}.')
    return code


def _acknowledged(store: RawClient, answer: PutResponse | DeleteResponse) -> str:
    count = f"{answer.acknowledged} of {answer.replicas} replicas"
    return count + forwarded(store.asked, answer.served_by)


def _written(answer: PutResponse | DeleteResponse) -> dict[str, Any]:
    return {
        "version": answer.version.hex(),
        "replicas": answer.replicas,
        "acknowledged": answer.acknowledged,
        "served_by": answer.served_by,
    }


@dataclass(frozen=True)
class Manner:
    """How the values of a get are given."""

    json: bool = False
    verbose: bool = False
    """Say who gave them, too."""
    binary: bool = False
    """Write the bytes that were stored, and nothing else."""
    a_line: bool = False
    """Each ends a line: what follows is the output of other commands."""


def get(store: RawClient, keys: Sequence[str], *, timeout_s: float, manner: Manner) -> int:
    """Print values: of one key as it is, of several a line each."""
    left = list(keys)
    missing: list[str] = []

    def work() -> int:
        while left:
            key = left[0]
            answer = store.get(key, timeout_s)
            twin = "" if answer.found else _twin(store, key, timeout_s)
            del left[0]
            if manner.verbose:
                complain(f"asked {store.asked}{forwarded(store.asked, answer.served_by)}")
            if manner.json:
                emit(**_got(key, answer))
            elif answer.found and manner.binary and is_for_people():
                complain(f"A terminal is no place for bytes; say: get {shown(key)} --binary > FILE")
                return Exit.BAD_USAGE
            elif answer.found:
                _show(key, answer.value, manner, alone=len(keys) == 1)
            if not answer.found:
                missing.append(key)
                why = twin or key_remarks.on_pattern(key, "scan")
                complain(f'There is no key "{shown(key)}". {why}'.rstrip())
        return Exit.NOT_SO if missing else Exit.DONE

    return outcome.read(work)


def _twin(store: RawClient, key: str, timeout_s: float) -> str:
    """A sentence about a key that looks the same and is there, for who cannot see why it is not."""
    for twin in key_remarks.twins(key):
        if store.get(twin, timeout_s).found:
            return key_remarks.on_twin(twin)
    return ""


def _got(key: str, answer: GetResponse) -> dict[str, Any]:
    value = answer.value if answer.found else None
    version = answer.version.hex()
    return {
        "key": key,
        "found": answer.found,
        "value": value,
        "version": version,
        "served_by": answer.served_by,
    }


def _show(key: str, text: str, manner: Manner, *, alone: bool) -> None:
    value = values.original(text)
    if manner.binary:
        sys.stdout.flush()
        sys.stdout.buffer.write(values.as_bytes(text))
        return
    if isinstance(value, bytes) and is_for_people():
        value = summary(value)
    elif isinstance(value, bytes):
        complain(f'"{shown(key)}" is {summary(value)}; --binary writes them.')
        value = text
    if not alone:
        show(f"{as_line(key)}\t{as_line(value)}\n")
        return
    if is_for_people():
        value = harmless(value)
    elif not manner.a_line:
        show(value)  # into a file or a pipe goes what was put, byte for byte
        return
    show(value if value.endswith("\n") else f"{value}\n")


def locate(store: RawClient, key: str, *, timeout_s: float, json: bool) -> int:
    """Print where a key lives, or would live: its slot, its primary, its replicas."""

    def work() -> int:
        answer = store.locate(key, timeout_s)
        if json:
            replicas = [
                {"node": it.node, "state": state_word(it.state), "lagging": it.lagging}
                for it in answer.replicas
            ]
            emit(key=key, slot=answer.slot, replicas=replicas, said_by=answer.node)
        else:
            for line in located(key, answer):
                say(line)
        return Exit.DONE

    return outcome.read(work)


def located(key: str, answer: LocateResponse) -> list[str]:
    """The lines that `locate` prints."""
    lines = [f'"{key}" lives in slot {answer.slot}, as {answer.node} sees it:']
    width = max((len(replica.node) for replica in answer.replicas), default=0)
    for number, replica in enumerate(answer.replicas):
        role = "replica" if number else "primary"
        state = "itself" if replica.node == answer.node else peer_word(replica)
        lines.append(f"  {role}  {replica.node:<{width}}  {state}")
    return lines
