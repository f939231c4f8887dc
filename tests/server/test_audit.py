"""The audit: a line for each deed, no value, and nobody waits for it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from kvcluster.errors import CannotStart, DiskIsFull, PermissionDenied
from kvcluster.server.audit import Audit, deeds_of
from tests.processes.harness import eventually

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    Block,
    ForwardRequest,
    ForwardResponse,
    GetRequest,
    GetResponse,
    Operation,
    PutManyRequest,
    PutManyResponse,
    PutRequest,
    PutResponse,
    ReplicateRequest,
    Result,
    ScanRequest,
)

DENIED = PermissionDenied("no")
PUT = PutRequest(key="k", value="secret value")
STORED = PutResponse(version=b"\x01\x02")
BATCH = BatchRequest(operations=[Operation(put=PUT), Operation(get=GetRequest(key="g"))])
FAILED = Result(failure={"reason": "PERMISSION_DENIED"})

DEEDS: dict[str, tuple[Any, Any, Any, list[tuple[str, str, str]]]] = {
    "a put": (PUT, STORED, None, [("k", "0102", "OK")]),
    "one that failed": (PUT, None, DiskIsFull("full"), [("k", "", "DISK_IS_FULL")]),
    "one that was refused": (PUT, None, DENIED, [("k", "", "PERMISSION_DENIED")]),
    "a read": (GetRequest(key="k"), GetResponse(), None, []),
    "a read that was refused": (
        GetRequest(key="k"),
        None,
        DENIED,
        [("k", "", "PERMISSION_DENIED")],
    ),
    "a scan that was": (ScanRequest(prefix="p"), None, DENIED, [("p", "", "PERMISSION_DENIED")]),
    "a peer that was": (ReplicateRequest(), None, DENIED, [("", "", "PERMISSION_DENIED")]),
    "a peer": (ReplicateRequest(), None, None, []),
    "one whose condition did not hold": (
        PUT,
        PutResponse(mismatch={"found": True, "value": "secret value"}),
        None,
        [("k", "", "CONDITION_FAILED")],
    ),
    "a batch": (
        BATCH,
        BatchResponse(results=[Result(put=STORED), Result(get={"value": "v"})]),
        None,
        [("k", "0102", "OK")],
    ),
    "a batch of which a read was refused": (
        BATCH,
        BatchResponse(results=[Result(put=STORED), FAILED]),
        None,
        [("k", "0102", "OK"), ("g", "", "PERMISSION_DENIED")],
    ),
    "puts in columns": (
        PutManyRequest(block=Block(keys=["a", "b"], values=["1", "2"])),
        PutManyResponse(first_version=bytes(12)),
        None,
        [("a", bytes(12).hex(), "OK"), ("b", "0000000000000001" + "00000000", "OK")],
    ),
    "a forwarded one": (
        ForwardRequest(batch=BATCH, name="billing"),
        ForwardResponse(batch=BatchResponse(results=[Result(put=STORED), Result(get={})])),
        None,
        [("k", "0102", "OK")],
    ),
}


@pytest.mark.parametrize("kind", DEEDS)
def test_each_write_and_each_refusal_is_a_deed(kind: str) -> None:
    """And a read that went well is none."""
    request, answer, error, expected = DEEDS[kind]
    assert deeds_of(request, answer, error) == expected


def lines(path: Path) -> list[dict[str, Any]]:
    """What the file has."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_say_who_and_what_and_survive_rotation(tmp_path: Path) -> None:
    """A file that was moved away gets no more lines."""
    path = tmp_path / "audit"
    audit = Audit(path)
    audit.note("billing", "10.0.0.9:5", "Put", [("k\n", "0102", "OK")], 1_800_000_000.25)
    eventually(lambda: lines(path), "a line")
    assert lines(path) == [
        {
            "time": "2027-01-15T08:00:00.250Z",
            "name": "billing",
            "address": "10.0.0.9:5",
            "method": "Put",
            "key": "k\n",
            "version": "0102",
            "outcome": "OK",
        }
    ]
    path.rename(tmp_path / "audit.1")
    audit.note("billing", "", "Put", [("l", "", "OK")], 0.0)
    eventually(path.exists, "a new file")
    eventually(lambda: lines(path), "a line")
    audit.close()
    assert len(lines(tmp_path / "audit.1")) == 1
    with pytest.raises(CannotStart, match="--audit"):
        Audit(tmp_path / "none" / "audit")


def test_nobody_waits_for_a_file_that_takes_nothing(tmp_path: Path) -> None:
    """What has no room is counted, and the count is told once there is room again."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    audit = Audit(path)
    started_s = time.monotonic()
    for n in range(60):
        audit.note("n", "a", "Put", [("k" * 100, "", "OK")] * 1000, float(n))
    assert time.monotonic() - started_s < 5.0
    assert audit.dropped > 10_000
    os.set_blocking(reader, True)
    with os.fdopen(reader) as lines_of_it:
        told, each = 0, ""
        while told <= 10_000:  # it may be told in parts
            each = next(lines_of_it)
            told += json.loads(each).get("dropped", 0)
    assert json.loads(each)["dropped"]
