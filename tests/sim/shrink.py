"""A failing history made short: fewer faults, and only the lines that tell of what went wrong.

Faults are left out as long as the history still fails, halves first and then single ones (delta
debugging, Zeller and Hildebrandt, 2002). Not always the same promise breaks with fewer faults;
any broken promise is a bug, so that does not matter.
"""

from __future__ import annotations

from tests.sim.history import Result
from tests.sim.run import play

_TRIES = 60


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
    lines = [
        f"{at_s:9.3f} s  {what}"
        for at_s, what, key in result.events
        if not key or not result.key or key == result.key
    ]
    lines.append(f"{result.virtual_s:9.3f} s  BROKEN: {result.broken}" if result.broken else "held")
    if kept is not None:
        total = len(result.schedule)
        lines.insert(0, f"seed {result.seed} with {len(kept)} of its {total} faults:")
    return "\n".join(lines)


def command(seed: int, kept: list[int] | None = None, bug: str = "") -> str:
    """What replays it."""
    only = "" if kept is None else f" --only {','.join(map(str, kept)) or 'none'}"
    planted = f" --planted '{bug}'" if bug else ""
    return f"python -m tests.sim --seed {seed}{only}{planted}"
