"""What this machine is, and which faults it can inject: probed once, and told in the report."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import ExitStack
from pathlib import Path

import google.protobuf
import grpc

from tests.processes.harness import ROOT
from tests.processes.small_disk import SmallDisk, why_no_file_size_limit

_DISK_KIB = 16 * 1024


class Machine:
    """Its small disk lasts as long as `stack`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.cannot: dict[str, str] = {}
        """Faults that cannot be injected here, by name, and why."""
        self.small_disk: SmallDisk | None = None
        try:
            self.small_disk = stack.enter_context(SmallDisk(folder / "small-disk", _DISK_KIB))
        except OSError as error:
            self.cannot["fill small disk"] = str(error)
        if why := why_no_file_size_limit():
            self.cannot["limit file sizes"] = why

    @staticmethod
    def describe() -> str:
        """The machine and the versions of all that matters, in a line."""
        who = "root" if os.geteuid() == 0 else "not root"
        return (
            f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, {who}; Python"
            f" {platform.python_version()}, grpcio {grpc.__version__},"
            f" protobuf {google.protobuf.__version__}"
        )


def commit() -> str:
    """Which version of the code runs, as git names it."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def peak_mib(pid: int) -> float:
    """The most memory that a process ever had resident; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
