"""The scripted demo: on every node in turn, a key is put, changed elsewhere, and deleted.

A round begins at each node, so that each of them once takes the first write, once a change of what
another took, and once the delete; after each write every node is asked what it holds. Because
a node counted in `acknowledged` returns the write at once, nothing here waits or polls between a
write and its reads.

A node that is down at the start is named and left out, and the rest must go on without it: writes
are then expected at as many replicas as there are nodes up. A node that goes down in the middle is
a cross, for the demo cannot tell it from a broken promise.

The keys begin with "demo/" and a few random letters: the demo touches no key of anybody else,
another demo included, and removes its own whatever happens.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kvcluster.client.failure import CallFailed
from kvcluster.client.health import Answer, ask_until, settled
from kvcluster.client.link import Link
from kvcluster.client.screen import (
    DASH,
    TICK,
    Checklist,
    Exit,
    complain,
    counted,
    listed,
    quoted,
    say,
)
from kvcluster.model.members import split_address

from demo_pb2 import Status

_LOOK_TIMEOUT_S = 2.0
_PATIENCE_S = 10.0
"""How long nodes that were started a moment ago get to find each other."""


@dataclass(frozen=True)
class Lines:
    """What one round writes: a key, its value, and the value that replaces it."""

    key: str
    first: str
    second: str


_SCRIPT = (
    Lines("xin chào", "Chào bạn!", "Hẹn gặp lại"),
    Lines("🌱", "🌳", "🍎🍎🍎"),
    Lines("城市", "東京", "北京"),
)


def run(nodes: Sequence[str], *, timeout_s: float, default: bool) -> int:
    """Run the demo against the nodes. `default`: they are those that server.py has built in."""
    answers = _look_around(nodes, min(timeout_s, _LOOK_TIMEOUT_S))
    if all(answer.nobody_there for answer in answers):
        complain(_how_to_start(nodes, default=default))
        return Exit.NOT_SO
    say(f"The demo, against {listed(list(nodes), 'and')}.\n")
    for answer in answers:
        say(_introduction(answer))
    up = [answer.address for answer in answers if answer.serving]
    if not up:
        complain("No node is serving, so there is nothing to show.")
        return Exit.NOT_SO
    if len(up) < len(nodes):
        say("\nIt goes on with the rest: reads and writes must still work, and a write be held by")
        say("every node that is up.")
    checklist = Checklist()
    with contextlib.ExitStack() as links:
        asked = [links.enter_context(Link(node, timeout_s=timeout_s)) for node in up]
        Demo(asked, checklist, down=len(nodes) - len(up)).run()
    say(f"\n{_summary(checklist, nodes, up)}")
    return Exit.DONE if checklist.all_held else Exit.NOT_SO


class Demo:
    """The rounds, against the nodes that are up."""

    def __init__(self, links: Sequence[Link], checklist: Checklist, *, down: int) -> None:
        self._links = links
        self._checklist = checklist
        self._down = down
        self._run = secrets.token_hex(2)
        self._left: set[str] = set()  # keys that may be in the store now
        self._width = max(len(link.address) for link in links)

    def run(self) -> None:
        """Every round, and then nothing is left of them."""
        try:
            for start in range(len(self._links)):
                self._round(start, _SCRIPT[start % len(_SCRIPT)])
        finally:
            self._remove_what_is_left()

    def _round(self, start: int, lines: Lines) -> None:
        key = f"demo/{self._run}/{lines.key}"
        say(f"\nRound {start + 1} of {len(self._links)}, the key is {quoted(key)}")
        here, there, elsewhere = (
            self._links[(start + step) % len(self._links)] for step in range(3)
        )
        self._put("PUT", here, key, lines.first)
        self._get_from_all(key, lines.first)
        self._put("OVERWRITE", there, key, lines.second)
        self._get_from_all(key, lines.second)
        self._delete(elsewhere, key)
        self._get_from_all(key, None)

    def _put(self, name: str, link: Link, key: str, value: str) -> None:
        self._left.add(key)
        with self._failing_as_a_cross(name, link, f"{quoted(value)} stored"):
            answer = link.put(key, value)
            self._check_write(
                name, link, answer.acknowledged, answer.replicas, f" hold {quoted(value)}"
            )

    def _delete(self, link: Link, key: str) -> None:
        with self._failing_as_a_cross("DELETE", link, "deleted"):
            answer = link.delete(key)
            self._left.discard(key)
            if answer.found:
                self._check_write(
                    "DELETE", link, answer.acknowledged, answer.replicas, " hold the delete"
                )
            else:
                self._check("DELETE", link, expected="deleted", got="was not there")

    def _get_from_all(self, key: str, value: str | None) -> None:
        for link in self._links:
            with self._failing_as_a_cross("GET", link, quoted(value)):
                self._check("GET", link, expected=quoted(value), got=quoted(link.get(key)))

    def _check_write(
        self, name: str, link: Link, acknowledged: int, replicas: int, what: str
    ) -> None:
        # All that are up; of a key with fewer replicas than nodes, those that can be.
        wanted = max(1, min(len(self._links), replicas - self._down))
        held = acknowledged >= wanted
        self._check(
            name,
            link,
            expected=f"{wanted} of {replicas} replicas",
            got=f"{acknowledged} of {replicas} replicas{what if held else ''}",
            held=held,
        )

    @contextlib.contextmanager
    def _failing_as_a_cross(self, name: str, link: Link, expected: str) -> Iterator[None]:
        try:
            yield
        except CallFailed as failure:
            self._check(name, link, expected=expected, got=str(failure))

    def _check(
        self, name: str, link: Link, *, expected: str, got: str, held: bool | None = None
    ) -> None:
        step = f"{name:<9}  {link.address:<{self._width}}"
        self._checklist.check(step, expected=expected, got=got, held=held)

    def _remove_what_is_left(self) -> None:
        for key in sorted(self._left):
            if not any(_removes(link, key) for link in self._links):
                say(f"  {DASH} {quoted(key)} could not be removed and may still be there")


def _removes(link: Link, key: str) -> bool:
    try:
        link.delete(key)
    except CallFailed:
        return False
    return True


def _look_around(nodes: Sequence[str], timeout_s: float) -> list[Answer]:
    """How the nodes are, once those that just started have found each other."""
    told = False

    def good(answers: Sequence[Answer]) -> bool:
        nonlocal told
        done = settled(answers)
        if not done and not told:
            say("Waiting for the nodes to find each other ...")
            told = True
        return done

    return ask_until(nodes, good, timeout_s=timeout_s, patience_s=_PATIENCE_S)


def _introduction(answer: Answer) -> str:
    if isinstance(answer.outcome, CallFailed):
        return f"  {DASH} {answer.address} is down: {answer.outcome}"
    health = answer.outcome
    if answer.serving:
        return f"  {TICK} {answer.address} is up, with {counted(health.keys, 'key')}"
    status = Status.Name(health.status) if health.status in Status.values() else "in no known state"
    reason = f": {health.reason}" if health.reason else ""
    return f"  {DASH} {answer.address} is {status} and takes no part{reason}"


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
