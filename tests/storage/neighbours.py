"""Keys that live in one slot: most of what a table does by slot shows only with several of them."""

from __future__ import annotations

from kvcluster.model.slots import slot_of

SLOT = slot_of("0")
NEIGHBOURS = [key for key in map(str, range(40_000)) if slot_of(key) == SLOT][:4]
"""Four keys of SLOT."""
assert len(NEIGHBOURS) == 4
