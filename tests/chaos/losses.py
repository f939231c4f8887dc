"""Faults of `make chaos` that take what a node has on disk: all of it, some bits, or its place.

Each waits until everything that it takes stands elsewhere too, in nodes that serve: else data would
be lost, and rightly so. A third node may be away meanwhile, and must not bring back what was
deleted, nor answer what was overwritten, when it returns.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable

from tests.processes.cluster import Cluster
from tests.processes.harness import Server


class Losses:
    """What can be taken from the nodes of one cluster.

    `note` writes a line into the diary, `kill` and `start` do that to a server, and tell of it.
    """

    def __init__(
        self,
        cluster: Cluster,
        rng: random.Random,
        *,
        note: Callable[[str], None],
        kill: Callable[[Server], None],
        start: Callable[[Server], None],
    ) -> None:
        self._cluster = cluster
        self._rng = rng
        self._note = note
        self._kill = kill
        self._start = start

    @property
    def all(self) -> list[Callable[[], None]]:
        """All of these faults."""
        return [self.empty_one, self.empty_two_in_turn, self.damage_one, self.swap_two]

    def empty_one(self) -> None:
        """kill -9, and all that the node had on disk is gone; the others are whole."""
        self._cluster.wait_whole()
        self._empty(self._rng.choice(self._cluster.servers))
        self._cluster.wait_whole()

    def empty_two_in_turn(self) -> None:
        """One node is away; two others lose all that they had, each made whole before the next."""
        self._cluster.wait_whole()
        away, *victims = self._rng.sample(self._cluster.servers, 3)
        self._kill(away)
        self._wait(0.5, 2)  # so that it misses something
        for victim in victims:
            self._cluster.wait_whole(without=away)
            self._empty(victim)
        self._cluster.wait_whole(without=away)
        self._start(away)
        self._cluster.wait_whole()

    def damage_one(self) -> None:
        """kill -9, and up to three bits of the journal and the versions are flipped."""
        self._cluster.wait_whole()
        victim = self._rng.choice(self._cluster.servers)
        self._kill(victim)
        files = [f for f in victim.wal.iterdir() if f.name != "lock" and f.stat().st_size]
        for path in self._rng.choices(files, k=self._rng.randint(1, 3)):
            data = bytearray(path.read_bytes())
            data[self._rng.randrange(len(data))] ^= 1 << self._rng.randrange(8)
            path.write_bytes(data)
        self._note(f"damaged {victim.name}")
        self._start(victim)
        self._cluster.wait_whole()

    def swap_two(self) -> None:
        """kill -9 of two nodes, which come back with each other's files."""
        self._cluster.wait_whole()
        victims = self._rng.sample(self._cluster.servers, 2)
        for victim in victims:
            self._kill(victim)
        one, other = victims
        aside = one.wal.with_name("aside")
        for mine, others in ((one.wal, other.wal), (one.json_path, other.json_path)):
            shutil.move(mine, aside)
            shutil.move(others, mine)
            shutil.move(aside, others)
        self._note(f"swapped the files of {one.name} and {other.name}")
        for victim in victims:
            self._start(victim)
        self._cluster.wait_whole()

    def _empty(self, victim: Server) -> None:
        self._kill(victim)
        self._note(f"emptied {victim.name}")
        victim.lose_folder()
        self._start(victim)

    def _wait(self, least_s: float, most_s: float) -> None:
        time.sleep(self._rng.uniform(least_s, most_s))
