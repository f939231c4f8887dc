"""What a server looks like that was not shaken: it runs, complains of no bug, does not grow."""

from __future__ import annotations

from pathlib import Path

from kvcluster.config import MIB
from tests.processes.harness import Server

PATIENT = [
    *("--set", "pause_limit_s=20"),
    *("--set", "replication_timeout_s=25"),
    *("--set", "heartbeat_timeout_s=10"),
    *("--set", "connect_timeout_s=11"),
    *("--set", "suspect_after_s=20"),
    *("--set", "dead_after_s=40"),
]
"""Options for servers of which no test here wants to know how fast they notice a fault: a machine
that is busy for a moment is no edge.
"""
_SHAKEN = [
    "Traceback",
    "BUG",
    "Exception",
    "Task was destroyed",
    "never retrieved",
    "stops at once",
]
_LONGEST_LINE = 1_200


def must_be_calm(server: Server, since: int = 0) -> None:
    """It runs, and nothing in its log from a place on is for us; each line is for people."""
    log = server.log(since)
    assert server.running, f"{server.name} ended:\n{log[-3_000:]}"
    for word in _SHAKEN:
        at = log.find(word)
        assert at < 0, f"{server.name} says {word}:\n{log[max(0, at - 500) : at + 3_000]}"
    for line in log.splitlines():
        assert len(line) <= _LONGEST_LINE, f"{server.name}: a line of {len(line):,}: {line[:200]}"
        assert line.isprintable(), f"{server.name}: {line[:200]!r}"


def memory_mib(server: Server) -> float:
    """What it holds in memory now."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * 4096 / MIB
