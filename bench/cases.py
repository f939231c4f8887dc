"""The cases: what is measured, in which unit, and the goals.

A case has rows: ours, other checkouts of ours, rivals, and where a case is about ourselves, what it
is compared with ("1,000 keys", "orjson.loads"). A goal is about one row: so many times as fast, or
about a figure of its own. Goals are those of issues 16 and 18, made before anything was mended or
built; one that cannot be met stays here as missed.
"""

from __future__ import annotations

from dataclasses import dataclass

OURS = "ours"
ON_ENGINE = "ours on "
"""Before the name of an engine: ours through a gateway upon it."""


@dataclass(frozen=True)
class Unit:
    """How figures are written. `less`: whether less is better."""

    name: str
    less: bool


MS = Unit("ms", less=True)
SECONDS = Unit("s", less=True)
RATE = Unit("a second", less=False)
BYTES = Unit("bytes", less=True)
KIB = Unit("KiB", less=True)
OF_64 = Unit("of 64", less=False)
SHARE = Unit("% of a core", less=True)


@dataclass(frozen=True)
class Goal:
    """`factor` times the figure of a row, or `factor` itself where no row is named; or better."""

    factor: float
    row: str = ""


@dataclass(frozen=True)
class Case:
    """One kind of work. `what`: as a person would say it; {many} is the size of the large store."""

    name: str
    what: str
    unit: Unit
    goals: tuple[Goal, ...] = ()
    per: str = "call"
    """What processor time is told for; empty where that has no meaning."""
    lacking: tuple[tuple[str, str], ...] = ()
    """Rows of which there is no figure, since the system has no such thing; and what it lacks."""


_NO_SUCH_READ = ("Redis", "no such read")


CASES = (
    Case("put-one", "put, one after the other, median", MS, (Goal(1.6, "etcd"),)),
    Case("get-one", "get, one after the other, median", MS, (Goal(0.6, "bare gRPC"),)),
    Case("puts-64", "64 puts at once", RATE, (Goal(2.5, "etcd"), Goal(1.5, "Redis"))),
    Case("puts-256", "256 puts at once", RATE, (Goal(5, "etcd"), Goal(4, "Redis"))),
    Case("gets-64", "64 gets at once", RATE, (Goal(7, "etcd"), Goal(1.5, "Redis"))),
    Case("gets-256", "256 gets at once", RATE),
    Case("gets-64-local", "64 gets at once, of what one node holds", RATE),
    Case("threads-64", "64 threads that put, on one client", RATE, (Goal(0.5, "AsyncClient"),)),
    Case("cond-put-one", "put if unchanged, one after the other, median", MS, (Goal(2, "etcd"),)),
    Case("cond-puts-64", "64 puts if unchanged at once", RATE),
    Case("absent-put-one", "put if absent, one after the other, median", MS, (Goal(2, "etcd"),)),
    Case("absent-puts-64", "64 puts if absent at once", RATE),
    Case(
        "lin-get-one",
        "linearizable get, one after the other, median",
        MS,
        (Goal(1.2, "etcd"),),
        lacking=(_NO_SUCH_READ,),
    ),
    Case("lin-gets-64", "64 linearizable gets at once", RATE, lacking=(_NO_SUCH_READ,)),
    Case("count-1", "one client that counts on one key", RATE),
    Case("count-8", "8 tasks of one client that count on one key", RATE),
    Case("count-64", "64 tasks of one client that count on one key", RATE, (Goal(2, "etcd"),)),
    Case("count-8-apart", "8 clients that count on one key", RATE),
    Case("count-64-apart", "64 clients that count on one key", RATE, (Goal(2, "etcd"),)),
    Case(
        "served-64-apart", "of these clients, those that got anything done in a turn", OF_64, per=""
    ),
    Case("raw-put-64", "64 unary Puts at once", RATE, (Goal(0.6, "bare gRPC"),)),
    Case("raw-get-64", "64 unary Gets at once", RATE, (Goal(0.9, "bare gRPC"),)),
    Case("bulk", "put in bulk, new keys", RATE, (Goal(4, "etcd"), Goal(3, "Redis")), per="key"),
    Case("scan", "scan", RATE, (Goal(1.2, "Redis"),), per="key"),
    Case("engine-put-one", "put, one after the other, median, under a gateway", MS),
    Case("engine-get-one", "get, one after the other, median, under a gateway", MS),
    Case("engine-puts-64", "64 puts at once, under a gateway", RATE),
    Case("engine-gets-64", "64 gets at once, under a gateway", RATE),
    Case("engine-bulk", "put in bulk, new keys, under a gateway", RATE, per="key"),
    Case("engine-scan", "scan, under a gateway", RATE, per="key"),
    Case("tls-put-one", "put, one after the other, median, by who speaks how", MS),
    Case("tls-get-one", "get, one after the other, median, by who speaks how", MS),
    Case("tls-puts-64", "64 puts at once, by who speaks how", RATE),
    Case("tls-bulk", "put in bulk, by who speaks how", RATE, per="key"),
    Case("tls-connect", "clients that connect and read once, by who speaks how", RATE),
    Case("gap", "longest time without a put, as the node in use is killed", SECONDS, (Goal(0.5),)),
    Case("puts-64-one-dead", "64 puts at once, one node dead", RATE),
    Case("many-put-one", "put, one after the other, median, at {many} keys", MS),
    Case("many-puts-64", "64 puts at once at {many} keys", RATE, (Goal(0.9, "1,000 keys"),)),
    Case("many-puts-256", "256 puts at once at {many} keys", RATE),
    Case("many-gets-64", "64 gets at once at {many} keys", RATE),
    Case("start", "start of one node with {many} keys", SECONDS, (Goal(3, "orjson.loads"),)),
    Case("memory", "memory a key at {many} keys, beyond key and value", BYTES, (Goal(300),)),
    Case("upkeep", "three servers at {many} keys and 100 puts a second", SHARE, per=""),
    Case("pause", "longest pause of an event loop meanwhile", MS, per=""),
    Case("catch-up", "a node back after 1,000 writes, at {many} keys", SECONDS, per=""),
    Case("catch-up-size", "what it fetched", KIB, per=""),
    Case("refetch", "a node back without its folder, at {many} keys", SECONDS, per=""),
    Case("refetch-size", "what it fetched then", KIB, per=""),
)
BY_NAME = {case.name: case for case in CASES}


def bound(goal: Goal, case: Case) -> str:
    """A goal in words, without what it is compared with."""
    return f"at {'most' if case.unit.less else 'least'} {goal.factor:g}"


def is_met(goal: Goal, case: Case, reached: float) -> bool:
    """Whether a ratio, or a figure where the goal names no row, is as good as the goal."""
    return reached <= goal.factor if case.unit.less else reached >= goal.factor
