"""The scripted demo: look around, play the rounds on every node that serves, say how it went.

A node that is down at the start is named and left out, and the rest must go on without it: writes
are then expected at every replica that is up. A node that goes down in the middle is a cross, for
the demo cannot tell it from a broken promise.

In front of a person, and only there, it ends with an invitation to stop a node and watch
(`commands/demo/live_list.py`); in a pipe or in CI it never waits for anybody.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from kvcluster.client.answers import status_word
from kvcluster.client.failure import CallFailed
from kvcluster.client.link import Link
from kvcluster.commands.demo import live_list
from kvcluster.commands.demo.script import Script
from kvcluster.commands.demo.stage import Checklist
from kvcluster.console.screen import (
    DASH,
    TICK,
    Exit,
    complain,
    counted,
    listed,
    say,
    somebody_is_there,
)
from kvcluster.model.members import split_address
from kvcluster.view.census import census
from kvcluster.view.disagreements import disagreements
from kvcluster.view.health import Health, ask_cluster, ask_until, settled
from kvcluster.view.wording import why_not_serving

_LOOK_TIMEOUT_S = 2.0
_PATIENCE_S = 10.0
"""How long nodes that were started a moment ago get to find each other."""


def run(nodes: Sequence[str], *, timeout_s: float, default: bool) -> int:
    """Run the demo against the nodes. `default`: they are those that server.py has built in."""
    answers = _look_around(nodes, min(timeout_s, _LOOK_TIMEOUT_S))
    if all(answer.nobody_there for answer in answers):
        complain(_how_to_start(nodes, default=default))
        return Exit.NOT_SO
    say(f"The demo, against {listed(list(nodes), 'and')}.\n")
    for answer in answers:
        say(_introduction(answer))
    up = {answer.address: answer.said.node for answer in answers if answer.serving and answer.said}
    if not up:
        complain("No node is serving, so there is nothing to show.")
        return Exit.NOT_SO
    _show_living_and_dead(nodes, timeout_s)
    if len(up) < len(nodes):
        say("\nIt goes on with the rest: reads and writes must still work, and a write be held")
        say("by every replica that is up.")
    checklist = Checklist()
    with contextlib.ExitStack() as links:
        asked = [
            links.enter_context(Link(address, timeout_s=timeout_s, name=name))
            for address, name in up.items()
        ]
        Script(asked, checklist, down=len(nodes) - len(up)).run()
    say(f"\n{_summary(checklist, nodes, list(up))}")
    if len(up) > 1 and somebody_is_there():
        live_list.invite(nodes)
    return Exit.DONE if checklist.all_held else Exit.NOT_SO


def _show_living_and_dead(nodes: Sequence[str], timeout_s: float) -> None:
    """What the nodes think of each other; nothing if they are too old to be asked."""
    answers = ask_cluster(nodes, min(timeout_s, _LOOK_TIMEOUT_S))
    if any(answer.said for answer in answers):
        members = census(answers)
        say("\nThe live/dead list, as they keep it:")
        contrary = [it.text for it in disagreements(members)]
        for line in [*live_list.living_and_dead(members), *contrary]:
            say(f"  {line}")


def _look_around(nodes: Sequence[str], timeout_s: float) -> list[Health]:
    """How the nodes are, once those that just started have found each other."""
    told = False

    def good(answers: Sequence[Health]) -> bool:
        nonlocal told
        done = settled(answers)
        if not done and not told:
            say("Waiting for the nodes to find each other ...")
            told = True
        return done

    return ask_until(nodes, good, timeout_s=timeout_s, patience_s=_PATIENCE_S)


def _introduction(answer: Health) -> str:
    if isinstance(answer.outcome, CallFailed):
        return f"  {DASH} {answer.address} is down: {answer.outcome}"
    health = answer.outcome
    if answer.serving:
        return f"  {TICK} {answer.address} is up, with {counted(health.keys, 'key')}"
    why = why_not_serving(health.reason, health.sync)
    reason = f": {why}" if why else ""
    return f"  {DASH} {answer.address} is {status_word(health.status)} and takes no part{reason}"


def _how_to_start(nodes: Sequence[str], *, default: bool) -> str:
    ports = [str(split_address(node)[1]) for node in nodes]
    if default:
        how = listed([f"`python server.py {port}`" for port in ports], "and")
    else:
        how = f"`python server.py PORT --cluster {','.join(nodes)}`"
        how += f", where PORT is {listed(ports, 'or')}"
    return f"No node is up; start them, each in a terminal of its own: {how}."


def _summary(checklist: Checklist, nodes: Sequence[str], up: Sequence[str]) -> str:
    down = [node for node in nodes if node not in up]
    where = f"on {counted(len(up), 'node')}" if not down else f"on {len(up)} of {len(nodes)} nodes"
    without = f", without {listed(down, 'and')}" if down else ""
    return f"{checklist.summary}, {where}{without}."
