"""The table of the nodes: a row for each, and of the columns as many as there is room for.

The state comes by its word, a sign and a colour; the letter before the name is the one that the
picture of the slots uses, so the table is its legend. Columns that a person on call needs least are
left out first; a number is never cut. What is not known is a dash, and that is never the same as 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from kvcluster.console.screen import DASH, as_line
from kvcluster.dashboard.ink import Mark, Tone, plain
from kvcluster.dashboard.look import Look, counting, tone_of
from kvcluster.dashboard.rates import Rates
from kvcluster.view.census import Member
from kvcluster.view.histogram import milliseconds
from kvcluster.view.wording import duration, size

from demo_pb2 import SYNCING, PeerState, StatusResponse

_NAME_COLUMNS = 30
"""A longer name is cut at its front: the port tells more than the domain."""
_BOTH = "p50/p99 ms"
_EACH = ("puts/s", "gets/s", "dels/s")
_VARIANTS: tuple[tuple[str, ...], ...] = (
    (*_EACH, "p50", "p99", "behind", "keys", "size", "primary/held", "JSON age", "uptime"),
    ("ops/s", "p50", "p99", "behind", "keys", "size", "primary/held", "JSON age", "uptime"),
    ("ops/s", _BOTH, "behind", "keys", "size", "primary/held", "JSON age"),
    ("ops/s", _BOTH, "behind", "keys", "primary/held", "JSON age"),
    ("ops/s", _BOTH, "behind", "keys", "primary/held"),
    ("ops/s", _BOTH, "behind", "keys"),
    ("ops/s", _BOTH, "behind"),
    ("ops/s", "behind"),
    ("ops/s",),
)
"""Which columns there are, from the most to the least room."""
_LEAST_STATE = len("UNREACHABLE")
_LEAST = {"ops/s": 6, "p50": 7, "p99": 7, "behind": 7, _BOTH: 10}
"""Columns that are as wide when there is nothing in them, so that the table does not jump."""


@dataclass(frozen=True)
class _Row:
    """One node."""

    node: str
    tone: Tone
    state: str
    numbers: Mapping[str, str]


def table(look: Look, marks: Mapping[str, Mark], width: int) -> list[Text]:
    """The head of the table and a row for each member, as rich as the width allows."""
    rows = [_row(member, look) for member in look.members]
    plan = _plan(rows, width)
    head = plain(f"  {'node':<{plan.name}}   {'state':<{plan.state}}", "bold")
    for column, columns in plan.numbers.items():
        head.append(f"{plan.gap}{column:>{columns}}")
    return [head, *(_line(row, marks[row.node], plan) for row in rows)]


@dataclass(frozen=True)
class _Plan:
    """How wide the columns are."""

    name: int
    state: int
    numbers: Mapping[str, int]
    gap: str

    @property
    def total(self) -> int:
        """The columns of a row: with a letter, a sign, and spaces between them."""
        return 5 + self.name + self.state + sum(it + len(self.gap) for it in self.numbers.values())


def _plan(rows: Sequence[_Row], width: int) -> _Plan:
    name = max([cell_len(_name(row.node)) for row in rows] + [len("node")])
    state = max([cell_len(row.state) for row in rows] + [_LEAST_STATE])
    plans = (
        _Plan(name, state, {column: _width(column, rows) for column in columns}, gap)
        for columns in _VARIANTS
        for gap in ("  ", " ")
    )
    return next((plan for plan in plans if plan.total <= width), _Plan(name, state, {}, ""))


def _width(column: str, rows: Sequence[_Row]) -> int:
    least = max(len(column), _LEAST.get(column, 0))
    return max([least] + [len(row.numbers[column]) for row in rows])


def _line(row: _Row, mark: Mark, plan: _Plan) -> Text:
    line = plain("")
    line.append(mark.letter, mark.on)
    name = _name(row.node)
    line.append(f" {name}{' ' * (plan.name - cell_len(name))} ")
    line.append(f"{row.tone.sign} ", row.tone.style)
    word = f"{row.state}{' ' * (plan.state - cell_len(row.state))}"
    line.append(word, "" if row.tone is Tone.GOOD else row.tone.style)
    for column, columns in plan.numbers.items():
        line.append(f"{plan.gap}{row.numbers[column]:>{columns}}")
    return line


def _name(node: str) -> str:
    name = as_line(node)
    return name if cell_len(name) <= _NAME_COLUMNS else "…" + name[-_NAME_COLUMNS + 1 :]


def _row(member: Member, look: Look) -> _Row:
    numbers = dict.fromkeys((name for columns in _VARIANTS for name in columns), DASH)
    numbers["behind"] = _behind(member, look)
    if member.own is not None:
        numbers |= _own(member.own)
    if (known := look.rates.get(member.node)) is not None:
        numbers |= {
            "puts/s": _rate(known.puts_per_s),
            "gets/s": _rate(known.gets_per_s),
            "dels/s": _rate(known.deletes_per_s),
            "ops/s": _rate(known.operations_per_s),
            _BOTH: _both(known),
            "p50": _latency(known.p50_s),
            "p99": _latency(known.p99_s),
        }
    return _Row(member.node, _tone(member, look), _state(member, look), numbers)


def _tone(member: Member, look: Look) -> Tone:
    """As it is by its own account, unless those who are not cut off find fault with it."""
    voices = [it.state for who, it in member.opinions.items() if who not in look.cut_off]
    if member.node in look.cut_off:
        return Tone.BAD
    well = all(it.state == PeerState.ALIVE and not it.lagging for it in voices)
    return Tone.BUSY if tone_of(member) is Tone.GOOD and not well else tone_of(member)


def _state(member: Member, look: Look) -> str:
    """With what the others find wrong with it, while it finds itself well."""
    if member.node in look.cut_off:
        refused = member.node in look.misfits or member.node in look.refused
        return f"{member.state}, {'refused' if refused else 'cut off'}"
    lags = any(it.state.lagging for it in member.opinions.values())
    return f"{member.state}, lags" if member.serving and lags else member.state


def _own(own: StatusResponse) -> dict[str, str]:
    if own.HasField("engine"):  # a gateway holds nothing itself
        return {"keys": f"{own.keys:,}", "uptime": duration(own.uptime_s)}
    age_s = own.checkpoint_age_s
    return {
        "keys": f"{own.keys:,}",
        "size": size(own.size_bytes),
        "primary/held": f"{own.primary_slots:,}/{own.replica_slots:,}",
        "JSON age": duration(age_s) if age_s >= 0 else "never",
        "uptime": duration(own.uptime_s),
    }


def _behind(member: Member, look: Look) -> str:
    """How old the oldest write is that it may not have, as the others see it."""
    behind_s = [
        opinion.behind_s
        for speaker, opinion in member.opinions.items()
        if counting(look.member(speaker)) is not None and opinion.state.state != PeerState.UNKNOWN
    ]
    oldest_s = max(behind_s, default=0.0)
    fetches = member.own is not None and member.own.status == SYNCING
    if not behind_s or (fetches and not oldest_s):  # it lacks what only it knows of
        return DASH
    return age(oldest_s)


def age(age_s: float) -> str:
    """How old something is that is mostly young: "0", "4.20 ms", "12 s"."""
    if not age_s:
        return "0"
    return duration(age_s) if age_s >= 1 else milliseconds(age_s)


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}" if per_s >= 9.95 or not per_s else f"{per_s:.1f}"


def _both(known: Rates) -> str:
    if known.p50_s is None:
        return DASH
    return f"{_latency(known.p50_s)}/{_latency(known.p99_s)}".replace(" ms", "")


def _latency(duration_s: float | None) -> str:
    if duration_s is None:
        return DASH
    return ">10 s" if math.isinf(duration_s) else milliseconds(duration_s)
