"""`make chaos`: real servers, killed, frozen, stopped and restarted under load, for long.

Each round draws faults from its seed, heals, and checks every key that the load ever wrote: it
holds the last acknowledged value, or one sent later whose outcome is unknown, on all nodes the
same. Run it as `python -m tests.processes.chaos ROUNDS [SEED]`.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.processes.harness import Cluster, Server, eventually
from tests.processes.load import Load


class Chaos:
    """One cluster and the faults done to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._rng = random.Random(seed)
        self._cluster = Cluster(folder)
        self.acknowledged = 0

    def run(self, rounds: int) -> None:
        """Play rounds; raises AssertionError at the first lost write."""
        try:
            self._cluster.start()
            for number in range(rounds):
                self._play(number)
        finally:
            self._cluster.clean_up()

    def _play(self, number: int) -> None:
        faults = [self._kill_one, self._kill_all, self._freeze_one, self._stop_one]
        drawn = [self._rng.choice(faults) for _ in range(self._rng.randint(1, 3))]
        with Load(self._cluster.servers, prefix=f"round{number}") as load:
            for fault in drawn:
                seen = load.acknowledged
                more = self._rng.randrange(50, 400)
                eventually(lambda: load.acknowledged > seen + more, "writes go on")  # noqa: B023
                fault()
        self._cluster.wait_whole()
        load.assert_nothing_lost(self._cluster.servers)
        self.acknowledged += load.acknowledged
        names = ", ".join(fault.__name__.strip("_").replace("_", " ") for fault in drawn)
        print(
            f"round {number}: {load.acknowledged:,} acknowledged, none lost ({names})", flush=True
        )

    def _one(self) -> Server:
        return self._rng.choice(self._cluster.servers)

    def _kill_one(self) -> None:
        victim = self._one()
        victim.kill()
        self._wait(0, 2)
        victim.start()

    def _kill_all(self) -> None:
        for server in self._cluster:
            server.kill()
        for server in self._cluster:
            server.start()

    def _freeze_one(self) -> None:
        victim = self._one()
        victim.signal(signal.SIGSTOP)
        try:
            self._wait(0.2, 4)
        finally:
            victim.signal(signal.SIGCONT)

    def _stop_one(self) -> None:
        victim = self._one()
        victim.interrupt()
        victim.start()

    def _wait(self, least_s: float, most_s: float) -> None:
        time.sleep(self._rng.uniform(least_s, most_s))


def main() -> None:
    """Run from the command line."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"{rounds} rounds, seed {seed}")
    with tempfile.TemporaryDirectory(prefix="kvcluster-chaos-") as folder:
        chaos = Chaos(Path(folder), seed)
        chaos.run(rounds)
    print(f"{chaos.acknowledged:,} acknowledged writes, none lost")


if __name__ == "__main__":
    main()
