"""Bugs planted into when a node may take writes and answer reads."""

from __future__ import annotations

import contextlib
from typing import Any

from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.heartbeat import Heartbeats
from kvcluster.cluster.peers.peers import Peers
from kvcluster.model.detector import Sign
from kvcluster.model.readiness import Readiness, Status
from tests.sim.planting import planted, replace


@planted(found_by=112)
def serve_while_a_peer_does_not_count_on_this_node(stack: contextlib.ExitStack) -> None:
    """It answers, so all must be well, though it acknowledges writes without us."""
    replace(stack, Heartbeats, "_counts_on_us", lambda self, name, response: True)


@planted(found_by=59)
def take_writes_before_peers_are_heard(stack: contextlib.ExitStack) -> None:
    """A node that starts hands out versions from a clock that nobody has set right."""
    replace(stack, Gate, "writable", property(lambda self: not self._overdue))


@planted(pinned_by="cluster/test_scans.py::test_impossible_scans_are_refused")
def answer_reads_while_stopping(stack: contextlib.ExitStack) -> None:
    """It has said goodbye, and others write without it."""
    readable = (Status.SERVING, Status.DRAINING)
    replace(
        stack,
        Gate,
        "readable",
        property(lambda self: self._status in readable and not self._overdue),
    )


@planted(
    pinned_by="cluster/test_waiting.py::"
    "test_write_that_waited_at_the_door_of_a_stopped_node_is_not_carried_out"
)
def look_around_after_no_pause(stack: contextlib.ExitStack) -> None:
    """A process that was stopped goes on with what it knew."""
    replace(stack, Readiness, "look_around", lambda self, **_: None)


@planted(
    pinned_by="cluster/test_cluster.py::test_a_refusal_from_a_former_life_of_a_peer_is_no_news"
)
def believe_an_old_refusal(stack: contextlib.ExitStack) -> None:
    """What a former life of a peer refused is taken for news of the present one."""

    def refused(self: Any, name: str, why: str, asked_s: float) -> bool:
        self._take(self._peers[name], Sign.REFUSED, why)
        return True

    replace(stack, Peers, "refused", refused)


@planted(
    pinned_by="cluster/test_waiting.py::"
    "test_what_peers_said_before_a_pause_lets_no_node_serve_after_it"
)
def believe_a_heartbeat_from_before_a_pause(stack: contextlib.ExitStack) -> None:
    """What a peer said before this process was stopped is taken for what it says now."""
    replace(stack, Gate, "was_away_since", lambda self, pauses: False)
