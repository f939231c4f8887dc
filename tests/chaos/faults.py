"""The faults of `make chaos`: each is done, lasts for a while, and is undone.

How long and whom it hits is drawn from a seed. Which of them may make a node answer with something
older than what was acknowledged is said here, too: a cut may, and so may the death of every node
that has a write (`wild`); what befalls one node alone must not (`calm`).

Between two sides of a cut the last writer is the one with the later clock (docs/promises.md gives
the rest up), so clocks and cuts keep apart: a clock jumps, and a link is cut, only while all nodes
hear each other. And a node that is cut off from all others is not started anew meanwhile. After
another's clock was ahead, versions are ahead of the walls, and a node that starts and hears nobody
knows only from its disk how far.

A diary says when what was done to whom, in the time of the servers' logs.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.chaos.availability import Availability
from tests.chaos.losses import Losses
from tests.chaos.machine import Machine
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, wall_time
from tests.processes.knobs import Sleep
from tests.processes.proxy import Mode
from tests.processes.small_disk import file_size_limit

Fault = Callable[[], None]


def name_of(fault: Fault) -> str:
    """What it is called in reports."""
    return fault.__name__.replace("_", " ")


class Faults:
    """What can be done to one cluster. The last server of it is on the small disk, if any is."""

    def __init__(
        self,
        cluster: Cluster,
        rng: random.Random,
        diary: Path,
        machine: Machine,
        availability: Availability,
    ) -> None:
        self._cluster = cluster
        self._rng = rng
        self._diary = diary
        self._machine = machine
        self._availability = availability
        self._losses = Losses(cluster, rng, note=self.note, kill=self._kill, start=self._start)
        self._deck: list[Fault] = []
        self.during_cuts: Counter[str] = Counter()
        """What else was done while a link was cut."""

    @property
    def calm(self) -> list[Fault]:
        """Faults of one node, during which no read of any node may be stale."""
        return [
            *(*self._befalls_one, *self._losses.all, self.slow_network, self.slow_disk),
            *(self.limit_file_sizes, self.fill_small_disk, self.jump_clock, self.drift_clock),
            self.reset_one,
        ]

    @property
    def wild(self) -> list[Fault]:
        """Faults during which a node may answer with something older."""
        return [
            self.kill_all,
            self.lose_time,
            self.kill_two,
            self.cut_one,
            self.cut_halves,
            self.cut_one_way,
        ]

    @property
    def legend(self) -> dict[str, str]:
        """What each fault is, in a sentence."""
        return {name_of(fault): str(fault.__doc__) for fault in [*self.calm, *self.wild]}

    @property
    def _befalls_one(self) -> list[Fault]:
        return [self.kill_one, self.freeze_one, self.suspend_one, self.pause_one, self.stop_one]

    def draw(self) -> Fault:
        """The next fault, as from a deck of cards: all of them come before one comes again."""
        if not self._deck:
            every = [*self.calm, *self.wild]
            self._deck = [fault for fault in every if name_of(fault) not in self._machine.cannot]
            self._rng.shuffle(self._deck)
        return self._deck.pop()

    def note(self, what: str) -> None:
        """Write a line into the diary."""
        with self._diary.open("a") as file:
            file.write(f"{wall_time()}  {what}\n")

    def kill_one(self) -> None:
        """kill -9 of one node, which is started again up to 4 s later."""
        victim = self._one()
        self._kill(victim)
        self._wait(0, 4)
        self._start(victim)

    def kill_two(self) -> None:
        """kill -9 of two at once, which leaves some keys with a single replica."""
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

    def lose_time(self) -> None:
        """kill -9 of all, whose clocks are 2 to 5 days behind then; later each is set right."""
        self._cluster.wait_whole()  # so that each has the time on its disk
        behind_s = self._rng.uniform(2, 5) * 86_400
        for server in self._cluster:
            self._kill(server)
        for place, server in enumerate(self._cluster):
            self._cluster.knobs[server].jump(-behind_s - 600 * place)
            self._start(server)
        self._cluster.wait_whole()
        for server in self._cluster:
            self.note(f"setting right the clock of {server.name}")
            self._availability.hit(server.name)
            self._cluster.knobs[server].jump(0)
            self._wait(0, 1)

    def freeze_one(self) -> None:
        """SIGSTOP, and SIGCONT 0.2 to 5 s later."""
        victim = self._hit(self._one(), "freezing")
        with victim.frozen():
            self._wait(0.2, 5)
        self.note(f"thawed {victim.name}")

    def suspend_one(self) -> None:
        """SIGSTOP of a machine: the clock of its timers stands still meanwhile, 0.2 to 5 s."""
        self._sleep(self._hit(self._one(), "suspending"), Sleep.TIMERS)

    def pause_one(self) -> None:
        """The same of a virtual machine: only the wall clock tells."""
        self._sleep(self._hit(self._one(), "pausing"), Sleep.STEADY)

    def _sleep(self, victim: Server, sleep: Sleep) -> None:
        self._cluster.knobs[victim].sleep_with(sleep)
        with victim.frozen():
            self._wait(0.2, 5)
        self.note(f"{victim.name} goes on")
        self._wait(0.5, 0.5)  # it looks at its clocks ten times a second, and then it has
        self._cluster.knobs[victim].sleep_with(Sleep.NONE)

    def stop_one(self) -> None:
        """SIGINT, as Ctrl+C sends it, and a new start up to 3 s later."""
        victim = self._hit(self._one(), "stopping")
        assert victim.interrupt() == 0, victim.log()[-2000:]
        self._wait(0, 3)
        self._start(victim)

    def slow_network(self) -> None:
        """TCP proxies delay everything between nodes by 10 to 100 ms, for 1 to 4 s."""
        delay_s = self._rng.uniform(0.01, 0.1)
        self.note(f"slowing everything between nodes by {delay_s:.3f} s")
        self._cluster.network.slow_down(delay_s)
        self._wait(1, 4)
        self._cluster.network.slow_down(0)
        self.note("slow no more")

    def reset_one(self) -> None:
        """TCP proxies reset every connection between one node and the others, up to five times."""
        victim = self._one()
        for _ in range(self._rng.randint(1, 5)):
            self.note(f"resetting the connections of {victim.name}")
            self._cluster.network.reset(victim.name)
            self._wait(0.7, 1)  # or it would be silence, and a cut

    def slow_disk(self) -> None:
        """Every fsync of one node takes 0.05, 0.3 or 1.5 s longer, for 1 to 5 s."""
        delay_s = self._rng.choice([0.05, 0.3, 1.5])
        victim = self._hit(self._one(), f"slowing by {delay_s} s the disk of")
        self._cluster.knobs[victim].slow_down_disk(delay_s)
        self._wait(1, 5)
        self._cluster.knobs[victim].slow_down_disk(0)
        self.note("slow no more")

    def limit_file_sizes(self) -> None:
        """Full disk: no file of a node may grow past a few KiB (RLIMIT_FSIZE), for 1 to 5 s."""
        limit_bytes = self._rng.randrange(8192)
        victim = self._hit(self._one(), f"limiting to {limit_bytes} bytes the files of")
        with file_size_limit(victim.pid, limit_bytes):
            self._wait(1, 5)
        self.note("limited no more")

    def fill_small_disk(self) -> None:
        """Full disk: a tmpfs under one node has no room left, for 1 to 5 s."""
        disk = self._machine.small_disk
        assert disk is not None
        self._hit(self._cluster.servers[-1], "filling the disk of")
        end_s = time.monotonic() + self._rng.uniform(1, 5)
        while time.monotonic() < end_s:
            disk.fill()
            time.sleep(0.05)
        disk.make_room()
        self.note("room again")

    def jump_clock(self) -> None:
        """A clock is set 5 s, 1 min or 1 h ahead or back, and right again 1 to 4 s later."""
        self._cluster.wait_whole()
        ahead_s = self._rng.choice([-1, 1]) * self._rng.choice([5, 60, 3600])
        victim = self._hit(self._one(), f"setting {ahead_s} s ahead the clock of")
        self._cluster.knobs[victim].jump(ahead_s)
        self._wait(1, 4)
        self._cluster.wait_whole()  # so that everybody has heard of it before a link is cut
        self._cluster.knobs[victim].jump(0)
        self.note("the clock is right again")

    def drift_clock(self) -> None:
        """A clock runs up to a tenth too fast or too slowly, for 1 to 4 s."""
        self._cluster.wait_whole()
        rate = self._rng.uniform(-0.1, 0.1)
        victim = self._hit(self._one(), f"letting drift by {rate:+.3f} the clock of")
        self._cluster.knobs[victim].drift(rate)
        self._wait(1, 4)
        self._cluster.wait_whole()
        self._cluster.knobs[victim].drift(0)
        self.note("the clock is right again")

    def cut_one(self) -> None:
        """TCP proxies cut one node off from all others, for 0.3 to 5 s."""
        victim, *others = self._shuffled()
        self._availability.hit(victim)
        pairs = [(victim, other) for other in others] + [(other, victim) for other in others]
        self._cut(pairs, meanwhile=[self.freeze_one])

    def cut_halves(self) -> None:
        """TCP proxies cut two nodes off from the other three, for 0.3 to 5 s."""
        names = self._shuffled()
        pairs = [(a, b) for a in names[:2] for b in names[2:]]
        self._cut(pairs + [(b, a) for a, b in pairs], meanwhile=self._befalls_one)

    def cut_one_way(self) -> None:
        """TCP proxies cut the way from one node to some others, which it still hears."""
        speaker, *listeners = self._shuffled()
        self._availability.hit(speaker)
        pairs = [(speaker, name) for name in listeners[: self._rng.randint(1, 4)]]
        self._cut(pairs, meanwhile=self._befalls_one)

    def _cut(self, pairs: list[tuple[str, str]], meanwhile: list[Fault]) -> None:
        """The cut lasts; perhaps something else happens meanwhile."""
        self._cluster.wait_heard()
        mode = self._rng.choice([Mode.LOSE, Mode.HOLD, Mode.STALL, Mode.RESET, Mode.REFUSE])
        self.note(f"cut ({mode.value}) " + ", ".join(f"{a} > {b}" for a, b in pairs))
        self._cluster.network.cut(pairs, mode)
        self._wait(0.3, 5)
        if self._rng.random() < 0.3:
            fault = self._rng.choice(meanwhile)
            self.during_cuts[name_of(fault)] += 1
            fault()
        self._cluster.network.heal()
        self.note("healed")

    def _kill(self, victim: Server) -> None:
        self._hit(victim, "killing")
        victim.kill()

    def _start(self, victim: Server) -> None:
        self.note(f"starting {victim.name}")
        victim.start()

    def _hit(self, victim: Server, what: str) -> Server:
        self.note(f"{what} {victim.name}")
        self._availability.hit(victim.name)
        return victim

    def _one(self) -> Server:
        return self._rng.choice(self._cluster.servers)

    def _shuffled(self) -> list[str]:
        names = [server.name for server in self._cluster]
        self._rng.shuffle(names)
        return names

    def _wait(self, least_s: float, most_s: float) -> None:
        time.sleep(self._rng.uniform(least_s, most_s))
