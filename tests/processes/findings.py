"""Findings: the promises that were broken, counted by kind, with the first of them in words.

A test asserts that there are none. A long run goes on and counts, since one broken promise tells
less than how many there are and of which kinds.
"""

from __future__ import annotations

import enum
import threading
from collections import Counter

_MOST_SENTENCES = 50


class Finding(enum.Enum):
    """A kind of broken promise, in words for people."""

    LOST = "lost writes"
    RESURRECTED = "resurrected deletes"
    PHANTOM = "values that were refused or never written"
    STALE = "stale reads"
    SHORT = "scans that were short without a word"
    DISORDER = "keys whose history has no order"
    APART = "keys on which replicas stayed unequal"
    UNPROVOKED = "failures while nothing was wrong"
    UNEXPLAINED = "errors that nobody can explain"
    DIED = "nodes that ended by themselves"
    ALARM = "alarms and bugs in the logs of nodes"
    STUCK = "times that the cluster did not become whole in time"


class Findings:
    """Those of one run, from any thread."""

    def __init__(self) -> None:
        self.counts: Counter[Finding] = Counter()
        self.sentences: list[str] = []
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __repr__(self) -> str:
        return f"{self.counts.total()} broken promises, {self.sentences[:3]}"

    def add(self, kind: Finding, sentence: str, count: int = 1) -> None:
        """One more."""
        with self._lock:
            self.counts[kind] += count
            if len(self.sentences) < _MOST_SENTENCES:
                self.sentences.append(f"{kind.value}: {sentence}")
