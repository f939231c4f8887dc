"""What machine this is, and which versions run on it: what whoever repeats a run must know."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.measure.statistics import quantile

_PACKAGES = (
    "grpcio",
    "protobuf",
    "orjson",
    "redis",
    "hiredis",
    "asyncpg",
    "pysyncobj",
    "diskcache",
)
_SYNCS = 200


def facts(folder: Path) -> dict[str, str]:
    """The machine, in words. `folder`: where the systems keep their files in this run."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "one fdatasync": f"{_sync_s(folder) * 1e3:.2f} ms (median)",
    }


def busy() -> float:
    """How many processors others want, for each that there is."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def versions() -> dict[str, str]:
    """Python and the packages that are measured, as far as they are installed."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit(tree: Path) -> str:
    """The commit of a checkout, "+" behind it if there are changes; empty without git."""
    number = _said(["git", "-C", str(tree), "rev-parse", "--short", "HEAD"])
    changed = _said(["git", "-C", str(tree), "status", "--porcelain", "--untracked-files=no"])
    return f"{number}+" if number and changed else number


def first_line(command: Sequence[str]) -> str:
    """The first line that a program prints; empty if it cannot be run."""
    return _said(command).partition("\n")[0]


def _said(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _sync_s(folder: Path) -> float:
    """How long the disk takes for the sync that every write waits for."""
    times_s = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(bytes(200))
            begun_s = time.perf_counter()
            os.fdatasync(file.fileno()) if hasattr(os, "fdatasync") else os.fsync(file.fileno())
            times_s.append(time.perf_counter() - begun_s)
    return quantile(times_s, 0.5)
