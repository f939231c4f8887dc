"""Looks for tests: what `take` makes of what nodes say, a moment at a time."""

from __future__ import annotations

from kvcluster.dashboard.look import Look, take
from kvcluster.view.health import View
from tests.view.views import A, B, C, view

from demo_pb2 import MethodTraffic, Traffic

START_S = 1_700_000_000.0
WELL = (view(A), view(B), view(C))
BOUNDS_S = (0.001, 0.01, 0.1)


def looks(*moments: tuple[View, ...], every_s: float = 2.0) -> list[Look]:
    """A look for each moment, one after the other."""
    found: list[Look] = []
    for index, views in enumerate(moments):
        before = found[-1] if found else None
        found.append(take(views, before, START_S + index * every_s))
    return found


def traffic(
    puts: int = 0, durations: tuple[int, ...] = (0, 0, 0, 0), codes: dict[int, int] | None = None
) -> Traffic:
    """What a node has counted since it started."""
    method = MethodTraffic(method="Put", calls=codes or {0: puts}, durations=durations)
    return Traffic(methods=[method], within_s=BOUNDS_S, puts=puts)
