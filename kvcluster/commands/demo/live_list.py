"""The live/dead list of a cluster, and a look at it while it changes.

The list is what the nodes say of each other, not what this program can reach: that is what they
act upon. A person who stops a node can watch the others notice, and the node catch up when it
returns, a line for each change.

`follow` is given everything that it would otherwise have to wait for: how to look, the end of
patience, whether the person has seen enough. So its tests run at once, and the demo, which uses it
only where a person sits in front of it, cannot hang in a pipe.
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from kvcluster.console.screen import listed, say
from kvcluster.view.census import Member, census
from kvcluster.view.health import ask_cluster

_PATIENCE_S = 120.0
_INTERVAL_S = 0.3
_LOOK_TIMEOUT_S = 1.0
_LONGEST_WORD = len("ALIVE (lagging)")

Look = Callable[[], Sequence[Member]]


def living_and_dead(members: Sequence[Member]) -> list[str]:
    """A line for each standing, with the nodes that have it: "ALIVE  localhost:50051, ...".

    Nodes with more to say of them have a line each.
    """
    nodes: dict[str, list[str]] = {}
    stories: list[str] = []
    for member in members:
        if len(member.standing) <= _LONGEST_WORD:
            nodes.setdefault(member.standing, []).append(member.node)
        else:
            stories.append(f"{member.node}  {member.standing}")
    width = max(map(len, nodes), default=0)
    lines = [f"{standing:<{width}}  {', '.join(names)}" for standing, names in nodes.items()]
    return lines + stories


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """A clause for each node whose standing is another now, or was not known before."""
    return [f"{node}  {after[node]}" for node in after if after[node] != before.get(node)]


def invite(nodes: Sequence[str]) -> None:
    """Invite the person to stop a node, and show what the others see of it."""
    say(
        "\nNow stop a node with Ctrl+C in its terminal, and then start it again: here you see what"
        " the others see of it. Enter ends this, and so do two minutes.\n"
    )
    deadline = time.monotonic() + _PATIENCE_S
    try:
        back = follow(
            lambda: census(ask_cluster(nodes, _LOOK_TIMEOUT_S)),
            enough=lambda: _enter_was_pressed(_INTERVAL_S) or time.monotonic() >= deadline,
            clock=lambda: time.strftime("%H:%M:%S"),
        )
    except KeyboardInterrupt:
        say()
        return
    if back:
        say(f"\n{listed(back, 'and')} {'is' if len(back) == 1 else 'are'} back and serving.")


def follow(look: Look, *, enough: Callable[[], bool], clock: Callable[[], str]) -> list[str]:
    """Print a line at each change until who went away is back, and return who that was.

    `enough` is asked between two looks; it may take its time, and when it says yes, that is all.
    """
    before = _standings(look())
    changed: set[str] = set()
    while not enough():
        members = look()
        after = _standings(members)
        for change in changes(before, after):
            say(f"  {clock()}  {change}")
        changed |= {node for node in after if after[node] != before.get(node)}
        before = after
        if changed and all(_is_well(member) for member in members if member.node in changed):
            return sorted(changed)
    return []


def _standings(members: Sequence[Member]) -> dict[str, str]:
    return {member.node: member.standing for member in members}


def _is_well(member: Member) -> bool:
    return member.serving and member.standing == "ALIVE"


def _enter_was_pressed(within_s: float) -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], within_s)
    if ready:
        sys.stdin.readline()
    return bool(ready)
