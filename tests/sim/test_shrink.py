"""What a person sees of a history that failed."""

from __future__ import annotations

from functools import cache

from tests.sim.__main__ import main
from tests.sim.history import Result
from tests.sim.run import find, play, prepared
from tests.sim.shrink import command, shrink, story

_BUG = "leave no hint of who missed a write"


@cache
def broken() -> Result:
    """A history that it breaks."""
    with prepared():
        found = find(_BUG)
    assert found is not None
    return found


def test_failing_history_is_told_with_few_faults_and_how_to_replay_it() -> None:
    """Fewer faults than were drawn, the broken promise in words, and it fails again."""
    seed = broken().seed
    with prepared():
        shorter, kept = shrink(broken(), _BUG)
        again = play(seed, only=kept, bug=_BUG)
    assert len(kept) < len(shorter.schedule)
    assert again.broken == shorter.broken
    assert again.digest == shorter.digest
    told = story(shorter, kept)
    assert f"seed {seed} with {len(kept)} of its" in told
    assert told.endswith(f"BROKEN: {shorter.broken}")
    assert len(told.splitlines()) < 80
    only = ",".join(map(str, kept)) or "none"
    assert command(seed, kept) == f"python -m tests.sim --seed {seed} --only {only}"


def test_command_fails_when_a_promise_is_broken() -> None:
    """The exit code is what a script looks at."""
    seed = str(broken().seed)
    assert main(["--seed", seed]) == 0
    assert main(["--seed", seed, "--planted", _BUG]) == 1
