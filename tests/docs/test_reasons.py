"""What docs/protocol.md says of each error is what a node answers."""

from __future__ import annotations

import grpc

from kvcluster.errors import NothingWritten, by_reason, reason_of
from kvcluster.wire.failures import failure_of
from tests.docs.markdown import ROOT
from tests.docs.prose import section, tables

NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def test_every_reason_is_told_with_its_code_and_what_it_says_of_a_write() -> None:
    """Whoever writes a client has nothing else to go by."""
    told = {
        row[0]: (row[1], row[2])
        for table in tables(section(ROOT / "docs" / "protocol.md", "What an error says"))
        for row in table
        if len(row) == 5 and row[0].isupper()
    }
    answered = {}
    for reason, kind in by_reason().items():
        failure = failure_of(kind("why"), writes=True)
        answered[reason] = (NAMES[failure.code], str(failure.nothing_written).lower())
    del answered[reason_of(NothingWritten)]  # a family; nobody raises it by itself
    assert told == answered
