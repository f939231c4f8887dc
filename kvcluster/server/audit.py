"""The audit: who wrote what, and who was refused, a line of JSON each.

    {"time": "2027-01-01T10:00:00.123Z", "name": "billing", "address": "10.0.0.9:50123",
     "method": "Put", "key": "bill/7", "version": "0186...", "outcome": "OK"}

There is a line for each write of a client and for each call that was refused for who made it. A
write that was forwarded has one at both nodes: where the client asked, and where it was carried out
(`Forward`, with the address of the node that passed it on, and the name of the client). A value is
never in it. Whatever is in a key, a line is plain ASCII, so nothing in it steers a terminal.

Nothing waits for the file. Lines go into a queue that a thread empties; past its end they are
dropped, and counted, and the count is a line of its own as soon as there is room again. So a disk
that is slow or full costs lines and no time. It is a record for people who look after a cluster,
and no proof for a court: a power cut takes what the system had not written yet.

The file is opened again when it was moved away, as log rotation does.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from kvcluster.errors import CannotStart, KvError, PermissionDenied, Unauthenticated, reason_of
from kvcluster.security.needs import results_of
from kvcluster.wire.kinds import WRITING

from demo_pb2 import (
    BatchRequest,
    DeleteRequest,
    DeleteResponse,
    ForwardRequest,
    PutManyRequest,
    PutRequest,
    PutResponse,
    Result,
)

log = logging.getLogger("kvcluster")

_BACKLOG = 20_000
_AT_ONCE = 2_000
_OK, _MISMATCH = "OK", "CONDITION_FAILED"

Deed = tuple[str, str, str]
"""A key, the version that it got in hex, and how that ended."""


class Audit:
    """Writes lines into one file, from any thread, without waiting for it."""

    def __init__(self, path: Path) -> None:
        """Raises CannotStart if the file cannot be opened."""
        self._path = path
        self._lines: deque[dict[str, Any]] = deque()
        self._news = threading.Condition()
        self._closed = False
        self.dropped = 0
        """Lines that had no room, or could not be written, since the start."""
        self._untold = 0
        self._failed = False
        try:
            self._file = _open(path)
        except OSError as error:
            raise CannotStart(f"--audit {path} cannot be written: {error.strerror}") from None
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def note(
        self, name: str, address: str, method: str, deeds: Iterable[Deed], now_s: float
    ) -> None:
        """Add a line for each deed."""
        moment = datetime.fromtimestamp(now_s, timezone.utc).isoformat(timespec="milliseconds")
        base = {"time": moment.replace("+00:00", "Z"), "name": name, "address": address}
        with self._news:
            for key, version, outcome in deeds:
                if len(self._lines) >= _BACKLOG:
                    self.dropped += 1
                    self._untold += 1
                    continue
                line = {"method": method, "key": key, "version": version, "outcome": outcome}
                self._lines.append(base | line)
            self._news.notify()

    def close(self) -> None:
        """Write what is there, for a moment at most, and close the file."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join(2.0)

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._lines or self._untold or self._closed)
                if not self._lines and not self._untold:
                    break
                lines = [self._lines.popleft() for _ in range(min(_AT_ONCE, len(self._lines)))]
                untold, self._untold = self._untold, 0
            if untold:
                lines.append({"time": lines[-1]["time"] if lines else "", "dropped": untold})
            self._write(lines)
            if self._failed and self._closed:
                break
        os.close(self._file)

    def _write(self, lines: list[dict[str, Any]]) -> None:
        data = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        try:
            if _moved(self._file, self._path):
                os.close(self._file)
                self._file = _open(self._path)
            while data:
                data = data[os.write(self._file, data) :]
            if self._failed:
                log.info("NODE  the audit can be written again")
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.error("NODE  the audit cannot be written: %s", error.strerror)
            self._failed = True
            with self._news:
                self.dropped += len(lines)
                self._untold += sum(line.get("dropped", 1) for line in lines)
            time.sleep(1.0)  # and not at once again


def deeds_of(request: Any, answer: Any, error: KvError | None) -> list[Deed]:
    """What a call wrote or would have, if that is worth a line: a write, or a refusal."""
    refused = isinstance(error, Unauthenticated | PermissionDenied)
    outcome = reason_of(type(error)) if error else _OK
    if isinstance(request, ForwardRequest):
        kind = request.WhichOneof("operation")
        request = getattr(request, kind) if kind else request
        answer = getattr(answer, kind) if kind and answer is not None else None
    if isinstance(request, PutRequest | DeleteRequest):
        return [(request.key, *_ended(answer, outcome))]
    if isinstance(request, BatchRequest):
        results: Iterable[Result | None] = answer.results if answer else itertools.repeat(None)
        pairs = zip(request.operations, results, strict=False)
        return [
            _deed(getattr(asked, kind).key, result, outcome)
            for asked, result in pairs
            if (kind := asked.WhichOneof("operation")) in WRITING or refused or _denied(result)
            if kind
        ]
    if isinstance(request, PutManyRequest):
        keys = request.block.keys
        results = results_of(answer, len(keys)) if answer else [None] * len(keys)
        return [_deed(key, result, outcome) for key, result in zip(keys, results, strict=True)]
    if not refused:
        return []
    return [(_about(request), "", outcome)]


def _deed(key: str, result: Result | None, outcome: str) -> Deed:
    if result is None:
        return key, "", outcome
    kind = result.WhichOneof("result")
    if kind == "failure":
        return key, "", result.failure.reason
    return (key, *_ended(getattr(result, kind) if kind else None, outcome))


def _ended(answer: Any, outcome: str) -> tuple[str, str]:
    """In which version a write is, and how it ended. `answer`: None: there is none."""
    if isinstance(answer, PutResponse | DeleteResponse) and answer.HasField("mismatch"):
        return "", _MISMATCH
    return answer.version.hex() if answer is not None else "", outcome


def _denied(result: Result | None) -> bool:
    return result is not None and result.failure.reason == reason_of(PermissionDenied)


def _about(request: Any) -> str:
    """What a refused call was about: a key, or how keys begin."""
    if not isinstance(request, Message):
        return ""
    names = request.DESCRIPTOR.fields_by_name
    return str(next((getattr(request, it) for it in ("key", "prefix") if it in names), ""))


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _moved(file: int, path: Path) -> bool:
    """Whether it is another file, or none, that has this name now."""
    try:
        there = path.stat()
    except OSError:
        return True
    here = os.fstat(file)
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)
