"""What is unusual about each node, in a clause each: what the table has no column for.

A healthy cluster has no notes. Each of them names a thing that a person may want to act upon, or
wait for: why a node does not answer or serve, what it missed, a file that falls behind, entries
that wait for somebody. An ALARM is what should never happen, however the network behaves.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kvcluster.console.screen import counted, listed
from kvcluster.view.census import Member
from kvcluster.view.wording import moment, why_not_serving

from demo_pb2 import SERVING, SYNCING, MemberStatus, StatusResponse


class Topic(enum.Enum):
    """What a note is about; of one topic each node has one note, but for deletes that wait."""

    SILENCE = enum.auto()
    MEMBERSHIP = enum.auto()
    STATE = enum.auto()
    ENGINE = enum.auto()
    MISSED = enum.auto()
    LAGGING = enum.auto()
    FULL_DISK = enum.auto()
    FSYNC = enum.auto()
    CHECKPOINT = enum.auto()
    STRAYS = enum.auto()
    ABSTAINS = enum.auto()
    TOMBSTONES = enum.auto()
    CONFLICTS = enum.auto()
    CLOCK = enum.auto()


@dataclass(frozen=True)
class Note:
    """A clause about a node."""

    node: str
    text: str
    topic: Topic
    said_by: tuple[str, ...]
    """The nodes whose word it is. Nobody knows that it is over while one of them is silent."""

    @property
    def is_alarm(self) -> bool:
        """Whether it is about what should never happen."""
        return self.topic in (Topic.CONFLICTS, Topic.CLOCK)

    @property
    def is_urgent(self) -> bool:
        """Whether somebody has to do something about it, and now."""
        return self.is_alarm or self.topic is Topic.FULL_DISK


def notes(members: Sequence[Member], now_s: float) -> list[Note]:
    """All of them, in the order of the nodes."""
    return [note for member in members for note in _notes(member, members, now_s)]


def _notes(member: Member, members: Sequence[Member], now_s: float) -> Iterator[Note]:
    node, own = member.node, member.own
    if member.failure is not None:
        yield Note(node, str(member.failure), Topic.SILENCE, ())
    if not _is_member(member, members):
        everybody = tuple(other.node for other in members if other.own is not None)
        clause = "no node that answers counts it as a member"
        yield Note(node, clause, Topic.MEMBERSHIP, everybody)
    if own is not None and own.status != SERVING and (why := why_not_serving(own.reason, own.sync)):
        yield Note(node, why, Topic.STATE, (node,))
    if own is not None and own.engine.trouble:
        yield Note(node, own.engine.trouble, Topic.ENGINE, (node,))
    yield from _missed(member, now_s)
    yield from _lagging(member)
    if own is not None:
        said = (*_data(own), *_tombstones(own, members), *_alarms(own))
        yield from (Note(node, clause, topic, (node,)) for topic, clause in said)


def _is_member(member: Member, members: Sequence[Member]) -> bool:
    views = [other.own for other in members if other.own is not None]
    return not views or any(member.node in view.configuration.members for view in views)


def _missed(member: Member, now_s: float) -> Iterator[Note]:
    """Writes that others noted it has missed; the numbers are as far as each has counted."""
    noted = {who: it for who, it in member.opinions.items() if it.missed_since}
    if noted:
        since = moment(min(opinion.missed_since for opinion in noted.values()), now_s)
        count = _count(list(noted.values()))
        clause = f"missed {count} since {since}, noted by {listed(list(noted), 'and')}"
        yield Note(member.node, clause, Topic.MISSED, tuple(noted))


def _lagging(member: Member) -> Iterator[Note]:
    lagging = [who for who, it in member.opinions.items() if it.state.lagging]
    if lagging and (member.own is None or member.own.status != SYNCING):
        verb = "sends" if len(lagging) == 1 else "send"
        clause = (
            f"lagging: {listed(lagging, 'and')} {verb} it no writes until it begins to catch up"
        )
        yield Note(member.node, clause, Topic.LAGGING, tuple(lagging))


def _count(noted: Sequence[MemberStatus]) -> str:
    # Each node counts what it saw itself, and writes are seen by several: no sum, no exact number.
    counts = {opinion.missed for opinion in noted}
    most = max(counts)
    if not most:
        return "writes"
    return counted(most, "write") if len(counts) == 1 else f"at least {counted(most, 'write')}"


def _data(own: StatusResponse) -> Iterator[tuple[Topic, str]]:
    if own.disk_full:
        yield Topic.FULL_DISK, "its disk is full: it refuses writes until there is room"
    if not own.fsync:
        clause = "runs with --fsync never: a power cut may take acknowledged writes"
        yield Topic.FSYNC, clause
    if own.abstains and own.fsync:
        yield Topic.ABSTAINS, own.abstains
    if own.checkpoint_error:
        yield Topic.CHECKPOINT, f"its JSON file falls behind: {own.checkpoint_error}"
    if own.strays:
        verb = "belongs" if own.strays == 1 else "belong"
        entries = counted(own.strays, "entry", "entries")
        yield Topic.STRAYS, f"holds {entries} that {verb} to other nodes"


def _tombstones(own: StatusResponse, members: Sequence[Member]) -> Iterator[tuple[Topic, str]]:
    # Nodes that serve confirm within a minute or two; only the others are worth a note.
    well = {member.node for member in members if member.serving}
    for waiting in own.tombstones_waiting:
        if waiting.node not in well:
            deletes = counted(waiting.count, "delete")
            clause = f"cannot forget {deletes} before {waiting.node} has confirmed them"
            yield Topic.TOMBSTONES, clause


def _alarms(own: StatusResponse) -> Iterator[tuple[Topic, str]]:
    if own.conflicts:
        entries = counted(own.conflicts, "entry", "entries")
        clause = f"ALARM: {entries} came with one version and two contents; its log names them"
        yield Topic.CONFLICTS, clause
    if own.clock_alarms:
        messages = counted(own.clock_alarms, "message")
        clause = f"ALARM: {messages} came from a clock that is far ahead; its log says from whom"
        yield Topic.CLOCK, clause
