"""The faults of `make chaos`: each is done, lasts for a while, and is undone.

How long and whom it hits is drawn from a seed. Which of them may make a node answer with something
older than what was acknowledged is said here, too: a cut may, and so may the death of every node
that has a write (`wild`); what befalls one node alone must not (`calm`).

A diary says when what was done to whom, in the time of the servers' logs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.processes.cluster import Cluster
from tests.processes.harness import Server, wall_time
from tests.processes.proxy import Mode

Fault = Callable[[], None]


class Faults:
    """What can be done to one cluster."""

    def __init__(self, cluster: Cluster, rng: random.Random, diary: Path) -> None:
        self._cluster = cluster
        self._rng = rng
        self._diary = diary

    @property
    def calm(self) -> list[Fault]:
        """Faults of one node, during which no read of any node may be stale."""
        return [self.kill_one, self.freeze_one, self.stop_one, self.empty_one, self.slow_network]

    @property
    def wild(self) -> list[Fault]:
        """Faults during which a node may answer with something older."""
        return [self.kill_all, self.kill_two, self.cut_one, self.cut_halves, self.cut_one_way]

    def note(self, what: str) -> None:
        """Write a line into the diary."""
        with self._diary.open("a") as file:
            file.write(f"{wall_time()}  {what}\n")

    def kill_one(self) -> None:
        """kill -9."""
        victim = self._one()
        self._kill(victim)
        self._wait(0, 4)
        self._start(victim)

    def kill_two(self) -> None:
        """kill -9 of two at once: some keys are left with a single replica."""
        victims = self._rng.sample(self._cluster.servers, 2)
        for victim in victims:
            self._kill(victim)
        for victim in victims:
            self._wait(0, 2)
            self._start(victim)

    def kill_all(self) -> None:
        """kill -9 of all at once."""
        for server in self._cluster:
            self._kill(server)
        for server in self._cluster:
            self._start(server)

    def freeze_one(self) -> None:
        """SIGSTOP, for a moment or for long."""
        victim = self._one()
        with victim.frozen():
            self.note(f"froze {victim.name}")
            self._wait(0.2, 5)
        self.note(f"thawed {victim.name}")

    def stop_one(self) -> None:
        """Ctrl+C."""
        victim = self._one()
        self.note(f"stopping {victim.name}")
        assert victim.interrupt() == 0, victim.log()[-2000:]
        self._wait(0, 3)
        self._start(victim)

    def empty_one(self) -> None:
        """A node loses its folder; only while all others are whole, or data would be lost."""
        self._cluster.wait_whole()
        victim = self._one()
        self._kill(victim)
        self.note(f"emptied {victim.name}")
        victim.lose_folder()
        self._start(victim)
        self._cluster.wait_whole()

    def slow_network(self) -> None:
        """Everything between nodes takes longer."""
        delay_s = self._rng.uniform(0.01, 0.1)
        self.note(f"slowed everything by {delay_s:.3f} s")
        self._cluster.network.slow_down(delay_s)
        self._wait(1, 4)
        self._cluster.network.slow_down(0)
        self.note("slow no more")

    def cut_one(self) -> None:
        """One node hears nobody."""
        victim, *others = self._shuffled()
        self._cut([(victim, other) for other in others] + [(other, victim) for other in others])

    def cut_halves(self) -> None:
        """Two nodes and three."""
        names = self._shuffled()
        pairs = [(a, b) for a in names[:2] for b in names[2:]]
        self._cut(pairs + [(b, a) for a, b in pairs])

    def cut_one_way(self) -> None:
        """One node is not heard by some of the others, which it hears."""
        speaker, *listeners = self._shuffled()
        self._cut([(speaker, name) for name in listeners[: self._rng.randint(1, 4)]])

    def _cut(self, pairs: list[tuple[str, str]]) -> None:
        """The cut lasts; perhaps something else happens meanwhile."""
        mode = self._rng.choice([Mode.LOSE, Mode.HOLD, Mode.STALL, Mode.REFUSE])
        self.note(f"cut ({mode.value}) " + ", ".join(f"{a} > {b}" for a, b in pairs))
        self._cluster.network.cut(pairs, mode)
        self._wait(0.3, 5)
        if self._rng.random() < 0.3:
            self._rng.choice([self.kill_one, self.freeze_one, self.stop_one])()
        self._cluster.network.heal()
        self.note("healed")

    def _kill(self, victim: Server) -> None:
        self.note(f"killing {victim.name}")
        victim.kill()

    def _start(self, victim: Server) -> None:
        self.note(f"starting {victim.name}")
        victim.start()

    def _one(self) -> Server:
        return self._rng.choice(self._cluster.servers)

    def _shuffled(self) -> list[str]:
        names = [server.name for server in self._cluster]
        self._rng.shuffle(names)
        return names

    def _wait(self, least_s: float, most_s: float) -> None:
        time.sleep(self._rng.uniform(least_s, most_s))
