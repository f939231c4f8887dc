"""Hints of missed writes: which peers are behind, and from which version on.

Before a node acknowledges a write without a replica, it keeps a hint for that replica, so that the
replica can be told, and told again, until it has confirmed that it caught up. Dynamo (DeCandia
et al., 2007) hands such writes over itself ("hinted handoff"); a hint is smaller, one version
whatever was missed, and the replica pulls what it needs.

Invariant: a confirmation forgets only what was missed before its pull began, and asked for by it. A
pull begins by opening the hint's mark; what is missed from then on is kept apart, and becomes the
new hint when the confirmation brings the mark back. So a peer that misses writes all the time (it
is cut off from some coordinator) fetches each of them once, and not all of them again and again.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvcluster.model.entry import Version


@dataclass
class _Hint:
    since: Version | None = None
    """The oldest version that was missed; None: nothing was."""
    later: Version | None = None
    """The oldest that was missed since the last pull began."""
    mark: int = -1
    """What that pull must bring back."""
    count: int = 0
    count_later: int = 0
    known: bool = False
    """The peer has heard of it, as it is now."""


class Hints:
    """What each peer missed. `first_mark` must differ between two lives of a node."""

    def __init__(self, first_mark: int, held: dict[str, Version] | None = None) -> None:
        self._next_mark = first_mark
        self._hints = {peer: _Hint(since) for peer, since in (held or {}).items()}

    def miss(self, peer: str, version: Version, count: int = 1) -> bool:
        """Keep in mind that `peer` missed writes, `version` the oldest. True if that is news for
        the peer: at the first miss, and when an older version turns up.
        """
        hint = self._hints.setdefault(peer, _Hint())
        hint.later = _older(hint.later, version)
        hint.count += count
        hint.count_later += count
        before, hint.since = hint.since, _older(hint.since, version)
        hint.known &= hint.since == before
        return hint.since != before

    def told(self, peer: str, since: bytes) -> None:
        """A peer was told from which version on it missed writes; empty: that it missed none."""
        hint = self._hints.get(peer)
        if hint and since and hint.since == since:
            hint.known = True

    def is_known_to(self, peer: str) -> bool:
        """Whether there is nothing that a peer missed and has not heard of."""
        hint = self._hints.get(peer)
        return hint is None or hint.since is None or hint.known

    def since(self, peer: str) -> Version | None:
        """The oldest version that a peer missed, or None if it missed nothing."""
        hint = self._hints.get(peer)
        return hint.since if hint else None

    def count(self, peer: str) -> int:
        """How many writes a peer missed, as far as this life of the node has counted."""
        hint = self._hints.get(peer)
        return hint.count if hint else 0

    def begin(self, peer: str, asked: Version) -> int:
        """A peer begins to pull: return the mark that its confirmation must bring back.

        `asked`: from which version on it pulls. That is what it was told last, and it may have
        missed something older since.
        """
        hint = self._hints.setdefault(peer, _Hint())
        is_older = hint.since is not None and hint.since < asked
        hint.later, hint.count_later = (hint.since, hint.count) if is_older else (None, 0)
        hint.mark = self._next_mark
        self._next_mark += 1
        return hint.mark

    def confirm(self, peer: str, mark: int) -> bool:
        """The peer holds everything that it pulled. True if the record must change.

        Whether anything is still missed is what `since` says afterwards.
        """
        hint = self._hints.get(peer)
        if hint is None or hint.mark != mark:
            return False
        assert hint.later is None or (hint.since is not None and hint.since <= hint.later)
        before, hint.since = hint.since, hint.later
        hint.count, hint.mark = hint.count_later, -1
        return hint.since != before

    def as_dict(self) -> dict[str, Version]:
        """Peer and version of every hint, for the checkpoint."""
        return {peer: hint.since for peer, hint in self._hints.items() if hint.since is not None}


def _older(one: Version | None, other: Version) -> Version:
    return other if one is None else min(one, other)
