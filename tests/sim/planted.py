"""All planted bugs. Each file puts its own on the list (planting.py)."""

from __future__ import annotations

from tests.sim import planted_cluster, planted_scans, planted_storage, planted_words
from tests.sim.planting import PLANTED, switched_on

__all__ = [
    "PLANTED",
    "planted_cluster",
    "planted_scans",
    "planted_storage",
    "planted_words",
    "switched_on",
]
