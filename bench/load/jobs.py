"""Jobs: what may be asked of a process that loads a system. They travel as lines of JSON.

The answer to each is an object of figures, see `window.py` and `loops.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

PREFIX = "key/"
"""Of the keys in most cases."""
Figures = dict[str, float]
Answer = dict[str, float | str]
"""Figures, and what the first call said that failed."""


@dataclass(frozen=True, kw_only=True)
class Closed:
    """So many clients, each of which calls again as soon as it is answered."""

    act: str
    """A method of LoadClient that takes a key; or "threaded_put"."""
    clients: int
    keys: int
    """The keys are drawn from so many; each client has a part of them for itself. 0: each call has
    a key that nobody called before."""
    prefix: str = PREFIX
    seconds: float
    warm_s: float
    """So long nothing counts."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """So many add to one number, each again as soon as it is answered."""

    act: str
    """A method of LoadClient that adds one."""
    key: str
    """Nobody has counted on it before."""
    clients: int
    apart: bool
    """Whether each is a client of its own with its own connections, or all are tasks of one."""
    seconds: float
    warm_s: float


@dataclass(frozen=True, kw_only=True)
class Steady:
    """A put every so often, whether those before it are answered or not."""

    every_s: float
    keys: int
    seconds: float
    victims: Mapping[str, int] = field(default_factory=dict)
    """Process numbers by address: the one in use is killed on the way. Empty: none is."""
    kill_after_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """So many new keys at once, "prefix0" and so on."""

    prefix: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Scan:
    """All pairs with a prefix, which must be so many."""

    prefix: str
    count: int


Job = Closed | Count | Steady | Bulk | Scan
_KINDS = {kind.__name__: kind for kind in (Closed, Count, Steady, Bulk, Scan)}


def to_line(job: Job) -> str:
    """A job as it travels."""
    return json.dumps({"kind": type(job).__name__, **asdict(job)})


def from_line(line: str) -> Job:
    """What came."""
    fields = json.loads(line)
    job: Job = _KINDS[fields.pop("kind")](**fields)
    return job
