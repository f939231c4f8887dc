"""Where nodes contradict each other, a line each, the causes before what follows from them.

Three ways to disagree, and each is a sign of a fault that no single node can see: about what
cluster this is (one was started with another `--cluster` or `--replicas`), about whom they talk to
at all (they refuse each other), and about whether a third lives (the network is cut between some
of them, in one direction perhaps; or it is one that they refuse).

That we reach a node ourselves is a voice like any other: a node that answers us while the others
call it dead is alive and cut off from them. A node that has not heard another yet has no opinion.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from kvcluster.client.answers import state_word
from kvcluster.console.screen import counted, listed
from kvcluster.view.census import NOT_WELL, Member
from kvcluster.view.wording import duration

from demo_pb2 import DRAINING, Configuration, MemberStatus, PeerState

_WORST_FIRST = (PeerState.DEAD, PeerState.SUSPECT, PeerState.UNKNOWN, PeerState.ALIVE)

_SETTINGS = ("key_limit_bytes", "value_limit_bytes", "message_age_limit_s", "tombstone_wait_s")
"""Settings that nodes tell each other, since they should be the same everywhere."""

Voices = dict[int, list[tuple[str, MemberStatus]]]
"""Who says it, by what is said."""


@dataclass(frozen=True)
class Disagreement:
    """A line, without a full stop."""

    text: str
    said_by: tuple[str, ...]
    """The nodes whose word it is. Nobody knows that it is over while one of them is silent."""


def disagreements(members: Sequence[Member]) -> list[Disagreement]:
    """One for each."""
    return [
        *_configurations(members),
        *_refusals(members),
        *(found for member in members if (found := _about(member)) is not None),
    ]


def healthy(members: Sequence[Member]) -> bool:
    """Whether every member answers, serves and takes writes, and nobody disagrees."""
    serving = all(member.serving for member in members)
    full = any(member.own is not None and member.own.disk_full for member in members)
    return serving and not full and not disagreements(members)


def _about(member: Member) -> Disagreement | None:
    """The voices about one node, if they are not at one."""
    voices = _voices(member)
    if _agree(member, voices):
        return None
    clauses: list[str] = []
    for state in sorted(voices, key=_WORST_FIRST.index):
        whom = "it" if clauses else member.node
        clauses.append(f"{_callers(voices[state])} {whom} {_called(state, voices[state])}")
    # "A calls C DEAD, B calls it ALIVE, and it answers us" but "A calls C DEAD, but it answers us".
    alone = len(clauses) == 1
    if member.own is not None:
        clauses.append("but it answers us" if alone else "and it answers us")
    elif PeerState.ALIVE in voices:
        clauses.append("but it does not answer us" if alone else "and it does not answer us")
    speakers = [speaker for said in voices.values() for speaker, _ in said]
    itself = [member.node] if member.own is not None else []
    return Disagreement(", ".join(clauses), (*speakers, *itself))


def _voices(member: Member) -> Voices:
    voices: Voices = {}
    for speaker, opinion in member.opinions.items():
        state = opinion.state.state if opinion.state.state in _WORST_FIRST else PeerState.UNKNOWN
        if state != PeerState.UNKNOWN or member.serving:
            voices.setdefault(state, []).append((speaker, opinion))
    return voices


def _agree(member: Member, voices: Voices) -> bool:
    if member.own is None and voices.keys() <= {*NOT_WELL}:
        return True  # one says SUSPECT while another says DEAD already: both mean the same
    if len(voices) > 1 or member.own is None:
        return False
    # Who stops says so to its peers, and they believe it at once.
    return voices.keys() <= {PeerState.ALIVE} or member.own.status == DRAINING


def _callers(voices: Sequence[tuple[str, MemberStatus]]) -> str:
    names = [speaker for speaker, _ in voices]
    return f"{listed(names, 'and')} {'calls' if len(names) == 1 else 'call'}"


def _called(state: int, voices: Sequence[tuple[str, MemberStatus]]) -> str:
    if state not in NOT_WELL:
        return state_word(state)
    longest_s = max(opinion.since_s for _, opinion in voices)
    return f"{state_word(state)} (for {duration(longest_s)})"


def _configurations(members: Sequence[Member]) -> Iterator[Disagreement]:
    """What some nodes were started with, and others with something else."""
    known = configured(members)
    lines = (
        *_left_out(known),
        *_split(known, lambda it: counted(it.replicas, "replica")),
        *_split(known, lambda it: counted(it.slots, "slot")),
        *(line for setting in _SETTINGS for line in _split(known, partial(_set, setting))),
    )
    yield from (Disagreement(line, tuple(known)) for line in lines)


def _left_out(known: Mapping[str, Configuration]) -> Iterator[str]:
    for name in sorted({name for it in known.values() for name in it.members}):
        without = [node for node, it in known.items() if name not in it.members]
        if without:
            verb = "does" if len(without) == 1 else "do"
            yield f"{listed(without, 'and')} {verb} not count {name} as a member, others do"


def _split(
    known: Mapping[str, Configuration], setting: Callable[[Configuration], str]
) -> Iterator[str]:
    nodes: dict[str, list[str]] = {}
    for node, configuration in known.items():
        if value := setting(configuration):  # a node of an older program does not say
            nodes.setdefault(value, []).append(node)
    if len(nodes) > 1:
        yield ", ".join(
            f"{listed(names, 'and')} {'runs' if len(names) == 1 else 'run'} with {value}"
            for value, names in nodes.items()
        )


def _set(setting: str, configuration: Configuration) -> str:
    value = getattr(configuration, setting)
    told = f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return f"{setting} {told}" if value else ""


def _refusals(members: Sequence[Member]) -> Iterator[Disagreement]:
    """Who refuses whom; not where the configurations, that were just told, explain it."""
    known = configured(members)
    for one, other in itertools.combinations(members, 2):
        here, there = known.get(one.node), known.get(other.node)
        if here is not None and there is not None and here != there:
            continue
        if reason := _refusal(one, other) or _refusal(other, one):
            line = f"{one.node} and {other.node} refuse each other: {reason}"
            answered = [it.node for it in (one, other) if it.own is not None]
            yield Disagreement(line, tuple(answered))


def _refusal(speaker: Member, about: Member) -> str:
    opinion = about.opinions.get(speaker.node)
    return opinion.refusal if opinion is not None else ""


def configured(members: Sequence[Member]) -> dict[str, Configuration]:
    """What each node that answers was started with, as far as it says so."""
    return {
        member.node: member.own.configuration
        for member in members
        if member.own is not None and member.own.HasField("configuration")
    }
