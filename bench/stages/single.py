"""One node alone: how much memory a key takes, and how long a start takes.

The start is timed from the birth of the process to the moment in which it serves, with the file
that the node wrote when it was stopped. Beside it: a fresh Python that reads the same file and does
nothing else with it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

from bench.contest import Contest
from bench.load.client import VALUE
from bench.load.jobs import PREFIX, Bulk
from bench.measure import processor
from bench.systems.ours import Ours
from bench.systems.processes import SystemFailed
from bench.systems.system import System
from kvcluster.view.health import ask_until

CASES = ("start", "memory")
_SETTLE_S = 3.0
_POLL_S = 0.01
_PATIENCE_S = 120.0
_READERS = {
    "orjson.loads": "import orjson; loads = orjson.loads",
    "json.load": "import json; loads = json.loads",
}
_READ = "import sys, time; begun = time.perf_counter(); loads(open(sys.argv[1], 'rb').read());"
_PRINT = "print(time.perf_counter() - begun)"


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Memory while the stores are filled, starts afterwards."""
    ours = contest.ours(members=1)
    rivals = contest.rivals(["etcd", "redis"], members=1) if "memory" in cases else []
    filled: list[Ours] = []
    for system in [*ours, *rivals]:
        contest.tell(f"filling one node of {system.row} with {contest.scale.many_keys:,} keys")
        with contest.skipping(system.row):
            bytes_a_key = _fill(contest, system)
            if "memory" in cases and processor.is_told():
                contest.record("memory", system.row, 0, bytes_a_key)
            if isinstance(system, Ours):
                filled.append(system)
    if "start" in cases:
        for number in range(contest.scale.slow_rounds):
            contest.tell(f"starting one node, round {number + 1}")
            _time_starts(contest, filled, number)


def _fill(contest: Contest, system: System) -> float:
    """Fill a system that is empty; how many bytes a key took beyond key and value."""
    count = contest.scale.many_keys
    with system.loaded() as driver:
        before = _resident_bytes(system)
        driver.ask(Bulk(prefix=PREFIX, count=count), system.pids)
        time.sleep(_SETTLE_S)
        after = _resident_bytes(system)
    own = sum(len(f"{PREFIX}{number}") for number in range(count)) / count + len(VALUE)
    return (after - before) / count - own


def _resident_bytes(system: System) -> int:
    return sum(map(processor.resident_bytes, system.pids))


def _time_starts(contest: Contest, systems: Sequence[Ours], number: int) -> None:
    for system in systems:
        with contest.skipping(system.row):
            contest.record("start", system.row, number, _start_s(system))
    for row, program in _READERS.items():
        if systems:
            contest.record("start", row, number, _read_s(program, systems[0].data_file(0)))


def _start_s(system: Ours) -> float:
    begun_s = time.perf_counter()
    try:
        system.start_one(0)
        system.wait_for_ports(system.ports)
        while not _serves(system):
            if time.perf_counter() - begun_s > _PATIENCE_S:
                raise SystemFailed(f"not ready after {_PATIENCE_S:g} s")
            time.sleep(_POLL_S)
        return time.perf_counter() - begun_s
    finally:
        system.stop()


def _serves(system: Ours) -> bool:
    (answer,) = ask_until(system.addresses, lambda _: True, timeout_s=2.0, patience_s=0.0)
    system.processes.raise_if_ended()
    return answer.serving


def _read_s(program: str, file: str) -> float:
    command = [sys.executable, "-c", f"{program}; {_READ} {_PRINT}", file]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
