"""Telling: before a write is acknowledged, whoever missed it and is counted on must know.

    *One that is alive and behind is told before the write is acknowledged.*

A client sees a breach only if it asks the right node within a few hundredths of a second. So it is
judged at the writer, in the moment in which the write is done here and its peers have answered or
failed: a replica without it, which the writer takes for alive, must not answer reads then. Not
where ways are cut, or messages get lost: there a node may have been told, and then have lost sight
of the writer. Nor where the writer was stopped meanwhile: it acknowledges nothing of before; or is
about to end, and nobody hears it any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvcluster.cluster.writing.flights import Then
from kvcluster.cluster.writing.outcome import Outcome
from kvcluster.errors import OutcomeUnknown
from kvcluster.model.slots import slot_of
from kvcluster.node import Node
from tests.sim.broken import Broken
from tests.sim.drops import Drops
from tests.sim.reach import Reach
from tests.sim.world import World

from demo_pb2 import Entry


class Telling:
    """Watches what becomes of the rounds that nodes send."""

    def __init__(self, world: World, drops: Drops, reach: Reach) -> None:
        self._world = world
        self._drops = drops
        self._reach = reach
        world.opened.append(self._opened)

    def _opened(self, name: str, node: Node) -> None:
        build = node._build

        def build_and_listen() -> None:
            build()
            self._listen(name, node)

        node._build = build_and_listen  # type: ignore[method-assign]

    def _listen(self, name: str, node: Node) -> None:
        carry_out = node.writing.rounds._carry_out

        def carry_out_and_judge(entries: Sequence[Entry], then: Then) -> None:
            pauses = node.gate.pauses

            def judge_then(outcome: Outcome | OutcomeUnknown) -> None:
                heard = self._world.is_up(name) and self._world.node(name) is node
                known = isinstance(outcome, Outcome) and not node.gate.was_away_since(pauses)
                if heard and known and self._reach.nothing_disturbs:
                    for entry in entries:
                        self._judge(name, node, entry)
                then(outcome)

            carry_out(entries, judge_then)

        node.writing.rounds._carry_out = carry_out_and_judge  # type: ignore[method-assign]

    def _judge(self, name: str, node: Node, entry: Entry) -> None:
        for other in node.membership.others(slot_of(entry.key)):
            process = self._world.network.processes.get(other)
            if process is None or process.life.frozen or not node.peering.peers[other].alive:
                continue
            held = process.node.store.get(entry.key)
            lacks = held is None or held[1] < entry.version
            if entry.key in process.node.store.promises.behind:
                continue  # it refused something, and has reads of the key answered elsewhere
            if lacks and process.node.gate.readable and not self._is_dropped(entry):
                why = f"{name} takes a write done that {other} lacks, and {other} answers reads"
                self._world.breaks(Broken(f"{why} of {entry.key}", entry.key))

    def _is_dropped(self, entry: Entry) -> bool:
        return self._drops.dropped(entry.key) >= entry.version
