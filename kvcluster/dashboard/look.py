"""A look: everything that is known of the cluster at one moment, and what follows from the last.

All that is drawn, and all that is told in the log of events, is made from a look and the one before
it. A look is a value. It carries on what a single moment cannot tell: since when a node has been as
it is, when it last served, the configuration that was last heard while nobody answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kvcluster.client.answers import state_word, status_word
from kvcluster.dashboard.ink import Tone
from kvcluster.dashboard.rates import Rates, rates
from kvcluster.dashboard.troubles import Troubles, standing
from kvcluster.view.census import NOT_WELL, Member, census
from kvcluster.view.disagreements import Disagreement, configured, disagreements
from kvcluster.view.health import View
from kvcluster.view.notes import Note, notes

from demo_pb2 import DRAINING, STARTING, SYNCING, Configuration, PeerState, StatusResponse

_ON_ITS_WAY = (STARTING, SYNCING, DRAINING)
TIMED_STATES = (state_word(PeerState.SUSPECT), state_word(PeerState.DEAD))
"""What the others call a node that is away; each is worse than the one before."""


@dataclass(frozen=True)
class Look:
    """The cluster at `now_s`, in seconds since 1970."""

    now_s: float
    members: tuple[Member, ...] = ()
    rates: Mapping[str, Rates] = field(default_factory=dict)
    """Of the nodes that answered twice in the same life."""
    served_s: Mapping[str, float] = field(default_factory=dict)
    """When each node was last seen serving; of those that were."""
    failed_s: Mapping[str, float] = field(default_factory=dict)
    """When each node last failed what clients asked; of those that did."""
    absent_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What each node that does not answer has been called since it last did."""
    syncs_since_s: Mapping[str, float] = field(default_factory=dict)
    """When each node that is catching up was first seen to; also while it makes a pause."""
    incarnations: Mapping[str, int] = field(default_factory=dict)
    """The life in which each node was last heard; of those that were."""
    configuration: Configuration | None = None
    """That of most nodes that answer, or the last that was heard."""
    cut_off: tuple[str, ...] = ()
    """Nodes that answer us, and that every other node which answers calls suspect or dead."""
    misfits: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    """Those who are cut off because others refuse them: for a secret, a certificate, a clock."""
    """Nodes that answer and run with another configuration than most; of two halves, all."""
    notes: tuple[Note, ...] = ()
    """What is unusual about single nodes."""
    disagreements: tuple[Disagreement, ...] = ()
    troubles: Troubles = field(default_factory=Troubles)
    """Of these two, what is not known to be over."""

    def member(self, node: str) -> Member | None:
        """The node of this name."""
        return next((it for it in self.members if it.node == node), None)

    @property
    def answering(self) -> bool:
        """Whether any node answers."""
        return any(member.own is not None for member in self.members)

    @property
    def all_serve(self) -> bool:
        """Whether there are nodes and every one of them serves."""
        return bool(self.members) and all(member.serving for member in self.members)


def take(views: Sequence[View], before: Look | None, now_s: float) -> Look:
    """A look at what all nodes said. `before`: the one before it, if there was one."""
    first, before = before is None, before or Look(now_s)
    members = tuple(census(views))
    alone = _cut_off(members)
    noted = notes(members, now_s)
    contrary = disagreements([_heard_without(alone, it) for it in members])
    silent = [it.node for it in members if it.own is None]
    earlier = contrary if first else before.disagreements
    troubles = standing(before.troubles, silent, noted, earlier, contrary)
    found = {it.node: known for it in members if (known := _rates(it, before)) is not None}
    configuration, misfits = _configurations(members)
    return Look(
        now_s=now_s,
        members=members,
        rates=found,
        served_s={**before.served_s, **{it.node: now_s for it in members if it.serving}},
        failed_s={**before.failed_s, **{node: now_s for node, it in found.items() if _fails(it)}},
        absent_as={
            it.node: _with(before.absent_as.get(it.node, ()), state_of(it))
            for it in members
            if it.own is None
        },
        syncs_since_s={
            it.node: before.syncs_since_s.get(it.node, now_s)
            for it in members
            if catches_up(it) or (it.node in before.syncs_since_s and _is_behind(it, troubles))
        },
        incarnations={
            **before.incarnations,
            **{it.node: it.own.incarnation for it in members if it.own is not None},
        },
        configuration=configuration or before.configuration,
        cut_off=alone,
        misfits=misfits,
        refused=tuple(it.node for it in members if it.node in alone and _is_refused(it)),
        notes=tuple(noted),
        disagreements=tuple(contrary),
        troubles=troubles,
    )


def _is_refused(member: Member) -> bool:
    return any(opinion.refusal for opinion in member.opinions.values())


def catches_up(member: Member) -> bool:
    """Whether the node reads from another what it lacks."""
    return member.own is not None and bool(member.own.sync.source)


def state_of(member: Member) -> str:
    """The state without how long it has been so: "DEAD"."""
    if member.own is not None:
        return status_word(member.own.status)
    word = member.state.partition(" ")[0]
    return word if word in TIMED_STATES else member.state


def tone_of(member: Member) -> Tone:
    """How it is by its own account; who gives none is not well."""
    if member.serving:
        return Tone.GOOD
    on_its_way = member.own is not None and member.own.status in _ON_ITS_WAY
    return Tone.BUSY if on_its_way else Tone.BAD


def stands(member: Member) -> bool:
    """Whether it does its work, as far as anybody knows: by its own account, or by that of peers
    which reach it where we do not.
    """
    if member.own is not None:
        return member.serving
    return any(it.state.state == PeerState.ALIVE for it in member.opinions.values())


def counting(member: Member | None) -> StatusResponse | None:
    """Its answer, if it counts what it does. A node of an older version says nothing of traffic
    and replication, and the wire cannot tell that from 0.
    """
    own = member.own if member is not None else None
    return own if own is not None and own.HasField("traffic") else None


def _with(words: tuple[str, ...], word: str) -> tuple[str, ...]:
    return words if word in words else (*words, word)


def _cut_off(members: Sequence[Member]) -> tuple[str, ...]:
    """Whom the network has parted from the others; nobody, if it is as many as those."""
    answering = {it.node for it in members if it.own is not None}
    alone = tuple(
        member.node
        for member in members
        if member.node in answering
        and (voices := [it for who, it in member.opinions.items() if who in answering])
        and all(it.state.state in NOT_WELL for it in voices)
    )
    return alone if 2 * len(alone) < len(answering) else ()


def _heard_without(alone: Sequence[str], member: Member) -> Member:
    """The member without the voices that would only seem to contradict others.

    Who is cut off tells of its own cable.
    """
    if member.node in alone:
        return member
    opinions = {who: it for who, it in member.opinions.items() if who not in alone}
    return replace(member, opinions=opinions)


def _fails(known: Rates) -> bool:
    return bool(known.failed or known.failed_in_batches)


def _is_behind(member: Member, troubles: Troubles) -> bool:
    """Whether a node that answers, and reads from nobody now, has still to catch up.

    It gave up for a while, say, because its disk is full.
    """
    return member.own is not None and (not member.serving or troubles.behind(member.node))


def _rates(member: Member, before: Look) -> Rates | None:
    earlier = before.member(member.node)
    if earlier is None or earlier.own is None or member.own is None:
        return None
    if earlier.own is member.own:  # nothing new was heard
        return before.rates.get(member.node)
    return rates(earlier.own, member.own)


def _configurations(members: Sequence[Member]) -> tuple[Configuration | None, tuple[str, ...]]:
    """That of most nodes that answer, and who runs with another; of two halves, all."""
    known = configured(members)
    forms = {node: it.SerializeToString(deterministic=True) for node, it in known.items()}
    if not forms:
        return None, ()
    ((most, _),) = Counter(forms.values()).most_common(1)
    others = tuple(node for node, form in forms.items() if form != most)
    if 2 * len(others) >= len(forms):
        others = tuple(forms)
    return Configuration.FromString(most), others
