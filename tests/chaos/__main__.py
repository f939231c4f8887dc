"""`make chaos DURATION=10m SEED=1`: run it, print the report, and exit with 1 if it found anything.

The seed decides which faults come, in which order, whom they hit and how long they last; the rest
is up to real processes and clocks. The files of a run that found something stay.
"""

from __future__ import annotations

import random
import re
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.chaos import Chaos
from tests.chaos.machine import Machine
from tests.chaos.report import report

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """How long "90", "90s", "10m" or "1h" is."""
    match = re.fullmatch(r"(\d+)([smh]?)", text)
    if not match:
        raise SystemExit(f"DURATION wants something like 90s, 10m or 1h, got {text!r}")
    return int(match[1]) * _UNITS_S[match[2]]


def main(duration: str = "5m", seed: str = "") -> int:
    """Run from the command line; the exit code."""
    duration_s, number = seconds(duration), int(seed or random.randrange(10**6))
    folder = Path(tempfile.mkdtemp(prefix="kvcluster-chaos-"))
    print(f"{duration}, seed {number}, files in {folder}", flush=True)
    with ExitStack() as stack:
        machine = Machine(folder, stack)
        chaos = Chaos(folder, number, machine, lambda line: print(line, flush=True))
        outcome = chaos.run(duration_s)
        if outcome.findings and machine.small_disk:
            shutil.copytree(machine.small_disk.folder, folder / "small-disk-copy")
    print("\n" + report(chaos, machine, duration))
    if outcome.findings:
        print(f"the files are kept in {folder}; faults.log there says what was done when")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
