"""Settings that cannot work together: refused before a server starts, with what to change."""

from __future__ import annotations

import dataclasses

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.cluster.requests.coordinator import Done, Written
from kvcluster.cluster.requests.translation import outcome_of
from kvcluster.config import MIB, Settings
from kvcluster.errors import BadSetting, KvError, NotReady, by_reason
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from kvcluster.model.relations import RELATIONS, RESULT_BYTES, check_relations
from kvcluster.server.overrides import with_overrides
from kvcluster.wire.answered import get_response
from kvcluster.wire.failures import failure_of

from demo_pb2 import Result

BROKEN = [
    ("pause_limit_s=0.95", "tick_interval_s (0.1) together must be less than replication_timeout"),
    ("replication_timeout_s=0.5", "replication_timeout_s (0.5), or a node sleeps through a write"),
    ("heartbeat_interval_s=1.5", "must be less than suspect_after_s (1.5), or every peer"),
    ("suspect_after_s=3", "suspect_after_s (3) must be less than dead_after_s (3)"),
    ("heartbeat_timeout_s=2", "must be less than connect_timeout_s (2), or a frozen peer"),
    ("return_interval_s=1", "return_interval_s (1) must be at most heartbeat_interval_s (0.5)"),
    ("anti_entropy_jitter=1", "anti_entropy_jitter (1) must be less than 1, or there is no time"),
    (
        "tombstone_wait_s=59",
        "tombstone_wait_s (59) must be at least twice message_age_limit",
    ),
    ("message_age_limit_s=31", "twice message_age_limit_s (31), or a write that was held back"),
    ("clock_limit_s=1", "clock_warn_s (1) must be less than clock_limit_s (1)"),
    ("batch_bytes=67108864", "batch_bytes (67,108,864) and 1,280 for each of batch_operations"),
    ("batch_operations=30000", "must fit into a message of 16,777,216 bytes"),
    ("put_many_keys=30000", "1,280 for each of put_many_keys (30,000) must fit into a message of"),
    ("replication_batch_bytes=16777216", "or copies of writes cannot be sent to peers"),
    ("pull_page_bytes=16777216", "or a node that was away cannot catch up"),
    ("scan_page_bytes=16777216", "or keys of other nodes cannot be scanned"),
]


@pytest.mark.parametrize(("assignment", "words"), BROKEN)
def test_settings_that_do_not_fit_are_refused_with_names_values_and_reason(
    assignment: str, words: str
) -> None:
    """Whoever turned one of two must learn that there is another."""
    with pytest.raises(BadSetting) as caught:
        with_overrides(Settings(), [assignment])
    assert words in str(caught.value)
    assert assignment.partition("=")[0] in str(caught.value)


def test_every_relation_can_be_broken_by_a_setting() -> None:
    """One that nothing breaks would be a rule on paper."""
    changed = [_unchecked(assignment) for assignment, _ in BROKEN]
    for relation in RELATIONS:
        check_relations(Settings())
        assert any(not relation.holds(settings) for settings in changed), relation.rule


def _unchecked(assignment: str) -> Settings:
    name, _, value = assignment.partition("=")
    kind = type(getattr(Settings(), name))
    return dataclasses.replace(Settings(), **{name: kind(value)})


def test_two_settings_are_looked_at_when_both_are_set() -> None:
    """Their order on the command line does not matter."""
    with_overrides(Settings(), ["suspect_after_s=10", "dead_after_s=20"])
    with_overrides(Settings(), ["batch_bytes=67108864", f"value_limit_bytes={64 * MIB}"])


@given(st.sampled_from(sorted(by_reason())), st.text(max_size=3_000), st.booleans())
def test_no_result_of_a_batch_is_larger_than_is_reckoned_with(
    reason: str, text: str, writes: bool
) -> None:
    """Else the answer to a batch of writes could be too large to be sent."""
    assert _failed(by_reason()[reason](text), writes) < RESULT_BYTES
    assert _failed(by_reason()[reason]("🦉" * 3_000), writes) < RESULT_BYTES


def test_no_answer_to_a_write_is_larger_than_is_reckoned_with() -> None:
    """A node's name is at most as long as the name of a host may be, and a port."""
    name = f"{'h' * 253}:50051"
    written = Written(Version(b"\xff" * 12), 2**31, 2**31)
    for kind in (Kind.PUT, Kind.DELETE):
        answer = outcome_of(kind, Done(None, written), name)
        assert isinstance(answer, Message)
        assert answer.ByteSize() < RESULT_BYTES
    assert get_response((None, Version(b"\xff" * 12)), name).ByteSize() < RESULT_BYTES
    assert _failed(NotReady(name * 100), writes=True) < RESULT_BYTES


def _failed(error: KvError, writes: bool) -> int:
    """How large the result of an operation is that failed so."""
    return Result(failure=failure_of(error, writes=writes)).ByteSize()
