"""The cases, by what must be set up for them. Each module names its cases and measures them.

    side_by_side.py   all systems run at once, small stores: most of the cases
    under_engines.py  ours upon an engine that others built, beside that engine's own driver
    decided.py        conditions, linearizable reads, a counter
    killed.py         a node dies while others write
    by_size.py        one system at a time, from a thousand keys to a million
    single.py         one node alone: its start, its memory
    upkeep.py         what checkpoints and anti-entropy cost, and how long they hold up others
    catching_up.py    a node that was away
    secured.py        plain, with a secret, with TLS, with mutual TLS
    hand_made.py      a large store of ours to begin with

Where all systems run at once, those that are not asked cost a little: heartbeats, elections that do
not come. It is the same for whoever is asked meanwhile. Where a system works on by itself after it
was asked, as a large store of ours does, each runs alone.
"""

from __future__ import annotations

from bench.stages import (
    by_size,
    catching_up,
    decided,
    killed,
    secured,
    side_by_side,
    single,
    under_engines,
    upkeep,
)

STAGES = (
    side_by_side,
    decided,
    under_engines,
    secured,
    killed,
    by_size,
    single,
    upkeep,
    catching_up,
)
