"""The peers: what this node thinks of each, and who wants to know when that changes.

Two questions are kept apart. *Is it alive?* is the detector's (model/detector.py). *Does a write
go to it and wait for it?* Only if it is alive and not *lagging*: a peer that let a write time out
(frozen, or with a disk that hangs while its heartbeats are fine) costs one round, and is then left
alone until it begins to pull what it missed. From that moment on it gets every write again, or it
could never catch up under load.

One place changes a peer, so each change is one log line and one call to those who act on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kvcluster.cluster.peers.membership import Strangers
from kvcluster.cluster.peers.tasks import Silence
from kvcluster.config import Settings
from kvcluster.model.detector import Detector, Liveness, Sign
from kvcluster.model.exchange import Exchange

from demo_pb2 import SERVING, HealthCheckResponse

log = logging.getLogger("kvcluster")

Listener = Callable[["Peer"], None]

_SENTENCES = {
    Liveness.UNKNOWN: "is not known yet",
    Liveness.ALIVE: "is alive; it gets every write",
    Liveness.SUSPECT: "is suspect; writes go on without it",
    Liveness.DEAD: "is dead; writes go on without it",
}


@dataclass
class Peer:
    """One peer. Only Peers changes it, but for `exchange`, which is kept by those who call it."""

    name: str
    detector: Detector
    lagging: bool = False
    """It answers, but missed writes, and has not begun to pull them."""
    incarnation: int | None = None
    """The life that it is in, as far as we know; None: it was not heard yet."""
    answered_in: int | None = None
    """The life in which it last answered a call of ours."""
    clock: int = 0
    """What its clock said last, in that life."""
    heard_s: float = float("-inf")
    """When its last heartbeat came in, as a call or as an answer, of a life that it may be in."""
    called_s: float = float("-inf")
    """The same, of whatever life."""
    said: HealthCheckResponse | None = None
    """Its last answer to a heartbeat of ours."""
    gone_s: float = float("-inf")
    """When it was last known to take nothing that was sent before: it is not there, or stops."""
    refusal: str = ""
    """Why it and we refuse each other; empty if we do not."""
    refused_s: float = float("-inf")
    """When that was found last."""
    difference: str = ""
    """How its settings differ from ours, where that is no reason to refuse; or empty."""
    trouble: str = ""
    """Why it did not answer our last heartbeat, if something told; empty if it did."""
    exchange: Exchange = field(default_factory=Exchange)
    spared: bool = False
    """It was given time to answer, and has not answered since."""
    silence: Silence = field(default_factory=Silence)
    """Set while it is silent: who waits for its answer need not wait longer."""

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        return self.detector.state is Liveness.ALIVE

    @property
    def gets_writes(self) -> bool:
        """Whether a write is sent to it and waits for it."""
        return self.alive and not self.lagging

    @property
    def serves_reads(self) -> bool:
        """Whether it answered reads when it was last heard."""
        return self.alive and self.said is not None and self.said.status == SERVING

    @property
    def takes_blocks(self) -> bool:
        """Whether it said that it knows of blocks (storage/block.py)."""
        return self.said is not None and self.said.responder.takes_blocks

    @property
    def votes(self) -> bool:
        """Whether it says that what it holds counts for a majority."""
        return self.alive and self.said is not None and self.said.responder.votes

    @property
    def is_too_old(self) -> bool:
        """Whether it said nothing of knowing conditions and expiry."""
        return self.said is not None and not self.said.responder.decides


class Peers:
    """All peers of this node, in member order."""

    def __init__(self, names: tuple[str, ...], settings: Settings) -> None:
        now_s = self.now_s()
        self._pause_limit_s = settings.pause_limit_s
        self._dead_after_s = settings.dead_after_s
        self._peers = {
            name: Peer(
                name,
                Detector(
                    now_s,
                    suspect_after_s=settings.suspect_after_s,
                    dead_after_s=settings.dead_after_s,
                ),
            )
            for name in names
        }
        self.strangers = Strangers(settings)
        self.on_death: list[Listener] = []
        """Called when a peer becomes DEAD."""
        self.on_return: list[Listener] = []
        """Called when one becomes ALIVE, again or in a new life."""

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def __contains__(self, name: str) -> bool:
        return name in self._peers

    def __getitem__(self, name: str) -> Peer:
        return self._peers[name]

    @staticmethod
    def now_s() -> float:
        """The time by which silence is measured."""
        return asyncio.get_running_loop().time()

    def answered(self, name: str, said: HealthCheckResponse, *, behind: bool) -> None:
        """It answered a heartbeat. `behind`: a hint says that it missed writes."""
        peer = self._peers[name]
        peer.said, peer.trouble, peer.refusal = said, "", ""
        if not peer.alive:
            peer.lagging = behind
        elif not behind:
            peer.lagging = False
        self._take(peer, Sign.ANSWERED)

    def unanswered(self, name: str, trouble: str) -> bool:
        """It did not answer a heartbeat (`trouble`: why, if something told); whether for long.

        What that means only time tells: the detector measures the silence.
        """
        peer = self._peers[name]
        peer.trouble = trouble
        return peer.detector.look(self.now_s()) is Sign.LONG_SILENT

    def signs_of_life(self, name: str) -> None:
        """It answered something else."""
        peer = self._peers[name]
        if peer.alive:
            self._take(peer, Sign.ANSWERED)

    def pulls(self, name: str) -> None:
        """It began to pull what it missed."""
        peer = self._peers[name]
        if peer.lagging:
            peer.lagging = False
            log.info("PEER  %s catches up; it gets every write again", name)

    def leave_behind(self, name: str, why: str) -> None:
        """A write to it failed, though somebody is there."""
        peer = self._peers[name]
        if peer.gets_writes:
            log.info("PEER  %s missed writes (%s); they go on without it", name, why)
        peer.lagging = True

    def refused(self, name: str, why: str, asked_s: float) -> bool:
        """Nobody is there, or nobody who wants to talk to us; return whether that is still news.

        `asked_s`: when the call was sent that was refused. If the peer called since, the refusal
        was overtaken on its way: it is about a former life of a peer that returned at once.
        """
        peer = self._peers[name]
        if asked_s < peer.called_s:
            return False
        self._take(peer, Sign.REFUSED, why)
        return True

    def left(self, name: str, incarnation: int) -> None:
        """It said that it stops.

        Only who has answered us in this life can leave it: a farewell may come in the next one.
        """
        if self._peers[name].answered_in == incarnation:
            self._take(self._peers[name], Sign.LEFT, "it is stopping")

    def look(self) -> None:
        """Judge every silence, strangers' too; to be called at each tick."""
        for peer in self._peers.values():
            sign = peer.detector.look(self.now_s())
            if sign and not peer.refusal:  # who refuses us is there
                peer.silence.set()
                trouble = f": {peer.trouble}" if peer.trouble else ""
                self._take(peer, sign, sign.value + trouble)
        self.strangers.look(self.now_s())

    def cut_off(self, name: str) -> None:
        """It could not be told what it must know, though it answers now and then."""
        self._peers[name].silence.set()
        self._take(self._peers[name], Sign.SILENT, "it did not answer what it was told")

    def listen_anew(self) -> None:
        """This process itself was stopped: what was silence meanwhile is not known."""
        for peer in self._peers.values():
            peer.detector.listen_anew(self.now_s())

    def met(self, name: str, incarnation: int, clock: int, *, answers: bool) -> bool:
        """Note which life of a peer is talking; whether it is another than before.

        A new one is a return, however short the absence was. An answer to us is of now, but a
        heartbeat may have been held back on its way: one of an unknown life that was sent before
        what we heard last seems to be of a life that is over, and tells of no return. It may be of
        a new one, whose clock has gone back, and what it says may not be forgotten a moment later.
        """
        peer, now_s = self._peers[name], self.now_s()
        another = incarnation != peer.incarnation
        seems_over = another and not answers and clock < peer.clock
        returns = another or now_s - peer.heard_s >= self._dead_after_s
        peer.called_s = now_s
        assert peer.heard_s <= peer.called_s
        self._spare(peer, now_s, returns=returns and not seems_over)
        if seems_over:
            return False
        peer.heard_s = now_s
        peer.clock = clock if another else max(clock, peer.clock)
        if answers:
            peer.answered_in = incarnation
        known, peer.incarnation = peer.incarnation, incarnation
        anew = another and known is not None
        if anew and peer.alive:
            log.info("PEER  %s was started anew", name)
            _tell(self.on_return, peer)
        return anew

    def _spare(self, peer: Peer, now_s: float, *, returns: bool) -> None:
        """Give a peer that calls, and has not answered us for a while, time to answer.

        It was away, and hears from us now that we count on it, or what it missed. Neither may be
        forgotten a moment later, for a silence that is over. Once, until it answers or is away
        again: one that goes on calling and never answers is behind a one-way cut.
        """
        if peer.detector.silent_s(now_s) >= self._pause_limit_s and (returns or not peer.spared):
            peer.detector.listen_anew(now_s)
            peer.spared = True

    def refuses(self, name: str, why: str) -> None:
        """We and a peer refuse each other (`why`), or do so no more (empty)."""
        peer = self._peers[name]
        if why and peer.refusal != why:
            log.warning("PEER  %s and this node refuse each other: %s", name, why)
        if why:
            peer.refused_s = self.now_s()
        peer.refusal = why

    def differs(self, name: str, how: str) -> None:
        """How the settings of a peer differ from ours; empty: they do not."""
        peer = self._peers[name]
        if how and peer.difference != how:
            log.warning("PEER  %s; use the same settings on every node", how)
        peer.difference = how

    def _take(self, peer: Peer, sign: Sign, why: str = "") -> None:
        if sign is Sign.ANSWERED:
            peer.spared = False
            peer.silence.clear()
        elif sign in (Sign.REFUSED, Sign.LEFT):
            peer.gone_s = self.now_s()
        changed = peer.detector.take(sign, self.now_s())
        assert not (peer.alive and peer.silence.is_set()), "who answers is not silent"
        if not changed:
            return
        state = peer.detector.state
        lags = state is Liveness.ALIVE and peer.lagging
        sentence = "is alive but missed writes; it will pull them" if lags else _SENTENCES[state]
        log.info("PEER  %s %s%s", peer.name, sentence, f" ({why})" if why else "")
        if state is Liveness.DEAD:
            _tell(self.on_death, peer)
        elif state is Liveness.ALIVE:
            _tell(self.on_return, peer)


def _tell(listeners: list[Listener], peer: Peer) -> None:
    for listener in listeners:
        listener(peer)
