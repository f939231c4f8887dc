"""One run: who takes part, what was measured, what was left out and why.

Stages ask it for systems and give it figures. Nothing that goes wrong with one system ends the run:
it is noted, that system stays out, and the others are measured.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from bench.load.driver import Driver
from bench.load.jobs import Figures
from bench.report.results import Sample, Skipped
from bench.scale import Scale
from bench.systems.diskcache import DiskCache
from bench.systems.etcd import Etcd
from bench.systems.gateway import GATEWAYS
from bench.systems.grpc_chain import GrpcChain
from bench.systems.grpc_echo import GrpcEcho
from bench.systems.ours import Ours, Secured
from bench.systems.postgresql import Postgresql
from bench.systems.processes import Place, PromiseBroken, SystemFailed
from bench.systems.pysyncobj import PySyncObj
from bench.systems.redis import Redis
from bench.systems.redis_cluster import RedisCluster
from bench.systems.sqlite import Sqlite
from bench.systems.system import System
from bench.trees import Variant

RIVALS: tuple[type[System], ...] = (
    GrpcEcho,
    GrpcChain,
    Etcd,
    Redis,
    PySyncObj,
    Sqlite,
    DiskCache,
)
"""Beside ours."""
OTHERS: tuple[type[System], ...] = (*RIVALS, Postgresql, RedisCluster)
"""With those that stand beside ours as engines alone."""
S = TypeVar("S", bound=System)
KINDS = ("ours", *(other.kind for other in OTHERS))


class Contest:
    """One run in a folder. `cases`: their names; `kinds`: of the systems that take part."""

    def __init__(
        self,
        folder: Path,
        scale: Scale,
        *,
        cases: Iterable[str],
        kinds: Iterable[str],
        variants: Sequence[Variant] = (),
    ) -> None:
        self.folder = folder
        self.scale = scale
        self.samples: list[Sample] = []
        self.skipped: list[Skipped] = []
        self.broken: list[str] = []
        """Who has not done what it acknowledged, and where."""
        self._cases = frozenset(cases)
        self._kinds = frozenset(kinds)
        self._variants = [*([Variant("ours")] if "ours" in self._kinds else []), *variants]
        self._numbers = itertools.count()
        self._begun_s = time.monotonic()

    def wanted(self, cases: Sequence[str]) -> list[str]:
        """Those of a stage that are to be measured."""
        return [case for case in cases if case in self._cases]

    def takes_part(self, kind: str) -> bool:
        """Whether a system was asked for."""
        return kind in self._kinds

    def ours(
        self,
        members: int = 3,
        *,
        settings: Sequence[str] = (),
        probed: bool = False,
        secured: Secured | None = None,
    ) -> list[Ours]:
        """Ours in all its forms, this checkout first, each in a folder of its own."""
        return [
            Ours(
                Place(self._fresh_folder(), variant.tree).made(),
                members,
                row=variant.row,
                settings=(*variant.settings, *settings),
                probed=probed,
                secured=secured,
            )
            for variant in self._variants
        ]

    def rivals(self, kinds: Sequence[str], members: int = 3) -> list[System]:
        """Those of some rivals that take part and are here; the others are noted."""
        wanted = (rival for rival in RIVALS if rival.kind in kinds)
        return [rival(self._place(), members) for rival in wanted if self._comes(rival)]

    def under_gateways(self) -> Iterator[list[System]]:
        """Engine by engine: ours through a gateway before it, and the engine by itself."""
        for gateway in GATEWAYS:
            if self._comes(gateway.engine):
                ours = [gateway(self._place())] if self.takes_part("ours") else []
                yield [*ours, gateway.engine(self._place())]

    def _comes(self, system: type[System]) -> bool:
        """Whether one takes part and is here; if it is missing, that is noted."""
        if not self.takes_part(system.kind):
            return False
        if why := system.missing():
            self.skip(system.name, why)
        return not why

    def _place(self) -> Place:
        return Place(self._fresh_folder()).made()

    def _fresh_folder(self) -> Path:
        return self.folder / f"system-{next(self._numbers)}"

    def record(
        self, case: str, row: str, number: int, value: float, figures: Figures | None = None
    ) -> None:
        """Note what one round gave. `value`: in the unit of the case."""
        self.samples.append(Sample(case, row, number, value, dict(figures or {})))

    def remark(self, case: str, row: str, driver: Driver) -> None:
        """Say if calls failed: they are counted in the table, and the first one tells why."""
        if driver.first_error:
            self.tell(f"{case}: {row}: some calls failed: {driver.first_error}")

    def skip(self, row: str, why: str) -> None:
        """Note what is left out, once."""
        note = Skipped(row, why)
        if note not in self.skipped:
            self.skipped.append(note)
            self.tell(f"skipped: {row}: {why}")

    @contextlib.contextmanager
    def skipping(self, row: str, case: str = "") -> Iterator[None]:
        """A body whose system may fail: then it is noted, and the run goes on."""
        try:
            yield
        except SystemFailed as error:
            if isinstance(error, PromiseBroken):
                self.broken.append(f"{row}: {case}: {error}")
            self.skip(row, f"{case}: {error}" if case else str(error))

    def tell(self, sentence: str) -> None:
        """Say to whoever waits what is being done."""
        passed_s = time.monotonic() - self._begun_s
        print(f"{passed_s:6.0f} s  {sentence}", file=sys.stderr, flush=True)


def measure_in_turn(
    contest: Contest,
    cases: Sequence[str],
    systems: Sequence[System],
    stage: str,
    prepare: Callable[[Contest, System, Driver, Sequence[str]], None],
    measure: Callable[[Contest, str, System, Driver, int], None],
) -> None:
    """Start all of these, and measure each case at each in turn, round by round."""
    with contextlib.ExitStack() as stack:
        running: dict[System, Driver] = {}
        for system in systems:
            with contest.skipping(system.row):
                contest.tell(f"starting {system.row}")
                driver = stack.enter_context(system.loaded())
                prepare(contest, system, driver, cases)
                running[system] = driver
        for number in range(contest.scale.rounds):
            contest.tell(f"{stage}, round {number + 1} of {contest.scale.rounds}")
            for case in cases:
                for system in in_turn(number, list(running)):
                    with contest.skipping(system.row, case):
                        measure(contest, case, system, running[system], number)


def in_turn(number: int, systems: Sequence[S]) -> list[S]:
    """The order of a round: there and back, so that a drift of the machine meets all alike."""
    return list(systems) if number % 2 == 0 else list(reversed(systems))
