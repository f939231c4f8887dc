"""All planted bugs: each planted_*.py beside this file puts its own on the list (planting.py)."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.sim.planting import PLANTED, switched_on

__all__ = ["PLANTED", "switched_on"]

for _path in sorted(Path(__file__).parent.glob("planted_*.py")):
    importlib.import_module(f"tests.sim.{_path.stem}")
