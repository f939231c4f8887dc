"""Processor time and memory of processes, as Linux tells them in /proc.

Elsewhere there is none of it, and these columns stay empty. `psutil` would know more systems; it is
not worth an extra for two numbers. A process that has ended counts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_USER, _SYSTEM = 11, 12
"""Places in /proc/PID/stat, counted behind the name of the program, which may hold spaces."""


def is_told() -> bool:
    """Whether this system says what its processes use."""
    return (_PROC / "self" / "stat").exists()


def used_s(pids: Iterable[int]) -> float:
    """Processor time that these processes have used so far, all their threads together."""
    return sum(map(_used_s, pids))


def _used_s(pid: int) -> float:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in use now; 0 where nobody tells."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    sizes = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(sizes[0]) * 1024 if sizes else 0
