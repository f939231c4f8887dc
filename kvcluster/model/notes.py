"""Notes of missed writes: which peers are behind, and from which version on.

Before a node acknowledges a write without a replica, it notes that replica here, so that the
replica can be told, and told again, until it has confirmed that it caught up. Dynamo (DeCandia
et al., 2007) hands such writes over itself ("hinted handoff"); a note is smaller, one version
whatever was missed, and the replica pulls what it needs.

Invariant: a note is cleared only by a confirmation that *started* after the last miss. That is
what `mark` is for: it moves on at each miss, a pull starts by reading it, and a confirmation
must bring it back unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvcluster.model.entry import Version


@dataclass
class _Note:
    since: Version
    mark: int


class Notes:
    """What each peer missed. `first_mark` must differ between two lives of a node."""

    def __init__(self, first_mark: int, held: dict[str, Version] | None = None) -> None:
        self._mark = first_mark
        self._notes = {peer: _Note(since, first_mark) for peer, since in (held or {}).items()}

    def miss(self, peer: str, version: Version) -> bool:
        """Note that `peer` missed a write. True if the durable record must change.

        That is at the first miss, and when an older version turns up: one small frame, not one
        for each write.
        """
        self._mark += 1
        note = self._notes.get(peer)
        if note is None:
            self._notes[peer] = _Note(version, self._mark)
            return True
        note.mark = self._mark
        if version >= note.since:
            return False
        note.since = version
        return True

    def since(self, peer: str) -> Version | None:
        """The oldest version that a peer missed, or None if it missed nothing."""
        note = self._notes.get(peer)
        return note.since if note else None

    def mark(self, peer: str) -> int:
        """What a pull that starts now must bring back to clear the peer's note."""
        note = self._notes.get(peer)
        return note.mark if note else self._mark

    def confirm(self, peer: str, mark: int) -> bool:
        """The peer pulled everything as of `mark`. True if its note is gone."""
        note = self._notes.get(peer)
        if note is None:
            return True
        if note.mark != mark:
            return False
        del self._notes[peer]
        return True

    def as_dict(self) -> dict[str, Version]:
        """Peer and version of every note, for the checkpoint."""
        return {peer: note.since for peer, note in self._notes.items()}
