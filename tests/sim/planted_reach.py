"""Bugs planted into what a node makes of a peer that it cannot reach."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from kvcluster.cluster.peers.calls import Calls
from kvcluster.cluster.peers.heartbeat import Heartbeats
from kvcluster.cluster.peers.peers import Peers
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.errors import PeerBroke, PeerUnconnected, PeerUnreachable
from kvcluster.model.detector import Sign
from tests.sim.planting import planted, replace


@planted(
    found_by=187,
    pinned_by="cluster/test_resets.py::test_reset_while_a_node_catches_up_excuses_no_debt",
)
def excuse_a_debt_when_a_connection_breaks(stack: contextlib.ExitStack) -> None:
    """A heartbeat that met a reset is taken for one that was refused."""
    _take_for_nobody(stack, PeerBroke)


@planted(pinned_by="cluster/test_resets.py::test_reset_at_a_start_excuses_nobody")
def excuse_a_debt_when_no_connection_comes_about(stack: contextlib.ExitStack) -> None:
    """The same in the handshake only, where nothing was delivered."""
    _take_for_nobody(stack, PeerUnconnected)


def _take_for_nobody(stack: contextlib.ExitStack, kind: type[PeerBroke]) -> None:
    unanswered = Heartbeats._unanswered

    def unanswered_or_refused(self: Any, name: str, error: Exception) -> None:
        if isinstance(error, kind):
            self._refused(name, error, self._peers.now_s())
        else:
            unanswered(self, name, error)  # type: ignore[arg-type]

    replace(stack, Heartbeats, "_unanswered", unanswered_or_refused)


@planted(
    pinned_by="cluster/test_resets.py::"
    "test_peer_that_cannot_be_reached_again_is_told_before_the_answer"
)
def pass_by_a_peer_whose_connection_broke(stack: contextlib.ExitStack) -> None:
    """A copy of a write that met a reset is taken for one that was refused: nobody tells it."""

    async def once(self: Any, sent: Any) -> Any:
        try:
            return await sent.answer
        except PeerBroke as error:
            raise PeerUnreachable(str(error)) from None

    replace(stack, Calls, "_again_and_again", once)


@planted(
    pinned_by="cluster/test_telling.py::test_peer_behind_a_slow_way_is_told_before_the_answer",
)
def tell_a_peer_only_briefly_what_it_missed(stack: contextlib.ExitStack) -> None:
    """The write is acknowledged, and the peer behind a slow way has not heard of it yet."""
    tell = Hinting.tell

    async def tell_briefly(self: Any, name: str) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(tell(self, name), 0.3)

    replace(stack, Hinting, "tell", tell_briefly)


@planted(
    pinned_by="cluster/test_cluster.py::test_a_farewell_from_a_former_life_of_a_peer_is_no_news"
)
def believe_the_farewell_of_a_former_life(stack: contextlib.ExitStack) -> None:
    """A network held it back until the peer was up again: writes go on without it, untold."""

    def left(self: Any, name: str, incarnation: int) -> None:
        self._take(self._peers[name], Sign.LEFT, "it is stopping")

    replace(stack, Peers, "left", left)


@planted(
    pinned_by="cluster/test_telling.py::"
    "test_peer_that_hears_that_it_is_counted_on_is_not_passed_by_a_moment_later"
)
def count_the_silence_before_a_call(stack: contextlib.ExitStack) -> None:
    """A peer that was away hears that it is counted on, and is passed by a moment later."""
    replace(stack, Peers, "_spare", lambda self, peer, now_s, returns: None)


@planted(
    pinned_by="cluster/test_cluster.py::"
    "test_what_a_new_life_tells_whose_clock_went_back_is_not_excused"
)
def take_a_life_whose_clock_went_back_for_one_that_is_over(stack: contextlib.ExitStack) -> None:
    """What it tells is excused by what is known of its former life."""
    met = Peers.met

    def met_unless_it_seems_over(
        self: Any, name: str, incarnation: int, clock: int, *, answers: bool
    ) -> bool:
        peer = self._peers[name]
        if incarnation != peer.incarnation and not answers and clock < peer.clock:
            return False
        return met(self, name, incarnation, clock, answers=answers)

    replace(stack, Peers, "met", met_unless_it_seems_over)
