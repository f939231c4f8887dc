"""A power cut on a real file system: what was not synced is gone, for all nodes at once.

ext4 on a loop file, shut down by FS_IOC_GOINGDOWN without flushing its log: every I/O fails from
that moment on, and the next mount shows what would have survived. In that moment itself the kernel
says yes to a few syncs that it is just cutting off: a program of ten lines loses what they covered,
too. No disk with a real plug does so, so what was acknowledged since the cut began counts as
unknown.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.cluster import Cluster
from tests.processes.load import Load

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not sys.platform.startswith("linux"),
    reason="needs root on Linux, to mount a file system and to shut it down",
)

_GOING_DOWN, _WITHOUT_FLUSHING = 0x8004587D, 2


class Disk:
    """A small ext4 that can lose power."""

    def __init__(self, folder: Path) -> None:
        self._image = folder / "disk.img"
        self.mounted_at = folder / "mnt"
        self.mounted_at.mkdir()
        self._image.write_bytes(b"")
        os.truncate(self._image, 64 * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    def mount(self) -> None:
        """Switch it on."""
        _run("mount", "-o", "loop", str(self._image), str(self.mounted_at))

    def cut_power(self) -> None:
        """From now on every read and write fails; what was not synced is lost."""
        fd = os.open(self.mounted_at, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _GOING_DOWN, struct.pack("I", _WITHOUT_FLUSHING))
        finally:
            os.close(fd)

    def unmount(self, *how: str) -> None:
        """Take it out."""
        _run("umount", *how, str(self.mounted_at))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot run {command[0]} here: {error}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that is switched on."""
    made = Disk(tmp_path)
    made.mount()
    yield made
    made.unmount("-l")


def test_power_cut_of_all_nodes_under_load_loses_nothing(disk: Disk, tmp_path: Path) -> None:
    """Every node stops with an error; after the next mount every acknowledged write is there."""
    cluster = Cluster(disk.mounted_at)
    for server in cluster:
        server.log_path = tmp_path / f"{server.port}.log"
    try:
        for turn in range(2):
            cluster.start()
            with Load(cluster.servers, prefix=f"turn{turn}") as load:
                load.goes_on()
                floors = load.floors()
                disk.cut_power()
                assert [server.wait() for server in cluster] == [1, 1, 1]
            disk.unmount()
            disk.mount()
            cluster.start()
            load.assert_kept(cluster.servers, floors)
            for server in cluster:
                server.kill()
    finally:
        cluster.clean_up()
