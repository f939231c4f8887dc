"""What a node thinks of one peer, and the only ways in which it changes its mind.

The state answers one question: *does a write go to this peer and wait for it?* Only if ALIVE.
Every other state means that the write is noted as missed (notes.py) and the peer pulls it later.

             answered, nothing missed            a call failed, somebody is there
    UNKNOWN ───────────────────────────▶ ALIVE ─────────────────────────────────▶ BEHIND
       │                                  ▲  ▲                                      │
       │          answered, nothing missed│  └──────────── it began to pull ────────┤
       └───────────▶ DOWN ────────────────┘                                         │
         nobody there ▲                                                             │
                      └────────────────────────── nobody there ─────────────────────┘

BEHIND is what keeps one slow disk from slowing the cluster: a peer whose heartbeats are fine but
whose writes time out costs one round, and is then left alone until it pulls. From the moment it
*begins* to pull it gets every write again, or it could never catch up under load.

Only calls that we made ourselves count. A peer that reaches us while we cannot reach it is a
one-way cut, and sending it writes would stall each of them.
"""

from __future__ import annotations

import enum


class PeerState(enum.Enum):
    """Whether writes go to a peer."""

    UNKNOWN = "unknown"  # not heard yet
    ALIVE = "alive"  # gets every write
    BEHIND = "behind"  # answers, but misses writes until it pulls
    DOWN = "down"  # does not answer


class Happening(enum.Enum):
    """What may change the state."""

    ANSWERED = "answered"  # a heartbeat of ours, and it has missed nothing
    ANSWERED_BEHIND = "answered, and it has missed writes"
    PULLS = "began to pull"
    FAILED = "a call failed, but somebody is there"
    GONE = "nobody is there"


_U, _A, _B, _D = PeerState.UNKNOWN, PeerState.ALIVE, PeerState.BEHIND, PeerState.DOWN

TRANSITIONS: dict[Happening, dict[PeerState, PeerState]] = {
    Happening.ANSWERED: {_U: _A, _A: _A, _B: _A, _D: _A},
    Happening.ANSWERED_BEHIND: {_U: _B, _A: _A, _B: _B, _D: _B},
    Happening.PULLS: {_U: _U, _A: _A, _B: _A, _D: _D},
    Happening.FAILED: {_U: _U, _A: _B, _B: _B, _D: _D},
    Happening.GONE: {_U: _D, _A: _D, _B: _D, _D: _D},
}


def next_state(state: PeerState, happening: Happening) -> PeerState:
    """The state of a peer after something happened."""
    return TRANSITIONS[happening][state]
