"""What is unusual about each node, in a clause each: what the table has no column for.

A healthy cluster has no notes. Each of them names a thing that a person may want to act upon, or
wait for: why a node does not answer or serve, what it missed, a file that falls behind, entries
that wait for somebody. An ALARM is what should never happen, however the network behaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kvcluster.terminal.census import Member
from kvcluster.terminal.screen import counted, listed
from kvcluster.terminal.wording import moment, why_not_serving

from demo_pb2 import SERVING, SYNCING, MemberStatus, StatusResponse


def notes(members: Sequence[Member], now_s: float) -> list[tuple[str, str]]:
    """Pairs of a node and a clause about it, in the order of the nodes."""
    return [(member.node, note) for member in members for note in _notes(member, members, now_s)]


def is_alarm(note: str) -> bool:
    """Whether it is about what should never happen."""
    return note.startswith("ALARM")


def _notes(member: Member, members: Sequence[Member], now_s: float) -> Iterator[str]:
    if member.failure is not None:
        yield str(member.failure)
    if not _is_member(member, members):
        yield "no node that answers counts it as a member"
    if member.own is not None and member.own.status != SERVING:
        yield from filter(None, [why_not_serving(member.own.reason, member.own.sync)])
    yield from _missed(member, now_s)
    if member.own is not None:
        yield from _data(member.own)
        yield from _tombstones(member.own, members)
        yield from _alarms(member.own)


def _is_member(member: Member, members: Sequence[Member]) -> bool:
    views = [other.own for other in members if other.own is not None]
    return not views or any(member.node in view.configuration.members for view in views)


def _missed(member: Member, now_s: float) -> Iterator[str]:
    """Writes that others noted it has missed; the numbers are as far as each has counted."""
    noted = {who: it for who, it in member.opinions.items() if it.missed_since}
    if noted:
        since = moment(min(opinion.missed_since for opinion in noted.values()), now_s)
        count = _count(list(noted.values()))
        yield f"missed {count} since {since}, noted by {listed(list(noted), 'and')}"
    lagging = [who for who, it in member.opinions.items() if it.state.lagging]
    if lagging and (member.own is None or member.own.status != SYNCING):
        verb = "sends" if len(lagging) == 1 else "send"
        who = listed(lagging, "and")
        yield f"lagging: {who} {verb} it no writes until it begins to catch up"


def _count(noted: Sequence[MemberStatus]) -> str:
    # Each node counts what it saw itself, and writes are seen by several: no sum, no exact number.
    counts = {opinion.missed for opinion in noted}
    most = max(counts)
    if not most:
        return "writes"
    return counted(most, "write") if len(counts) == 1 else f"at least {counted(most, 'write')}"


def _data(own: StatusResponse) -> Iterator[str]:
    if own.disk_full:
        yield "its disk is full: it refuses writes until there is room"
    if not own.fsync:
        yield "runs with --fsync never: a power cut may take acknowledged writes"
    if own.checkpoint_error:
        yield f"its JSON file falls behind: {own.checkpoint_error}"
    if own.strays:
        verb = "belongs" if own.strays == 1 else "belong"
        yield f"holds {counted(own.strays, 'entry', 'entries')} that {verb} to other nodes"


def _tombstones(own: StatusResponse, members: Sequence[Member]) -> Iterator[str]:
    # Nodes that serve confirm within a minute or two; only the others are worth a note.
    well = {member.node for member in members if member.serving}
    for waiting in own.tombstones_waiting:
        if waiting.node not in well:
            deletes = counted(waiting.count, "delete")
            yield f"cannot forget {deletes} before {waiting.node} has confirmed them"


def _alarms(own: StatusResponse) -> Iterator[str]:
    if own.conflicts:
        entries = counted(own.conflicts, "entry", "entries")
        yield f"ALARM: {entries} came with one version and two contents; its log names them"
    if own.clock_alarms:
        messages = counted(own.clock_alarms, "message")
        yield f"ALARM: {messages} came from a clock that is far ahead; its log says from whom"
