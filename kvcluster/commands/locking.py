"""`client.py lock`: run a command while a lock is held.

The lock is the one of the recipes (recipes/lock.py), renewed three times in its time to live as
long as the command runs. Ctrl+C goes to the command, as the terminal has it, and `kill` is passed
on; the lock is let go of when the command has ended, and its exit code is ours.

A lock can be lost: this machine is stopped, or the cluster cannot be reached, for longer than it
lasts. Then somebody else may have it, so the command is told to end (SIGTERM), and it is not called
done whatever it says. Until it ends both run: what must not happen twice needs the fence, which the
command finds in KV_LOCK_FENCE.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from kvcluster.commands.command import Asks, Call, Command, Work
from kvcluster.console import arguments
from kvcluster.console.arguments import argument, seconds, word
from kvcluster.console.screen import Exit, complain, give_up, shown
from kvcluster.errors import KvError, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from kvcluster.recipes import Lock

FENCE = "KV_LOCK_FENCE"
_TTL_S = 30.0
_SOON_S = 1.0
_BY_SIGNAL = 128
_PASSED_ON = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def _prepare(call: Call) -> Work:
    if call.json:
        call.refuse("what is printed is the command's; there is nothing to say in JSON")
    return partial(_run, call)


def _run(call: Call) -> int:
    """Acquire, run, let go; return the exit code."""
    from kvcluster import Client
    from kvcluster.recipes import Lock

    key, ttl_s = call.options.key, call.options.ttl or _TTL_S
    with Client(call.nodes, timeout_s=min(call.timeout_s, ttl_s / 3)) as client:
        lock = Lock(client, key, ttl_s=ttl_s)
        try:
            if not lock.acquire(call.options.wait):
                holder = client.get(key)
                complain(f'"{shown(key)}" is held by {shown(holder or "somebody else")}.')
                return Exit.NOT_SO
            return _while_held(call, lock)
        except KvError as error:
            return give_up(error)


def _while_held(call: Call, lock: Lock) -> int:
    """Run the command, and let go of the lock whatever becomes of it."""
    words: Sequence[str] = call.options.words
    assert lock.fence is not None
    try:
        process = subprocess.Popen(words, env={**os.environ, FENCE: lock.fence.hex()})
    except OSError as error:
        lock.release()
        complain(f"Cannot run {shown(words[0])}: {error.strerror or error}.")
        return Exit.BAD_USAGE
    with _passed_on(process):
        kept = _kept_until_it_ends(lock, process)
    code = process.returncode
    code = code if code >= 0 else _BY_SIGNAL - code
    return code if _let_go(lock, kept) else code or Exit.NOT_SO


def _kept_until_it_ends(lock: Lock, process: subprocess.Popen[bytes]) -> bool:
    """Renew the lock until the command has ended; whether it was ours all the time."""
    renewed_s = time.monotonic()
    while True:
        due_s = renewed_s + lock.ttl_s / 3
        try:
            process.wait(max(0.0, due_s - time.monotonic()))
            return True
        except subprocess.TimeoutExpired:
            pass
        try:
            lost, why = not lock.renew(), "somebody else has it, or it was deleted"
            renewed_s = time.monotonic()
        except (Unavailable, OutcomeUnknown) as error:
            lost, why = not lock.held, str(error)
            renewed_s = time.monotonic() - lock.ttl_s / 3 + min(_SOON_S, lock.ttl_s / 6)
        if lost:
            complain(f'The lock "{shown(lock.key)}" is lost: {why}.')
            complain("The command is told to end; until it does, somebody else may hold the lock.")
            process.terminate()
            process.wait()
            return False


def _let_go(lock: Lock, kept: bool) -> bool:
    """Release it; whether it was ours until now."""
    try:
        was_ours = lock.release()
    except KvError as error:
        complain(f'The lock "{shown(lock.key)}" could not be released, and expires: {error}.')
        return kept
    if kept and not was_ours:
        complain(f'The lock "{shown(lock.key)}" was lost before the command ended.')
    return kept and was_ours


@contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """While the command runs, signals are for it. The terminal sends it Ctrl+C by itself."""

    def pass_on(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT and process.poll() is None:
            process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in [signal.SIGINT, *_PASSED_ON]}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMAND = Command(
    text="run a command while a lock is held",
    page="lock KEY -- COMMAND   run a command while a lock is held",
    epilog="""\
It waits until the lock is free, holds it while the command runs, and ends with
the command's exit code. The lock is a key that expires --ttl after it was last
renewed, so that of a program that died is free again. If it is lost meanwhile,
because this machine slept or the cluster could not be reached for that long,
the command is told to end, and the exit code is not 0. Until then two may run:
what must not happen twice needs the fence, a version that grows with each
holder. The command finds it in KV_LOCK_FENCE.

examples:
  client.py lock backup -- ./backup.sh
  client.py lock backup --wait 1 -- ./backup.sh      give up after a second
  client.py lock report --ttl 2m -- ./report.sh

exit codes:
  1  the lock was not free in time, or it was lost; or that of the command
  2  the command cannot be run; or that of the command
  3  no node could be reached; or that of the command
  others are those of the command; 128 and more: a signal ended it
""",
    asks=Asks.ONE_NODE,
    in_shell=False,
    arguments=(
        word("key", "the key of the lock"),
        argument("words", text="the command, behind --", metavar="COMMAND", nargs="+"),
        arguments.ttl(f"how long it is held without being renewed (default: {_TTL_S:g}s)"),
        argument(
            "--wait", text="give up after so long (default: never)", metavar="S", type=seconds
        ),
    ),
    prepare=_prepare,
)
