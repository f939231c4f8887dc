"""A failing history made short: fewer faults, and only the lines that tell of what went wrong.

Faults are left out as long as the history still fails, halves first and then single ones (delta
debugging, Zeller and Hildebrandt, 2002). Not always the same promise breaks with fewer faults;
any broken promise is a bug, so that does not matter.
"""

from __future__ import annotations

from tests.sim.history import Result
from tests.sim.run import play

_TRIES = 60
_OPERATIONS_TOLD = 25

Event = tuple[float, str, str]
"""Time, what, and which key it is about, if one."""


def shrink(result: Result, bug: str = "") -> tuple[Result, list[int]]:
    """The shortest failing history found, and which of the seed's faults it has."""
    kept = list(range(len(result.schedule)))
    size, tries = max(1, len(kept) // 2), 0
    while kept and tries < _TRIES:
        shorter = None
        for start in range(0, len(kept), size):
            trial = kept[:start] + kept[start + size :]
            tries += 1
            tried = play(result.seed, only=trial, bug=bug)
            if tried.broken:
                shorter, result = trial, tried
                break
        if shorter is not None:
            kept = shorter
        elif size == 1:
            break
        size = max(1, min(size // 2 if shorter is None else size, len(kept)))
    return result, kept


def story(result: Result, kept: list[int] | None = None) -> str:
    """What happened, for people: faults, starts and ends, and all that concerns the broken key."""
    told = [(at_s, what, key) for at_s, what, key in result.events if key in ("", result.key)]
    if not result.broken:
        told = result.events
    told = _without_the_middle(told) if kept is not None else told
    lines = [f"{at_s:9.3f} s  {what}" for at_s, what, _ in told]
    end = f"BROKEN: {result.broken}" if result.broken else "every promise held"
    lines.append(f"{result.virtual_s:9.3f} s  {end}")
    if kept is not None:
        total = len(result.schedule)
        lines.insert(0, f"seed {result.seed} with {len(kept)} of its {total} faults:")
    return "\n".join(lines)


def _without_the_middle(events: list[Event]) -> list[Event]:
    """All that befell nodes, and the last operations of clients."""
    operations = [event for event in events if event[2]]
    spoken = set(map(id, operations[-_OPERATIONS_TOLD:]))
    return [event for event in events if not event[2] or id(event) in spoken]


def command(seed: int, kept: list[int] | None = None, bug: str = "") -> str:
    """What replays it."""
    only = "" if kept is None else f" --only {','.join(map(str, kept)) or 'none'}"
    planted = f" --planted '{bug}'" if bug else ""
    return f"python -m tests.sim --seed {seed}{only}{planted}"
