"""A store that begins with a file written by hand, which is the fastest way to a million keys."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from bench.load.client import VALUE
from bench.load.jobs import PREFIX
from bench.systems.ours import Ours


def write_by_hand(system: Ours, keys: int) -> None:
    """Write the JSON file of every node, before its first start."""
    files = [Path(system.data_file(number)) for number in range(system.members)]
    pairs = {f"{PREFIX}{number}": VALUE for number in range(keys)}
    files[0].write_text(json.dumps(pairs), encoding="utf-8")
    for file in files[1:]:
        shutil.copyfile(files[0], file)
