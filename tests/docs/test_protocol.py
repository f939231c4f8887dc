"""What docs/protocol.md says that there is, calls and errors, is what there is."""

from __future__ import annotations

import re

import grpc

from kvcluster.errors import NothingWritten, by_reason, reason_of
from kvcluster.wire.failures import failure_of
from tests.docs.markdown import ROOT
from tests.docs.prose import section, tables

from demo_pb2 import DESCRIPTOR

PROTOCOL = ROOT / "docs" / "protocol.md"
NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def test_every_reason_is_told_with_its_code_and_what_it_says_of_a_write() -> None:
    """Whoever writes a client has nothing else to go by."""
    told = {
        row[0]: (row[1], row[2])
        for table in tables(section(PROTOCOL, "What an error says"))
        for row in table
        if len(row) == 5 and row[0].isupper()
    }
    answered = {}
    for reason, kind in by_reason().items():
        failure = failure_of(kind("why"), writes=True)
        answered[reason] = (NAMES[failure.code], str(failure.nothing_written).lower())
    del answered[reason_of(NothingWritten)]  # a family; nobody raises it by itself
    assert told == answered


def test_every_call_is_told_and_no_other() -> None:
    """Whoever writes a client looks there for what there is."""
    (table,) = tables(section(PROTOCOL, "The services"))
    told = {row[0].strip("`"): set(re.findall(r"\b[A-Z]\w+", row[2])) for row in table}
    for service in DESCRIPTOR.services_by_name.values():
        assert told[service.full_name] == {method.name for method in service.methods}
