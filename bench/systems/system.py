"""System: something that stores keys, as far as the benchmark must know it.

Its address and folder are its own for as long as the object lives, so it can be stopped and started
again on the same data. Whoever has it as a context leaves nothing running.

A system says what its acknowledgement is worth. Where that is less than ours the table says so, and
its figures are context, not a race.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import shutil
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import ClassVar

from bench.load.client import Spec, can
from bench.load.driver import Driver
from bench.systems.processes import Place, Processes, SystemFailed
from kvcluster.commands.demo.local_cluster import free_ports

_START_PATIENCE_S = 60.0


class System(ABC):
    """One system with its processes. `members`: how many nodes hold each key."""

    kind: ClassVar[str]
    """Its module, and what a person calls it on the command line."""
    name: ClassVar[str]
    """What it is called in tables."""
    promise: ClassVar[str]
    """What an acknowledged write has been through, and what a read may miss."""
    needs_program: ClassVar[str] = ""
    needs_packages: ClassVar[tuple[str, ...]] = ()
    how_to_get: ClassVar[str] = "pip install '.[bench]'"
    is_alone: ClassVar[bool] = False
    """It has no processes but that of its caller."""
    stop_by: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, place: Place, members: int = 3) -> None:
        self.place = place
        self.members = members
        self.ports = free_ports(members)
        self.processes = Processes(place)

    @property
    def row(self) -> str:
        """Its row in tables: its name, unless there are several of its kind."""
        return self.name

    @classmethod
    def missing(cls) -> str:
        """Why it cannot be measured here, and how to get it; empty if it can."""
        lacking = [each for each in cls.needs_packages if not importlib.util.find_spec(each)]
        if cls.needs_program and not cls.program():
            lacking.append(cls.needs_program)
        return f"{' and '.join(lacking)} missing: {cls.how_to_get}" if lacking else ""

    @classmethod
    def program(cls) -> str | None:
        """Where the program is that it needs; None if it is not here."""
        return shutil.which(cls.needs_program)

    @classmethod
    def can(cls, act: str) -> bool:
        """Whether its client has a method, see LoadClient."""
        return can(importlib.import_module(f"bench.systems.{cls.kind}").Client, act)

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Which version is installed, for the table."""

    @property
    def addresses(self) -> list[str]:
        """One a member."""
        return [f"127.0.0.1:{port}" for port in self.ports]

    @property
    def spec(self) -> Spec:
        """What its client must know."""
        return {"nodes": self.addresses}

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return self.processes.pids

    @property
    def victims(self) -> dict[str, int]:
        """The process behind each address; empty where the case of a killed node does not fit."""
        return {}

    @abstractmethod
    def start(self) -> None:
        """Start it, on what its folder holds. Raises SystemFailed."""

    def stop(self) -> None:
        """End it, gently; its folder stays."""
        self.processes.close(self.stop_by)

    def __enter__(self) -> System:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def load(self) -> Driver:
        """A process that calls it; to be entered as a context while the system runs."""
        return Driver(self.place.inner("load"), self.kind, self.spec)

    @contextlib.contextmanager
    def loaded(self) -> Iterator[Driver]:
        """The system running, with a process that calls it."""
        with self, self.load() as driver:
            yield driver

    def wait_for_ports(self, ports: list[int]) -> None:
        """Return when somebody listens on each. Raises SystemFailed."""
        deadline_s = time.monotonic() + _START_PATIENCE_S
        for port in ports:
            while not _listens(port):
                self.processes.raise_if_ended()
                if time.monotonic() > deadline_s:
                    raise SystemFailed(f"nobody listens on {port} after {_START_PATIENCE_S:g} s")
                time.sleep(0.02)


class Embedded(System):
    """A library that stores in the process of its caller: context, since it has no replicas."""

    is_alone = True

    def start(self) -> None:
        """Nothing runs but the caller."""

    @property
    def spec(self) -> Spec:
        """Where it keeps its file."""
        return {"folder": [str(self.place.folder)]}


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False
