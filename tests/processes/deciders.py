"""Clients of keys that a majority decides, with the library, against real servers; and their judge.

Each is a thread with a client of its own. What it tries on its few keys, with conditions, plainly,
by linearizable reads, is recorded, and tests/linear/checker.py is asked in the end whether it can
all have happened. `Counting` is the simplest of all: many add one to a number, again and again.
"""

from __future__ import annotations

import random
import threading
from collections import Counter as Counts
from collections.abc import Callable, Sequence
from typing import Any

from kvcluster import Client, ConditionFailed, KvError, NothingWritten, OutcomeUnknown
from kvcluster.model.condition import Condition
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from kvcluster.recipes import Counter
from tests.linear.checker import judge
from tests.linear.tried import Recorder, Shown, Tried
from tests.processes.findings import Finding, Findings

DECIDED = "decided/"
"""How keys begin of which nobody else is the judge."""
_LATELY = 6
_REST_S = 0.05
_NO_VERSION = Version(b"")


class Deciders:
    """Works while the context lasts. `pause_s`: a long run must be judged as a whole."""

    def __init__(
        self, members: str, keys: Sequence[str], threads: int = 4, pause_s: float = 0.02
    ) -> None:
        self._members = members.split(",")
        self._keys = list(keys)
        self._pause_s = pause_s
        self._recorder = Recorder()
        self._lock = threading.Lock()
        self._lately: dict[str, list[Shown]] = {key: [] for key in keys}
        self._numbers = iter(range(1, 10_000_000))
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(threads)
        ]
        self.ended: Counts[str] = Counts()

    def __enter__(self) -> Deciders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        rng = random.Random(number)
        # A client that knows only one node asks another than its neighbour does.
        seeds = [rng.choice(self._members)]
        failed, key = False, self._keys[0]
        with Client(seeds, timeout_s=5.0) as client:
            while not self._stop.is_set():
                if not (failed and rng.random() < 0.5):
                    self._stop.wait(rng.expovariate(1 / self._pause_s))
                    key = rng.choice(self._keys)
                failed = not self._one(client, f"t{number}", key, rng, blindly=failed)

    def _one(self, client: Client, by: str, key: str, rng: random.Random, *, blindly: bool) -> bool:
        """One operation; whether it was done."""
        with self._lock:
            tried = self._begin(by, key, rng, blindly=blindly)
        try:
            answer = _ask(client, key, tried)
        except ConditionFailed as error:
            value = None if error.value is None else str(error.value)
            self._end(key, tried, self._recorder.mismatch, Shown(value, Version(error.version)))
        except OutcomeUnknown as error:
            self._end(key, tried, self._recorder.unknown, Version(error.version) or None)
            return False
        except (NothingWritten, KvError):
            self._end(key, tried, self._recorder.nothing)
            self._stop.wait(_REST_S)
            return False
        else:
            self._done(key, tried, answer)
        return True

    def _begin(self, by: str, key: str, rng: random.Random, *, blindly: bool) -> Tried:
        if rng.random() < 0.3 and not blindly:
            return self._recorder.begins(key, Kind.GET, by=by)
        kind = Kind.DELETE if rng.random() < 0.2 else Kind.PUT
        value = f"{next(self._numbers)}" if kind is Kind.PUT else ""
        plain = rng.random() < (0.7 if blindly else 0.2)
        condition = None if plain else self._condition(key, rng)
        if kind is Kind.DELETE and condition == Condition.absent():
            condition = None  # the library has none that removes what is not there
        return self._recorder.begins(key, kind, value=value, condition=condition, by=by)

    def _condition(self, key: str, rng: random.Random) -> Condition:
        lately = self._lately[key][-_LATELY:]
        last = rng.choice(lately) if lately else Shown(None, _NO_VERSION)
        if last.value is None:
            return Condition.absent()
        by_version = Condition.version(last.version)
        return rng.choice([by_version, by_version, Condition.value(last.value)])

    def _done(self, key: str, tried: Tried, answer: Any) -> None:
        if tried.kind is Kind.GET:
            shown = Shown(None, _NO_VERSION)
            if answer is not None:
                shown = Shown(str(answer.value), Version(answer.version))
            self._end(key, tried, lambda it: self._recorder.done(it, shown=shown))
        elif answer.acknowledged <= answer.replicas // 2:  # it may be overwritten unseen
            self._end(key, tried, self._recorder.unknown)
        else:
            version = Version(answer.version)
            self._end(key, tried, lambda it: self._recorder.done(it, version=version))

    def _end(self, key: str, tried: Tried, how: Callable[..., None], *told: Any) -> None:
        with self._lock:
            how(tried, *told)
            self.ended[f"{tried.kind.value} {tried.how.value}"] += 1
            if tried.shown is not None:
                self._lately[key].append(tried.shown)
            elif tried.version is not None and tried.kind is Kind.PUT:
                self._lately[key].append(Shown(tried.value, tried.version))

    def judge(self, findings: Findings) -> None:
        """Read each key once more through each node; then ask for an order."""
        for member in self._members:
            with Client([member], timeout_s=60.0) as client:
                for key in self._keys:
                    with self._lock:
                        tried = self._recorder.begins(key, Kind.GET, by=f"at last at {member}")
                    self._done(key, tried, client.read(key, None, linearizable=True))
        for key in self._keys:
            found = judge(self._recorder.tried[key])
            if not found.holds:
                findings.add(Finding.DISORDER, f"{key}: {found.why}")


def _ask(client: Client, key: str, tried: Tried) -> Any:
    if tried.kind is Kind.GET:
        return client.read(key, None, linearizable=True)
    given = {}
    if tried.condition is not None:
        name = tried.condition.what.value
        given[f"if_{name}"] = tried.condition.operand or True
    if tried.kind is Kind.DELETE:
        return client.delete(key, **given)  # type: ignore[arg-type]
    return client.put(key, tried.value, **given)  # type: ignore[arg-type]


class Counting:
    """Many add one to a number while the context lasts, and count what came of it."""

    def __init__(self, members: str, key: str, threads: int) -> None:
        self._members = members.split(",")
        self._key = key
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        self.certain = 0
        """Additions that returned."""
        self.unknown = 0
        self.shown: set[int] = set()
        """What they returned: each number once."""
        self.twice: list[int] = []

    def __enter__(self) -> Counting:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with Client(self._members, timeout_s=10.0) as client:
            counter = Counter(client, self._key)
            while not self._stop.is_set():
                try:
                    number = counter.add()
                except OutcomeUnknown:
                    with self._lock:
                        self.unknown += 1
                except KvError:
                    self._stop.wait(_REST_S)
                else:
                    with self._lock:
                        self.certain += 1
                        self.twice += [number] if number in self.shown else []
                        self.shown.add(number)

    def assert_exact(self) -> None:
        """Nothing is lost, and nothing is counted twice."""
        with Client(self._members, timeout_s=60.0) as client:
            final = Counter(client, self._key).value()
        told = f"{self.certain} were certain, {self.unknown} unknown, and it is {final}"
        assert self.certain <= final <= self.certain + self.unknown, told
        assert not self.twice, f"returned twice: {self.twice[:5]}; {told}"
