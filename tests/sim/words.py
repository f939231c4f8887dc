"""The words of nodes: what one tells another must be true at the moment when it says so.

    *I hold what you sent*        the answer to Replicate and to Hold;
    *I hold what you gave me*     ConfirmPull, after which the other forgets what was missed;
    *hold this, as I do*          Hold: not what was replaced or dropped while a round went on.

To hold is to have on disk; in memory stands only what is there. Both are promised at many places at
once, and a node that speaks a moment too early is mostly right a moment later. So it is judged as
it speaks, and not by what comes of it.

An entry below a promise is not held, and the answer says so. What a majority decides may be handed
on by who has only read it (`deciding_words.KEYS`).

What a node gave in a former life is forgotten: it knows the mark of that pull no more, so that to
confirm it to the new one has it forget nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kvcluster.model.slots import slot_of
from kvcluster.node import Node
from tests.sim.broken import Broken
from tests.sim.deciding_words import KEYS
from tests.sim.drops import Drops
from tests.sim.files import Files
from tests.sim.network import entries_in
from tests.sim.world import World

from demo_pb2 import Entry

_STORING = ("replicate", "hold")


class Words:
    """Listens to what nodes say."""

    def __init__(self, world: World, files: Files, drops: Drops) -> None:
        self._world = world
        self._files = files
        self._drops = drops
        self._given: dict[tuple[str, int], dict[str, bytes]] = {}
        """By node and mark of a pull: the versions that it had for the puller as that began."""
        world.opened.append(self._opened)
        world.network.asking.append(self._asking)
        world.network.answering.append(self._answering)

    def _opened(self, name: str, node: Node) -> None:
        self._given = {pull: given for pull, given in self._given.items() if pull[0] != name}

    def _asking(self, caller: str, callee: str, method: str, request: Any) -> None:
        if method == "confirm_pull":
            given = self._given.pop((callee, request.mark), {})
            with self._world.judging():
                for key, version in given.items():
                    self._judge(caller, key, version, f"confirms to {callee} that it holds")
        elif method == "hold":
            for entry in request.entries:
                held = self._world.node(caller).store.get(entry.key)
                if entry.key not in KEYS and (held is None or held[1] != entry.version):
                    what = f"{caller} has {callee} hold {entry.key}, and holds something else"
                    self._world.breaks(Broken(what, entry.key))

    def _answering(self, callee: str, caller: str, method: str, request: Any, answer: Any) -> None:
        if method in _STORING:
            with self._world.judging():
                for entry in _not_refused(request, answer):
                    what = f"answers to {caller} that it holds"
                    self._judge(callee, entry.key, entry.version, what)
        elif method == "pull" and not request.HasField("cursor") and self._world.is_up(callee):
            node = self._world.node(callee)
            shared = frozenset(node.membership.shared(caller))
            self._given[callee, answer.mark] = {
                key: version
                for key, (_, version) in node.store.table.items()
                if version >= request.since and slot_of(key) in shared
            }

    def _judge(self, name: str, key: str, version: bytes, says: str) -> None:
        if key in KEYS and self._world.is_up(name) and self._is_behind(name, key):
            return
        if self._drops.dropped(key) < version and not self._files.holds(name, key, version):
            raise Broken(f"{name} {says} {key}, and it does not", key)

    def _is_behind(self, name: str, key: str) -> bool:
        """Whether a node has refused an entry for what it promised, and knows that it lacks it."""
        return key in self._world.node(name).store.promises.behind


def _not_refused(request: Any, answer: Any) -> Iterator[Entry]:
    """The entries of a request of which an answer does not say that they are refused."""
    refused = frozenset(answer.refused)
    return (it for place, it in enumerate(entries_in(request)) if place not in refused)
