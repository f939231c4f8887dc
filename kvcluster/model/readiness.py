"""May this node take writes, may it answer reads? Decided from what it has heard and still owes.

A node that was away is like a clerk back from a holiday: before answering a question about the
books it asks each colleague what it missed, and copies that first. So:

- STARTING: some peer has not been heard since the node started or was stopped. No writes, or the
  clock could hand out a version older than one already acknowledged.
- SYNCING: every peer was heard or excused; to some, the node still owes a pull. Writes are fine
  (they carry new versions), reads would be stale.
- SERVING: nothing owed.

Who cannot be reached is excused: one live replica is enough to serve. That is the promise of
availability, and the only case in which an older value may be answered.

No deadlock when a whole cluster starts: a pull is answered in every state.
"""

from __future__ import annotations

import enum

from kvcluster.model.entry import ZERO, Version


class Status(enum.Enum):
    """What a node may do now."""

    STARTING = "starting"
    SYNCING = "syncing"
    SERVING = "serving"
    DRAINING = "draining"


class Readiness:
    """What is still to be heard and to be pulled, peer by peer."""

    def __init__(self, peers: tuple[str, ...], *, incomplete: bool) -> None:
        self._peers = peers
        self._unheard = set(peers)
        self._owed: dict[str, Version] = {}
        self._pull_everything = set(peers)  # from whom, the next time they are heard
        self._incomplete = incomplete  # until everything was pulled from some peer
        self.draining = False

    @property
    def status(self) -> Status:
        """What the node may do now."""
        if self.draining:
            return Status.DRAINING
        if self._unheard:
            return Status.STARTING
        if self._owed or self._incomplete:
            return Status.SYNCING
        return Status.SERVING

    def owed(self, peer: str) -> Version | None:
        """From which version on to pull from a peer; None if nothing is owed to it."""
        return self._owed.get(peer)

    def waiting_for(self) -> list[str]:
        """The peers that keep the node from serving, in member order."""
        return [peer for peer in self._peers if peer in self._unheard or peer in self._owed]

    def heard(self, peer: str, missed_since: Version | None) -> None:
        """A peer answered our heartbeat; `missed_since` is its note about us."""
        self._unheard.discard(peer)
        if peer in self._pull_everything:
            self._pull_everything.discard(peer)
            missed_since = ZERO
        if missed_since is not None:
            self.told(peer, missed_since)

    def told(self, peer: str, missed_since: Version) -> None:
        """A peer says that we missed writes."""
        held = self._owed.get(peer, missed_since)
        self._owed[peer] = min(held, missed_since)

    def excuse(self, peer: str) -> None:
        """A peer cannot be reached: what it has cannot be had now.

        If something was owed to it, everything is pulled when it returns.
        """
        self._unheard.discard(peer)
        if self._owed.pop(peer, None) is not None:
            self._pull_everything.add(peer)

    def pulled(self, peer: str) -> None:
        """What was owed to a peer is here, durably."""
        if self._owed.pop(peer, None) == ZERO:
            self._incomplete = False

    def look_around(self) -> None:
        """The process was stopped for a while: hear every peer again before anything else."""
        self._unheard = set(self._peers)
