"""The run of `make chaos`: real servers, every fault there is, for as long as one likes.

Each round draws faults from a seed while clients put, delete and read through all nodes. Then
everything is undone, and this must hold, or it is counted as a finding:

- every key holds its last acknowledged value, or one sent later whose outcome is unknown: no
  acknowledged write is lost, no delete comes back, nothing refused is there;
- the JSON files of all replicas of a key are equal, and it is nowhere else (verdict.py);
- every scan of keys that nobody touches gave all of them, or said that it did not (reader.py);
- no read was stale: not one during a fault of a single node, not one after a cut was healed and
  the nodes had heard of each other again;
- what was tried on keys that a majority decides has an order (tests/processes/deciders.py);
- every error of a client is one that errors.py can explain, and none happened while the cluster
  was whole and nothing was done to it;
- no node ended unless it was killed or stopped, and none logged an alarm or a traceback.

At the end all tombstones must go, and no delete may come back by that.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from tests.chaos import verdict
from tests.chaos.availability import Availability
from tests.chaos.faults import Faults, name_of
from tests.chaos.machine import Machine, peak_mib
from tests.chaos.reader import Reader, judge_scans, put_all
from tests.processes.cluster import Cluster
from tests.processes.deciders import DECIDED, Deciders
from tests.processes.errors import unexplained
from tests.processes.findings import Finding, Findings
from tests.processes.harness import Server
from tests.processes.history import History
from tests.processes.load import Load, Weather
from tests.processes.tally import Tally

NODES, REPLICAS = 5, 3
QUICK = [
    "tombstone_interval_s=0.3",
    "tombstone_wait_s=6",
    "message_age_limit_s=3",  # what is held back longer than this must not land: half of the wait
    "anti_entropy_interval_s=10",
    "pull_page_bytes=500",  # so that catching up takes many pages
    "anti_entropy_request_entries=50",
    "hold_entries=5",
    "scan_page_keys=20",
]
READS = 0.4
THREADS = 3
"""Clients that ask any node, besides one for each node that asks only it."""
_NEW_KEYS = 5  # in each round; as many old ones are left alone, to see what becomes of them
_KEYS = 20
_FORGETTING = {"empty one", "damage one", "empty two in turn", "swap two"}
"""Faults by which somebody forgets what he promised. If two have, perhaps no majority remembers."""


@dataclass
class Outcome:
    """What is known at the end."""

    seed: int
    started_s: float = field(default_factory=time.time)
    elapsed_s: float = 0.0
    rounds: int = 0
    keys: int = 0
    tombstones: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    overlapping: int = 0
    """Faults that came before all was whole after the one before."""
    tally: Tally = field(default_factory=Tally)
    scans: Counter[str] = field(default_factory=Counter)
    """How those did that read what nobody touches."""
    decided: Counter[str] = field(default_factory=Counter)
    """How the operations of those ended who have keys that a majority decides (deciders.py)."""
    findings: Findings = field(default_factory=Findings)
    memory: list[float] = field(default_factory=list)
    """After each round, the most that any server had had resident, in MiB."""


class Chaos:
    """One cluster and what was done to it. `say` tells of every round."""

    def __init__(
        self, folder: Path, seed: int, machine: Machine, say: Callable[[str], None] = print
    ) -> None:
        self._rng = random.Random(seed)
        self._say = say
        options = [word for setting in QUICK for word in ("--set", setting)]
        if seed % 2:  # in half of the runs nodes prove who they are
            secret = folder / "secret"
            secret.write_text("what all nodes of this cluster know")
            options += ["--cluster-secret-file", str(secret)]
        small = machine.small_disk.folder if machine.small_disk else None
        self._cluster = Cluster(
            folder, NODES, options, replicas=REPLICAS, linked=True, last_on=small
        )
        self.availability = Availability([server.name for server in self._cluster])
        self.faults = Faults(
            self._cluster, self._rng, folder / "faults.log", machine, self.availability
        )
        self._histories: dict[str, History] = {}
        self._forgot = 0
        """How many nodes have forgotten what they promised, at most."""
        self._logs_read: dict[Server, int] = {}
        self.outcome = Outcome(seed)

    def run(self, duration_s: float) -> Outcome:
        """Play rounds for a time. A cluster that does not become whole again ends it earlier."""
        outcome = self.outcome
        started_s = time.monotonic()
        try:
            self._cluster.start()
            put_all(self._cluster, self._histories)
            end_s = time.monotonic() + duration_s
            while time.monotonic() < end_s:
                self._play()
                outcome.memory.append(max(peak_mib(server.pid) for server in self._cluster))
            outcome.tombstones = verdict.forget_tombstones(self._cluster, outcome.findings)
            self._judge(set())
        except (
            AssertionError,
            grpc.RpcError,
        ) as error:  # the deadline of something that must happen has passed
            outcome.findings.add(Finding.STUCK, str(error))
        finally:
            self._cluster.clean_up()
        outcome.keys = len(self._histories)
        outcome.elapsed_s = time.monotonic() - started_s
        return outcome

    def _play(self) -> None:
        """One round."""
        started_s = time.monotonic()
        load = self._load()
        load.weather = Weather.fair()
        before = Counter(self.outcome.faults)
        deciders = Deciders(self._cluster.members, [f"{DECIDED}{self.outcome.rounds}"])
        reader = Reader(self._cluster, self.outcome.findings, lambda: load.weather, self._stalled)
        self.availability.begin()
        try:
            with load, reader, deciders:
                done = [self._do_one(load) for _ in range(self._rng.randint(1, 3))]
                self._recover(load)
                load.goes_on(self._rng.randrange(50, 200))
        finally:
            self.availability.end()
            self._count(load)
            self.outcome.scans += reader.ended
        self._judge(set(load.used))
        self._judge_decided(deciders, self.outcome.faults - before)
        self._say(
            f"round {self.outcome.rounds}: {', '.join(done)};"
            f" {load.acknowledged:,} acknowledged, {load.tally.judged:,} reads judged,"
            f" {load.tally.errors.total():,} errors, {time.monotonic() - started_s:.0f} s"
        )

    def _judge_decided(self, deciders: Deciders, faults: Counter[str]) -> None:
        """Of what this round decided, unless some had forgotten too much by then."""
        self._forgot += sum(faults[name] * (1 + ("two" in name)) for name in _FORGETTING)
        if self._forgot <= 1:
            deciders.judge(self.outcome.findings)
            self.outcome.decided += deciders.ended

    def _load(self) -> Load:
        first = self.outcome.rounds * _NEW_KEYS
        return Load(
            self._cluster.servers,
            "chaos",
            THREADS,
            reads=READS,
            keys=[str(place) for place in range(first, first + _KEYS)],
            histories=self._histories,
            findings=self.outcome.findings,
            faithful=True,
            succeeded=lambda server: self.availability.succeeded(server.name),
            stalled=self._stalled,
        )

    def _stalled(self) -> bool:
        return verdict.machine_stalled(self._cluster)

    def _do_one(self, load: Load) -> str:
        """One fault; perhaps the next comes before all is well again."""
        load.goes_on(self._rng.randrange(50, 300))
        fault = self.faults.draw()
        name = name_of(fault)
        alone = not load.weather.calls_fail
        calm = alone and fault in self.faults.calm
        load.weather = Weather.rough() if calm else Weather.wild()
        self.outcome.faults[name] += 1
        self.outcome.overlapping += not alone
        self.availability.fault(name)
        fault()
        if self._rng.random() < 0.5:
            self._recover(load)
        return name

    def _recover(self, load: Load) -> None:
        verdict.look_for_deaths(self._cluster, self.outcome.findings)
        self._cluster.mend()
        self.availability.whole()
        load.weather = Weather.fair()
        self.faults.note("whole")

    def _judge(self, asked: set[str]) -> None:
        findings = self.outcome.findings
        verdict.judge(self._cluster, self._histories, asked, findings)
        judge_scans(self._cluster, findings)
        verdict.look_for_deaths(self._cluster, findings)
        verdict.read_logs(self._cluster, self._logs_read, findings)

    def _count(self, load: Load) -> None:
        self.outcome.rounds += 1
        self.outcome.tally.add(load.tally)
        for error in unexplained(load.tally.errors):
            count = load.tally.errors[error]
            self.outcome.findings.add(Finding.UNEXPLAINED, f"{count} times {error}", count)
