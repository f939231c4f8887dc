"""`make sim`: many histories, or one told in full, or how soon planted bugs are found.

make sim SEEDS=10000            fresh seeds, on every core; FIRST=n chooses them
make sim SEED=88                one history, told
make sim PLANTED=all            a table: each planted bug, and how many seeds it took
make sim PLANTED=stale FIRST=0  the same for those that test_planted.py seeks in vain at their seed
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.sim.many import Total, play_many
from tests.sim.planted import PLANTED
from tests.sim.run import is_stale, play, prepared, search
from tests.sim.shrink import command, shrink, story
from tests.sim.states import never

_TOLD = 3
_MANY = 500
"""So many histories must have reached every interesting state."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code is 1 if a promise was broken, a state never reached, or a bug not found."""
    options = _parse(arguments)
    if options.seed is not None:
        return _tell(options.seed, options.only, options.planted or "")
    first = random.SystemRandom().randrange(10**9) if options.first is None else options.first
    if options.planted:
        return _plant(options.planted, range(first, first + options.seeds))
    return _play(range(first, first + options.seeds))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many histories")
    parser.add_argument("--first", type=int, help="the first of them; else drawn at random")
    parser.add_argument("--seed", type=int, help="play this one, and tell what happens")
    parser.add_argument("--only", type=_places, help="with these of its faults only")
    names = ["all", "stale", *PLANTED]
    parser.add_argument("--planted", choices=names, metavar="NAME", help=f"one of {names}")
    return parser.parse_args(arguments)


def _places(text: str) -> list[int]:
    try:
        return [] if text == "none" else [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"wants places like 0,3,4 or none, got {text!r}") from None


def _tell(seed: int, only: list[int] | None, bug: str) -> int:
    with prepared():
        result = play(seed, only=only, bug=bug)
    print(story(result))
    return 1 if result.broken else 0


def _play(seeds: range) -> int:
    print(f"seeds {seeds.start} to {seeds.stop - 1}", flush=True)
    started_s = time.monotonic()
    columns = (
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} histories"),
        TextColumn("{task.fields[broken]} broken"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=len(seeds), broken=0)

        def progress(total: Total) -> None:
            bar.update(task, completed=total.histories, broken=len(total.broken))

        total = play_many(seeds, progress)
    print(f"{total}, in {time.monotonic() - started_s:,.0f} s")
    missing = never(total.reached) if len(seeds) >= _MANY else []
    for state in missing:
        print(f"never reached: {state}")
    for seed, what in sorted(total.broken):
        print(f"\nseed {seed}: {what}\n  {command(seed)}")
    with prepared():
        for seed, _ in sorted(total.broken)[:_TOLD]:
            shorter, kept = shrink(play(seed))
            print(f"\n{story(shorter, kept)}\n  {command(seed, kept)}")
    return 1 if total.broken or missing else 0


def _plant(name: str, seeds: range) -> int:
    missed = 0
    for bug in PLANTED if name in ("all", "stale") else [name]:
        with prepared():
            if name == "stale" and not is_stale(bug):
                continue
            found = search(bug, seeds)
        if found is None:
            print(f"{bug:46} not found in {len(seeds):,} seeds", flush=True)
            missed += 1
        else:
            tries = found.seed - seeds.start + 1
            print(f"{bug:46} found by seed {tries:4}: {found.broken:.100}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
