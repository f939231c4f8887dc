"""The ground: what every part of a node stands on.

Who belongs, how long things may take, what time it is, whether this node may answer, how messages
between nodes are marked, and how something is run in the background. Six things that nearly every
part needs; named once, each part says what it needs besides.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvcluster.cluster.envelope import Envelope
from kvcluster.cluster.gate import Gate
from kvcluster.cluster.membership import Membership
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.config import Settings
from kvcluster.storage.store import Spawn


@dataclass(frozen=True)
class Ground:
    """Made once, when a node starts."""

    membership: Membership
    settings: Settings
    time: Timekeeper
    gate: Gate
    envelope: Envelope
    spawn: Spawn
