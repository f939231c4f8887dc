"""`client.py lock`: a command runs while a lock is held, and is told when it is not any more."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kvcluster import Client
from kvcluster.recipes import Lock
from tests.client.deciding_node import DecidingCluster
from tests.commands.conftest import Ended, Program

Ask = Callable[..., Ended]


@pytest.fixture
def ask(deciders: DecidingCluster, client: Program) -> Ask:
    """client.py, which asks three fakes that decide."""
    return lambda *words: client("--cluster", deciders.members, *words)


def python(program: str) -> list[str]:
    """A command that does this."""
    return ["--", sys.executable, "-c", program]


def test_the_lock_is_held_while_the_command_runs(
    ask: Ask, deciders: DecidingCluster, tmp_path: Path
) -> None:
    """It finds the fence, and its exit code is ours."""
    held: list[str] = []
    deciders.shelf.before_write = lambda _: held.append(deciders.store.get("l", ""))
    told = tmp_path / "told"
    program = f"import os; open({str(told)!r}, 'w').write(os.environ['KV_LOCK_FENCE']); exit(7)"
    ended = ask("lock", "l", *python(program))
    assert (ended.code, ended.err) == (7, "")
    assert len(told.read_text()) == 24
    assert held[0] == ""
    assert held[-1] != "", "it was let go of after that"
    assert "l" not in deciders.store


def test_who_does_not_get_it_runs_nothing(
    ask: Ask, deciders: DecidingCluster, tmp_path: Path
) -> None:
    """And is told who has it."""
    with Client(deciders.members) as client, Lock(client, "l", owner="An"):
        done = tmp_path / "done"
        ended = ask("lock", "l", "--wait", "0.1", *python(f"open({str(done)!r}, 'w')"))
    assert (ended.code, ended.out, ended.err) == (1, "", '"l" is held by An.\n')
    assert not done.exists()


def test_a_command_that_is_not_there_leaves_no_lock(ask: Ask, deciders: DecidingCluster) -> None:
    """The next one need not wait for its end."""
    ended = ask("lock", "l", "--", "/no/such/program")
    assert (ended.code, ended.err) == (
        2,
        "Cannot run /no/such/program: No such file or directory.\n",
    )
    assert "l" not in deciders.store


def test_it_is_renewed_as_long_as_the_command_runs(ask: Ask, deciders: DecidingCluster) -> None:
    """Three times in its time to live."""
    ended = ask("lock", "l", "--ttl", "1s", *python("import time; time.sleep(1.5)"))
    assert (ended.code, ended.err) == (0, "")
    renewals = [it for node in deciders.deciding for it in node.conditions]
    assert len([1 for _, condition in renewals if condition.WhichOneof("holds") == "value"]) >= 4


def test_a_lost_lock_ends_the_command_and_is_never_success(
    ask: Ask, deciders: DecidingCluster
) -> None:
    """Somebody else may have it by then."""

    def take_it() -> None:
        time.sleep(0.5)
        deciders.store["l"] = "somebody"

    threading.Thread(target=take_it).start()
    begun_s = time.monotonic()
    obliging = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0)); time.sleep(20)"
    ended = ask("lock", "l", "--ttl", "1s", *python(obliging))
    assert time.monotonic() - begun_s < 10
    assert ended.code == 1
    assert 'The lock "l" is lost: somebody else has it, or it was deleted.\n' in ended.err
    assert "The command is told to end" in ended.err
    assert deciders.store["l"] == "somebody"


def test_a_cluster_that_is_silent_loses_it_when_its_time_is_over(
    ask: Ask, deciders: DecidingCluster
) -> None:
    """Not before: a short trouble is no reason to end a backup."""

    def be_silent() -> None:
        time.sleep(0.4)
        deciders.hang("Put", "Delete", "CheckHealth")

    threading.Thread(target=be_silent).start()
    begun_s = time.monotonic()
    ended = ask("lock", "l", "--ttl", "2s", *python("import time; time.sleep(20)"))
    assert 1.5 < time.monotonic() - begun_s < 10
    assert ended.code == 128 + signal.SIGTERM
    assert 'The lock "l" is lost: ' in ended.err
    deciders.release()


def test_a_signal_is_for_the_command(ask: Ask, deciders: DecidingCluster, tmp_path: Path) -> None:
    """It ends in its own way, and the lock is let go of after that."""
    ready = tmp_path / "ready"

    def kill() -> None:
        while not ready.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    program = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(5));"
        f" open({str(ready)!r}, 'w'); time.sleep(20)"
    )
    threading.Thread(target=kill).start()
    ended = ask("lock", "l", *python(program))
    assert (ended.code, ended.err) == (5, "")
    assert "l" not in deciders.store
