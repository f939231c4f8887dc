"""A census: what all nodes said, put together by whom it is about.

Each node that answers gives its whole view: itself, and its opinion of every other member. Here
the views are turned round, into one `Member` for each node: what it says of itself, and what each
of the others says of it. Neither counts for more. Whoever reads a census can tell a node that is
gone from a node that only some cannot reach, and nothing is averaged away.

All of it is pure: answers in, members out. A member that only a configuration names is there as
well, with whatever the others say of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kvcluster.client.answers import failure_word, state_word, status_word
from kvcluster.client.failure import CallFailed
from kvcluster.console.screen import counted
from kvcluster.view.health import Health, View
from kvcluster.view.wording import duration, why_not_serving

from demo_pb2 import SERVING, MemberStatus, PeerState, StatusResponse

NOT_WELL = (PeerState.SUSPECT, PeerState.DEAD)


@dataclass(frozen=True)
class Member:
    """One node. Of `own` and `failure` at most one is there; neither if it was never asked."""

    node: str
    own: StatusResponse | None
    failure: CallFailed | None
    opinions: Mapping[str, MemberStatus]
    """What the others say of it, by who says so."""

    def __post_init__(self) -> None:
        assert self.own is None or self.failure is None, self.node

    @property
    def serving(self) -> bool:
        """Whether it says itself that it takes reads and writes now."""
        return self.own is not None and self.own.status == SERVING

    @property
    def state(self) -> str:
        """By its own account or, if it does not answer, by that of the others: "DEAD 12 s"."""
        if self.own is not None:
            return status_word(self.own.status)
        heard = [it for it in self.opinions.values() if it.state.state != PeerState.UNKNOWN]
        states = {opinion.state.state for opinion in heard}
        if len(states) == 1 and states <= set(NOT_WELL):
            longest_s = max(opinion.since_s for opinion in heard)
            return f"{state_word(states.pop())} {duration(longest_s)}"
        return failure_word(self.failure.kind) if self.failure else "UNKNOWN"

    @property
    def standing(self) -> str:
        """Its place in the live/dead list, as the others keep it: "ALIVE", "DEAD"."""
        said: dict[str, list[str]] = {}
        for speaker, opinion in self.opinions.items():
            said.setdefault(peer_word(opinion.state), []).append(speaker)
        if not said:
            word = "ALIVE" if self.own is not None else self.state
        elif len(said) == 1:
            word = next(iter(said))
        else:
            word = ", ".join(f"{word} to {' and '.join(said[word])}" for word in sorted(said))
        return word if self.own is None or self.serving else f"{word}, {_account(self.own)}"


def _account(own: StatusResponse) -> str:
    why = why_not_serving(own.reason, own.sync)
    return f"{status_word(own.status)}: {why}" if why else status_word(own.status)


def peer_word(peer: PeerState) -> str:
    """What a node says of another, and whether it lags: "ALIVE (lagging)"."""
    return state_word(peer.state) + (" (lagging)" if peer.lagging else "")


def serving_clause(nodes: Sequence[Member | Health]) -> str:
    """How many of the nodes serve: "2 of 3 nodes serve"."""
    serving = sum(node.serving for node in nodes)
    return f"{serving} of {counted(len(nodes), 'node')} {'serves' if serving == 1 else 'serve'}"


def engine_clause(members: Sequence[Member]) -> str:
    """What gateways keep their data in: "etcd 3.5.1: h:1 leader, h:2 follower"; empty of nodes."""
    engines = [it.own.engine for it in members if it.own is not None and it.own.HasField("engine")]
    if not engines:
        return ""
    engine = max(engines, key=lambda it: len(it.members))
    name = f"{engine.kind} {engine.version}".strip()
    listed = [
        f"{it.name} {it.role}" + ("" if it.reachable else ", unreachable") for it in engine.members
    ]
    return f"{name}: {'; '.join(listed)}" if listed else name


def census(answers: Sequence[View]) -> list[Member]:
    """A member for every node that was asked or named: the asked ones first, in their order."""
    views: dict[str, StatusResponse] = {}
    failures: dict[str, CallFailed] = {}
    for answer in answers:
        if isinstance(answer.outcome, CallFailed):
            failures[answer.address] = answer.outcome
        else:
            # One node may be asked by two addresses; it is the same node all the same.
            views.setdefault(answer.outcome.node or answer.address, answer.outcome)
    names = dict.fromkeys([*_asked(answers), *sorted(_named(views))])
    return [
        Member(
            node=name,
            own=views.get(name),
            failure=None if name in views else failures.get(name),
            opinions=dict(_opinions(views, name)),
        )
        for name in names
    ]


def _asked(answers: Sequence[View]) -> list[str]:
    return [(answer.said.node if answer.said else "") or answer.address for answer in answers]


def _named(views: Mapping[str, StatusResponse]) -> set[str]:
    members = (member for view in views.values() for member in view.configuration.members)
    peers = (peer.state.node for view in views.values() for peer in view.members)
    return {*members, *peers}


def _opinions(views: Mapping[str, StatusResponse], name: str) -> Iterator[tuple[str, MemberStatus]]:
    for speaker, view in views.items():
        for opinion in view.members:
            if opinion.state.node == name:
                yield speaker, opinion
