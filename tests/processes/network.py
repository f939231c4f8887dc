"""The network between the nodes of a test: one link for each ordered pair, and words for cuts.

A cut is told in nodes, not in links: *nothing that a says arrives at b* concerns what a asks b, and
what a answers when b asks. Clients are not cut off; they reach every node directly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kvcluster.model.members import split_address
from tests.processes.proxy import Link, Mode, Switchboard

Pair = tuple[str, str]


class Network:
    """Every way from one node to another, by the names of both."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = list(names)
        self._board = Switchboard()
        self._links = {
            (caller, callee): self._board.link(split_address(callee))
            for caller in names
            for callee in names
            if caller != callee
        }
        self._cut: dict[Pair, Mode] = {}

    def ways(self, caller: str) -> dict[str, str]:
        """Under which address a node reaches each peer."""
        return {
            callee: f"127.0.0.1:{link.port}"
            for (name, callee), link in self._links.items()
            if name == caller
        }

    @property
    def whole(self) -> bool:
        """Whether nothing is cut, and no node clings to a connection that a cut has silenced."""
        return not self._cut and not any(link.stalled for link in self._links.values())

    def cut(self, pairs: Iterable[Pair], mode: Mode = Mode.LOSE) -> None:
        """Of what the first of a pair says, nothing arrives at the second."""
        self._change({**self._cut, **dict.fromkeys(pairs, mode)})

    def cut_apart(
        self, some: Collection[str], others: Collection[str], mode: Mode = Mode.LOSE
    ) -> None:
        """Two groups hear nothing of each other."""
        pairs = [(a, b) for a in some for b in others]
        self.cut(pairs + [(b, a) for a, b in pairs], mode)

    def cut_off(self, name: str, mode: Mode = Mode.LOSE) -> None:
        """One node hears nobody, and nobody hears it."""
        self.cut_apart([name], [other for other in self._names if other != name], mode)

    def reset(self, name: str) -> None:
        """Every connection that a node made breaks, and every one to it; new ones are welcome."""
        for ends, link in self._links.items():
            if name in ends:
                self._board.do(link.reset())

    def slow_down(self, delay_s: float) -> None:
        """Everything that is said takes longer."""
        for link in self._links.values():
            link.delay_s = delay_s

    def heal(self) -> None:
        """Nothing is cut any more."""
        self._change({})

    def close(self) -> None:
        """End every link."""
        self._board.close()

    def _change(self, cut: dict[Pair, Mode]) -> None:
        self._cut = cut

        def said(speaker: str, listener: str) -> Mode:
            return cut.get((speaker, listener), Mode.PASS)

        changes: list[tuple[Link, Mode, Mode]] = [
            (link, said(caller, callee), said(callee, caller))
            for (caller, callee), link in self._links.items()
        ]
        self._board.do(self._board.change(changes))
