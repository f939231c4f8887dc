"""May this node take writes, may it answer reads? Decided from what it has heard and still owes.

A node that was away is like a clerk back from a holiday: before answering a question about the
books it asks each colleague what it missed, and copies that first. So:

- STARTING: some peer has not been heard since the node started or was stopped. No writes, or the
  clock could hand out a version older than one already acknowledged.
- SYNCING: every peer was heard or excused; of some the node must still fetch what it missed (a
  *debt*), or it lost its data and must first be made whole by them (a *repair*). Writes are fine,
  they carry new versions; reads would be stale. Likewise while a peer that answers does not count
  on this node yet (it was away, and the peer has not reached it again): until then the peer
  acknowledges writes without it.
- SERVING: nothing owed.

Who cannot be reached is excused: one live replica is enough to serve. That is the promise of
availability, and the only case in which an older value may be answered.

A node that knows what it has (its files are whole) owes only what it is told of. That suffices
because everybody who holds an acknowledged write also holds a hint for each replica that does not
(cluster/writing/replication.py).

A node that peers refuse because its configuration is another, or its clock, does not begin to serve
while they are there and none of them agrees: it would build a cluster of its own. One that has
served goes on; the newcomer is the one to be mended. But it stops when more than half of all
members refuse it, so that no two parts of a cluster both believe that they are the cluster; and it
begins anew when its own clock has jumped, for then it is the newcomer.

No deadlock when a whole cluster starts: a pull is answered in every state.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Set

from kvcluster.model.entry import Version


class Status(enum.Enum):
    """What a node may do now."""

    STARTING = "starting"
    SYNCING = "syncing"
    SERVING = "serving"
    DRAINING = "draining"


class Readiness:
    """What is still to be heard and to be fetched, peer by peer.

    `shared` says which slots each peer holds that this node holds, too. `repair`: what is here may
    be old or absent, so each peer must repair it once, as soon as it is up. `incomplete`: something
    acknowledged was lost; then each slot must be repaired from some peer, and nobody up is no
    excuse.
    """

    def __init__(
        self, shared: Mapping[str, Set[int]], *, repair: bool = False, incomplete: bool = False
    ) -> None:
        self._shared = shared
        self._unheard = set(shared)
        self._owed: dict[str, Version] = {}
        self._put_off: dict[str, Version] = {}  # owed to peers that could not be reached since
        self._told: dict[str, tuple[int, Version]] = {}  # the last word of each peer, and its time
        self._left_out_by: set[str] = set()  # they answer, and send us no writes yet
        self._excused: set[str] = set()
        self._disagreeing: dict[str, str] = {}  # and about what
        self._opposed = False  # some peer disagreed
        self._settled = False  # some peer agreed, or there was none to ask
        self._to_repair = (
            {peer for peer in shared if shared[peer]} if repair or incomplete else set()
        )
        self._gave: set[str] = set()  # peers that gave all that they have, if not all there was
        self._lost_slots = set().union(*shared.values()) if incomplete else set()
        self.draining = False

    @property
    def status(self) -> Status:
        """What the node may do now."""
        if self.draining:
            return Status.DRAINING
        if self._unheard or self.outvoted:
            return Status.STARTING
        if self._owed or self._left_out_by or self.to_repair() or self._lost_slots:
            return Status.SYNCING
        return Status.SERVING

    @property
    def whole(self) -> bool:
        """Whether every peer, those that are away included, has made this node whole."""
        return not self._to_repair and not self._lost_slots

    @property
    def outvoted(self) -> bool:
        """Whether those who disagree keep this node from serving.

        They do while nobody ever agreed, and when they are more than half of all members.
        """
        assert self._excused.issuperset(self._disagreeing), "nobody waits for who refuses"
        members = len(self._shared) + 1
        return bool(self._disagreeing) and (
            not self._settled or 2 * len(self._disagreeing) > members
        )

    @property
    def disagreeing(self) -> list[tuple[str, str]]:
        """The peers that disagree, in member order, and about what."""
        return [(it, self._disagreeing[it]) for it in self._shared if it in self._disagreeing]

    def owed(self, peer: str) -> Version | None:
        """From which version on to pull from a peer; None if nothing is owed to it."""
        return self._owed.get(peer)

    def to_repair(self) -> list[str]:
        """The peers that were heard and must still make this node whole, in member order."""
        away = self._excused | self._unheard
        return [p for p in self._shared if p in self._to_repair and p not in away]

    def waiting_for(self) -> list[str]:
        """The peers that keep the node from serving, in member order."""
        repairers = set(self.to_repair()) - self._gave
        waited = self._unheard | set(self._owed) | self._left_out_by | repairers
        return [peer for peer in self._shared if peer in waited]

    def heard(
        self, peer: str, missed_since: Version | None, *, at: int = 0, counts_on_us: bool = True
    ) -> None:
        """A peer answered our heartbeat; `missed_since` is its hint about us, `at` its clock then.

        `counts_on_us`: whether it sends us every write, or keeps a hint of what it does not.
        """
        self._settled = True
        self._unheard.discard(peer)
        self._excused.discard(peer)
        self._disagreeing.pop(peer, None)
        if counts_on_us:
            self._left_out_by.discard(peer)
        else:
            self._left_out_by.add(peer)
        if peer in self._put_off:
            self._owe(peer, self._put_off.pop(peer))
        if missed_since is not None:
            self.told(peer, missed_since, at=at)

    def told(self, peer: str, missed_since: Version, *, at: int = 0) -> None:
        """A peer says that we missed writes; `at` is its clock when it said so."""
        self._told[peer] = max(self._told.get(peer, (at, missed_since)), (at, missed_since))
        self._owe(peer, missed_since)

    def _owe(self, peer: str, since: Version) -> None:
        self._owed[peer] = min(since, self._owed.get(peer, since))

    def met_anew(self, peer: str) -> None:
        """A peer talks to us in another life: no word of the one before can still be on its way.

        What is owed stays. But its clock may have gone back, and a word from ahead would seem to be
        later than whatever it says for as long as it was ahead.
        """
        self._told.pop(peer, None)

    def excuse(self, peer: str) -> None:
        """A peer cannot be reached: what it has cannot be had now.

        Its hint stands on its disk, and what is owed is remembered here: the peer may lose its disk
        while it is away, and be made whole again by others that have no such hint.
        """
        self._set_aside(peer)
        self._disagreeing.pop(peer, None)
        if not self._unheard and not self._opposed:
            self._settled = True

    def disagree(self, peer: str, about: str) -> None:
        """A peer has another configuration, a clock that is far off, or does not believe that we
        are who we are: nothing can be had from it.

        `about`: "configuration", "clock" or "secret or certificate".
        """
        self._set_aside(peer)
        self._disagreeing[peer] = about
        self._opposed = True

    def pulled(self, peer: str, missed_since: Version | None, *, at: int) -> None:
        """What was owed to a peer is here, durably. `missed_since`: what its hint says now.

        It said so at its time `at`. What it told us later may have overtaken that on the way, and
        is still owed.
        """
        self._owed.pop(peer, None)
        self._put_off.pop(peer, None)
        told_at, since = self._told.get(peer, (-1, missed_since))
        for version in (missed_since, since if told_at >= at else None):
            if version is not None:
                self._owe(peer, version)

    def repaired(self, peer: str, *, all_of_it: bool = True) -> None:
        """Everything that a peer holds for us is here, durably.

        `all_of_it`: nobody must make the peer whole itself. From one that lacks something it is not
        known whether all that was lost here is back; unless everybody gave what there is.
        """
        self._gave.add(peer)
        if all_of_it:
            self._lost_slots -= self._shared[peer]
        not_yet = [self._shared[other] for other in self._shared if other not in self._gave]
        self._lost_slots &= set().union(*not_yet)
        if all_of_it or self._lost_slots.isdisjoint(self._shared[peer]):
            self._to_repair.discard(peer)
        repairers = (self._shared[other] for other in self._to_repair)
        assert self._lost_slots <= set().union(*repairers), "it would wait for nobody, for ever"

    def look_around(self, *, anew: bool = False) -> None:
        """The process was stopped for a while: hear every peer again before anything else.

        `anew`: its own clock has jumped, so that it may be the one that is to be mended.
        """
        self._unheard = set(self._shared)
        if anew:
            self._settled = self._opposed = False

    def _set_aside(self, peer: str) -> None:
        self._unheard.discard(peer)
        self._excused.add(peer)
        if peer in self._owed:
            owed = self._owed.pop(peer)
            self._put_off[peer] = min(owed, self._put_off.get(peer, owed))
        self._left_out_by.discard(peer)
