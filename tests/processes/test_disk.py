"""Disks that fill up and disks that break, under real servers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually
from tests.processes.small_disk import SmallDisk, file_size_limit

Code = grpc.StatusCode

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None or not sys.platform.startswith("linux"),
    reason="needs strace to make a real fsync fail",
)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Server]:
    """One server that is a cluster of its own, not started."""
    port = free_ports(1)[0]
    server = Server(port, f"localhost:{port}", tmp_path)
    try:
        yield server
    finally:
        server.clean_up()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of 256 KiB."""
    try:
        with SmallDisk(tmp_path / "small", 256) as disk:
            yield disk
    except OSError as error:
        pytest.skip(f"cannot mount a small file system here: {error}")


def test_full_disk_refuses_writes_serves_reads_and_recovers(small_disk: SmallDisk) -> None:
    """Reads go on, writes say RESOURCE_EXHAUSTED, and work again once there is room."""
    port = free_ports(1)[0]
    server = Server(port, f"localhost:{port}", small_disk.folder)
    server.log_path = small_disk.folder.parent / "server.log"
    try:
        server.start("--set", "checkpoint_interval_s=3600")
        server.wait_serving()
        server.put("k", "v")
        small_disk.fill()
        codes = [code_of_put(server, f"k{number}", "x" * 5_000) for number in range(10)]
        assert Code.RESOURCE_EXHAUSTED in codes
        assert set(codes) <= {Code.INTERNAL, Code.RESOURCE_EXHAUSTED, None}
        assert server.get("k").value == "v"
        assert server.status().disk_full
        small_disk.make_room()
        eventually(lambda: not server.status().disk_full, "the room is found, though nobody writes")
        eventually(lambda: code_of_put(server, "after", "v") is None, "writes work again")
        server.kill()
        server.start()
        server.wait_serving()
        assert (server.get("k").value, server.get("after").value) == ("v", "v")
    finally:
        server.clean_up()


def test_partial_write_leaves_no_torn_frame(alone: Server) -> None:
    """A file-size limit makes the kernel write half a frame: the journal stays readable."""
    alone.start("--set", "checkpoint_interval_s=3600")
    alone.wait_serving()
    alone.put("k", "v")
    with file_size_limit(alone.pid, 20_000):
        codes = [code_of_put(alone, f"k{number}", "x" * 3_000) for number in range(20)]
        alone.kill()
    assert codes[-1] is Code.RESOURCE_EXHAUSTED
    stored = [number for number, code in enumerate(codes) if code is None]
    assert stored
    alone.start()
    alone.wait_serving()
    assert "damaged" not in alone.log()
    assert all(alone.get(f"k{number}").found for number in stored)
    assert alone.get("k").value == "v"


@needs_strace
def test_failed_fsync_stops_the_node_and_loses_nothing(cluster: Cluster) -> None:
    """The node ends with a message and does not try again; the others have every answered write."""
    victim = cluster[0]
    for number in range(10):
        victim.put(f"k{number}", "v")
    with failing_fsync(victim):
        assert code_of_put(victim, "lost?", "v") in {Code.INTERNAL, Code.UNAVAILABLE}
        assert victim.wait() == 1
    assert "fsync" in victim.log()
    assert "Traceback" not in victim.log()
    assert cluster[1].put("after", "v").acknowledged == 2
    victim.start()
    cluster.wait_whole()
    for number in range(10):
        assert victim.get(f"k{number}").found


@needs_strace
def test_failed_fsync_while_stopping_is_not_called_complete(alone: Server) -> None:
    """A stop that could not write its last checkpoint says so and does not exit with 0."""
    alone.start("--set", "checkpoint_interval_s=3600")
    alone.wait_serving()
    alone.put("k", "v")
    with failing_fsync(alone):
        assert alone.interrupt() == 1
    assert "complete" not in alone.log()
    assert "fsync" in alone.log()
    alone.start()
    alone.wait_serving()
    assert alone.get("k").value == "v"


@contextmanager
def failing_fsync(server: Server) -> Iterator[None]:
    """Every sync of this server fails, until it ends."""
    inject = ["strace", "-f", "-p", str(server.pid), "-o", "/dev/null", "-e", "trace=fdatasync"]
    inject += ["-e", "inject=fdatasync:error=EIO"]
    with subprocess.Popen(inject, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        if "attached" not in strace.stderr.readline():
            pytest.skip("strace cannot attach here")
        yield
        strace.wait(20)


def code_of_put(server: Server, key: str, value: str) -> grpc.StatusCode | None:
    """The status code that a Put fails with, or None."""
    try:
        server.put(key, value)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return None
