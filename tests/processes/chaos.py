"""`make chaos`: five real servers, three replicas of each key, and every fault there is, for long.

Each round draws faults from its seed while clients put, delete and read through all nodes. Then the
network is healed and everybody is up, and within seconds, with no request to help, this must hold:

- every key that was ever written holds its last acknowledged value, or one sent later whose outcome
  is unknown: no acknowledged write is lost, no delete comes back, nothing refused is there;
- the JSON files of all replicas of a key are equal, and it is nowhere else;
- no read was stale: not one during a fault of a single node, not one after a cut was healed and
  the nodes had heard of each other again;
- every error of a client is one that errors.py can explain, and none happened while the cluster
  was whole and nothing was done to it.

Run it as `python -m tests.processes.chaos ROUNDS [SEED]`. The files of a run that fails stay.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.processes.cluster import Cluster
from tests.processes.errors import Error, table, unexplained
from tests.processes.faults import Faults
from tests.processes.harness import eventually
from tests.processes.history import History
from tests.processes.load import Load, Weather

QUICK = [
    "tombstone_interval_s=0.3",
    "tombstone_wait_s=6",
    "message_age_limit_s=3",  # what is held back longer than this must not land: half of the wait
    "heal_interval_s=10",
    "pull_page_bytes=500",  # so that catching up takes many pages
    "heal_request_entries=50",
    "hold_entries=5",
]
_NEW_KEYS = 5  # in each round; as many old ones are left alone, to see what becomes of them
_KEYS = 20
_THREADS = 6


class Chaos:
    """One cluster and what was done to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._rng = random.Random(seed)
        options = [word for setting in QUICK for word in ("--set", setting)]
        self._cluster = Cluster(folder, 5, options, linked=True)
        self._faults = Faults(self._cluster, self._rng, folder / "faults.log")
        self._histories: dict[str, History] = {}
        self.done: Counter[str] = Counter()
        self.errors: Counter[Error] = Counter()
        self.acknowledged = 0
        self.judged = 0
        self.older = 0

    def run(self, rounds: int) -> None:
        """Play rounds; raises AssertionError at the first broken promise."""
        try:
            self._cluster.start()
            for number in range(rounds):
                self._play(number)
            self._see_tombstones_off()
        finally:
            self._cluster.clean_up()

    def _play(self, number: int) -> None:
        started_s = time.monotonic()
        keys = [str(place) for place in range(number * _NEW_KEYS, number * _NEW_KEYS + _KEYS)]
        load = Load(
            self._cluster.servers,
            "chaos",
            _THREADS,
            reads=0.4,
            keys=keys,
            histories=self._histories,
        )
        load.weather = Weather.fair()
        with load:
            done = [self._do_one(load) for _ in range(self._rng.randint(1, 3))]
            self._recover(load)
            load.goes_on(self._rng.randrange(50, 200))
        self._check(load)
        self._count(load, done)
        print(
            f"round {number}: {', '.join(done)}; {load.acknowledged:,} acknowledged,"
            f" {load.judged:,} reads judged, {load.errors.total():,} errors,"
            f" {time.monotonic() - started_s:.0f} s",
            flush=True,
        )

    def _do_one(self, load: Load) -> str:
        """One fault; perhaps the next comes before all is well again."""
        load.goes_on(self._rng.randrange(50, 300))
        fault = self._rng.choice([*self._faults.calm, *self._faults.wild])
        alone = fault in self._faults.calm and not load.weather.calls_fail
        load.weather = Weather.rough() if alone else Weather.wild()
        fault()
        if self._rng.random() < 0.5:
            self._recover(load)
        return fault.__name__.replace("_", " ")

    def _recover(self, load: Load) -> None:
        self._cluster.mend()
        load.weather = Weather.fair()
        self._faults.note("whole")

    def _check(self, load: Load) -> None:
        self._cluster.wait_equal(load.misfits)
        load.assert_kept(self._cluster.servers)
        strange = unexplained(load.errors)
        assert not strange, f"errors that nobody can explain: {strange}"

    def _count(self, load: Load, done: list[str]) -> None:
        self.done.update(done)
        self.errors.update(load.errors)
        self.acknowledged += load.acknowledged
        self.judged += load.judged
        self.older += load.older

    def _see_tombstones_off(self) -> None:
        """With everybody up, every tombstone goes, and no delete comes back by that."""
        held = [server.status().tombstones for server in self._cluster]
        eventually(
            lambda: not any(server.status().tombstones for server in self._cluster),
            f"the tombstones are gone ({held} at first)",
            60,
        )
        load = Load(self._cluster.servers, histories=self._histories)
        self._cluster.wait_equal(load.misfits)
        load.assert_kept(self._cluster.servers)
        print(f"{sum(held):,} tombstones were held at the end, and are forgotten now")

    def report(self) -> str:
        """What happened, for people."""
        done = ", ".join(f"{count} {name}" for name, count in self.done.most_common())
        return (
            f"faults: {done}\n{self.acknowledged:,} acknowledged writes, none lost\n"
            f"{self.judged:,} reads had to be right, and were; of all others {self.older:,} showed"
            " something older, during cuts and when several nodes failed together\n"
            f"{self.errors.total():,} errors of clients, explained one by one:\n"
            + table(self.errors)
        )


def main() -> None:
    """Run from the command line."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    folder = Path(tempfile.mkdtemp(prefix="kvcluster-chaos-"))
    print(f"{rounds} rounds, seed {seed}, files in {folder}", flush=True)
    chaos = Chaos(folder, seed)
    chaos.run(rounds)
    print(chaos.report())
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
