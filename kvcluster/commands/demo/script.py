"""The rounds of the scripted demo: a key is put, changed elsewhere, and deleted, and all look on.

A round begins at each node, so that each of them once takes the first write, once a change of what
another took, and once the delete; after each write every node is asked what it holds. Because
a node counted in `acknowledged` returns the write at once, nothing here waits or polls between a
write and its reads.

A write must be held by every replica of its key that is up, however many nodes there are beside
them; a node that is no replica forwards, and the step says to whom.

The keys begin with "demo/" and a few random letters: the demo touches no key of anybody else,
another demo included, and removes its own whatever happens.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kvcluster.client.answers import state_word
from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.client.link import Link
from kvcluster.commands.demo.stage import Checklist
from kvcluster.console.screen import DASH, listed, say
from kvcluster.view.wording import forwarded

from demo_pb2 import DeleteResponse, PeerState, PutResponse


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


class Script:
    """The rounds, against the nodes that are up; `down` others are known of, and not."""

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
        say(f"\nRound {start + 1} of {len(self._links)}, the key is {_quoted(key)}")
        here, there, elsewhere = (
            self._links[(start + step) % len(self._links)] for step in range(3)
        )
        homes = self._locate(here, key)
        if homes and not self._up(homes) and all(home.state == PeerState.DEAD for home in homes):
            say(f"  {DASH} no node that holds it is up, so this round is left out")
            return
        self._put("PUT", here, key, lines.first, homes)
        self._get_from_all(key, lines.first)
        self._put("OVERWRITE", there, key, lines.second, homes)
        self._get_from_all(key, lines.second)
        self._delete(elsewhere, key, homes)
        self._get_from_all(key, None)

    def _locate(self, link: Link, key: str) -> Sequence[PeerState]:
        """Show where a key lives; nothing if the node does not know the question."""
        try:
            homes = link.locate(key).replicas
        except CallFailed as failure:
            if failure.kind is not FailureKind.WRONG_SERVICE:
                self._check("LOCATE", link, expected="its replicas", got=str(failure))
            return []
        if homes:
            say(f"  {_where(homes)}")
        return homes

    def _up(self, homes: Sequence[PeerState]) -> int:
        return len({home.node for home in homes} & {link.name for link in self._links})

    def _put(self, name: str, link: Link, key: str, value: str, homes: Sequence[PeerState]) -> None:
        self._left.add(key)
        with self._failing_as_a_cross(name, link, f"{_quoted(value)} stored"):
            self._check_write(name, link, link.put(key, value), homes, f" hold {_quoted(value)}")

    def _delete(self, link: Link, key: str, homes: Sequence[PeerState]) -> None:
        with self._failing_as_a_cross("DELETE", link, "deleted"):
            answer = link.delete(key)
            self._left.discard(key)
            if answer.found:
                self._check_write("DELETE", link, answer, homes, " hold the delete")
            else:
                self._check("DELETE", link, expected="deleted", got="was not there")

    def _get_from_all(self, key: str, value: str | None) -> None:
        for link in self._links:
            with self._failing_as_a_cross("GET", link, _quoted(value)):
                answer = link.get(key)
                got = answer.value if answer.found else None
                self._check(
                    "GET",
                    link,
                    expected=_quoted(value),
                    got=_quoted(got) + forwarded(link.name, answer.served_by),
                    held=got == value,
                )

    def _check_write(
        self,
        name: str,
        link: Link,
        answer: PutResponse | DeleteResponse,
        homes: Sequence[PeerState],
        what: str,
    ) -> None:
        # Who does not know where a key lives takes every node that is down for one of its replicas.
        up = self._up(homes) if homes else min(len(self._links), answer.replicas - self._down)
        wanted = max(1, up)
        held = answer.acknowledged >= wanted
        got = f"{answer.acknowledged} of {answer.replicas} replicas{what if held else ''}"
        self._check(
            name,
            link,
            expected=f"{wanted} of {answer.replicas} replicas",
            got=got + forwarded(link.name, answer.served_by),
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
                say(f"  {DASH} {_quoted(key)} could not be removed and may still be there")


def _quoted(value: str | None) -> str:
    """A value as it is shown; a missing one has no quotes."""
    return "not found" if value is None else f'"{value}"'


def _where(homes: Sequence[PeerState]) -> str:
    names = [home.node + _doubt(home) for home in homes]
    noun = "replica" if len(names) == 2 else "replicas"
    return f"primary {names[0]}" + (f", {noun} {listed(names[1:], 'and')}" if names[1:] else "")


def _doubt(home: PeerState) -> str:
    """What there is to say of a replica that is not simply alive."""
    words = [] if home.state == PeerState.ALIVE else [state_word(home.state)]
    words += ["lagging"] if home.lagging else []
    return f" ({', '.join(words)})" if words else ""


def _removes(link: Link, key: str) -> bool:
    try:
        link.delete(key)
    except CallFailed:
        return False
    return True
