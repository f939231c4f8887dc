"""Relations: which settings need each other, and what would go wrong.

A setting alone may have nearly any value. Two of them together may break a promise without a word:
a node that takes a short sleep for none, a tombstone that is forgotten before the write that it
hides can no longer arrive, an answer that is larger than a message may be. So a server looks at
them before it starts, and refuses with the names, the values, the rule and the reason.

What nodes must agree about with each other stands in model/agreement.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from kvcluster.config import Settings
from kvcluster.errors import BadSetting

RESULT_BYTES = 1_280
"""A result of a batch without its value takes at most so much, and so does an entry beside what is
counted of it: names, a version, a sentence that is cut (errors.as_told)."""
_AROUND_BYTES = 1024 * 1024
"""What else a message holds, and more."""


class Relation(NamedTuple):
    """A rule in words, with the settings in braces, in code, and why it is one."""

    rule: str
    holds: Callable[[Settings], bool]
    why: str


RELATIONS = [
    Relation(
        "{pause_limit_s} and {tick_interval_s} together must be less than {replication_timeout_s}",
        lambda it: it.pause_limit_s + it.tick_interval_s < it.replication_timeout_s,
        "or a node sleeps through a write and does not know it",
    ),
    Relation(
        "{heartbeat_interval_s} must be less than {suspect_after_s}",
        lambda it: it.heartbeat_interval_s < it.suspect_after_s,
        "or every peer is suspected between two heartbeats",
    ),
    Relation(
        "{suspect_after_s} must be less than {dead_after_s}",
        lambda it: it.suspect_after_s < it.dead_after_s,
        "or a peer is dead before it is suspected",
    ),
    Relation(
        "{heartbeat_timeout_s} must be less than {connect_timeout_s}",
        lambda it: it.heartbeat_timeout_s < it.connect_timeout_s,
        "or a frozen peer is taken for one that is not there",
    ),
    Relation(
        "{return_interval_s} must be at most {heartbeat_interval_s}",
        lambda it: it.return_interval_s <= it.heartbeat_interval_s,
        "or a node that returns is heard later than any other",
    ),
    Relation(
        "{anti_entropy_jitter} must be less than 1",
        lambda it: it.anti_entropy_jitter < 1,
        "or there is no time between two comparisons",
    ),
    Relation(
        "{tombstone_wait_s} must be at least twice {message_age_limit_s}",
        lambda it: it.tombstone_wait_s >= tombstone_wait_for(it.message_age_limit_s),
        "or a write that was held back on its way brings a deleted key back",
    ),
    Relation(
        "{clock_warn_s} must be less than {clock_limit_s}",
        lambda it: it.clock_warn_s < it.clock_limit_s,
        "or a clock is refused before anybody was warned",
    ),
    Relation(
        "{clock_keep_s} must be less than {clock_limit_s}",
        lambda it: it.clock_keep_s < it.clock_limit_s,
        "or what a disk says of the time is too old to tell who is far ahead",
    ),
    Relation(
        f"{{batch_bytes}} and {RESULT_BYTES:,} for each of {{batch_operations}} must fit into"
        " {message_limit_bytes}",
        lambda it: _fits(it, it.batch_bytes + it.batch_operations * RESULT_BYTES),
        "or the answer to a batch cannot be sent, and nobody learns what was written",
    ),
    Relation(
        f"{RESULT_BYTES:,} for each of {{put_many_keys}} must fit into {{message_limit_bytes}}",
        lambda it: _fits(it, it.put_many_keys * RESULT_BYTES),
        "or the answer to a PutMany cannot be sent, and nobody learns what was written",
    ),
    Relation(
        "{replication_batch_bytes} must fit into {message_limit_bytes}",
        lambda it: _fits(it, it.replication_batch_bytes),
        "or copies of writes cannot be sent to peers",
    ),
    Relation(
        "{pull_page_bytes} must fit into {message_limit_bytes}",
        lambda it: _fits(it, it.pull_page_bytes),
        "or a node that was away cannot catch up",
    ),
    Relation(
        "{scan_page_bytes} must fit into {message_limit_bytes}",
        lambda it: _fits(it, it.scan_page_bytes),
        "or keys of other nodes cannot be scanned",
    ),
]


def tombstone_wait_for(message_age_limit_s: float) -> float:
    """How long a tombstone must be kept after the last confirmation, in seconds.

    A write that it hides may be on its way until then, and is taken until it is as old as the
    limit. Its age is read from clocks that may run a tenth too slow (model/clock.py) and drift; the
    other half is for these.
    """
    return 2 * message_age_limit_s


def check_relations(settings: Settings) -> None:
    """Raise BadSetting if some settings cannot work together."""
    for relation in RELATIONS:
        if not relation.holds(settings):
            rule = re.sub(r"\{(\w+)\}", lambda found: _told(settings, found[1]), relation.rule)
            raise BadSetting(f"{rule}, {relation.why}")


def _fits(settings: Settings, size_bytes: int) -> bool:
    return size_bytes + _AROUND_BYTES <= settings.message_limit_bytes


def _told(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if name == "message_limit_bytes":
        return f"a message of {value:,} bytes, which grows with value_limit_bytes"
    return f"{name} ({value:,})" if isinstance(value, int) else f"{name} ({value:g})"
