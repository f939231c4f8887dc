"""Servers started for the tour: whatever becomes of them, nothing is left running."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from kvcluster.commands.demo import local_cluster
from kvcluster.commands.demo.local_cluster import ClusterFailed, LocalCluster, free_ports
from kvcluster.console import program

DIES = "import sys; print('no room left'); sys.exit(2)"
STUBBORN = """\
import pathlib, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
pathlib.Path(sys.argv[5], "deaf").touch()
signal.pause()
"""


def _cluster(folder: Path, program: str) -> LocalCluster:
    server = folder / "fake_server.py"
    server.write_text(program)
    return LocalCluster(folder, free_ports(1), server=server)


def test_a_server_that_dies_is_shown_with_its_log(tmp_path: Path) -> None:
    """At once, not when patience ends."""
    with _cluster(tmp_path, DIES) as cluster:
        cluster.start(0)
        with pytest.raises(ClusterFailed) as caught:
            cluster.wait_until_ready()
    assert "exit code 2" in str(caught.value)
    assert "no room left" in str(caught.value)


def test_a_server_that_does_not_come_up_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs, and never answers."""
    monkeypatch.setattr(local_cluster, "_START_PATIENCE_S", 0.2)
    with _cluster(tmp_path, "import signal; signal.pause()") as cluster:
        cluster.start(0)
        with pytest.raises(ClusterFailed, match=f"{cluster.nodes[0]} did not come up"):
            cluster.wait_until_ready()


def test_a_server_that_ignores_ctrl_c_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping it fails; closing the cluster ends it all the same."""
    monkeypatch.setattr(local_cluster, "_STOP_PATIENCE_S", 0.2)
    with _cluster(tmp_path, STUBBORN) as cluster:
        cluster.start(0)
        while not (tmp_path / "deaf").exists():
            pass
        process = cluster._processes[0]
        with pytest.raises(ClusterFailed, match="did not stop"):
            cluster.stop(0)
    assert process.poll() == -signal.SIGKILL


def test_ports_that_are_taken_are_not_chosen() -> None:
    """On any address of localhost."""
    (port,) = free_ports(1)
    assert local_cluster.is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not local_cluster.is_free(port)


def test_a_port_is_not_given_twice_before_anybody_listens_on_it() -> None:
    """A stranger would stand where a node of a cluster comes back, and be taken for it."""
    given = [port for _ in range(30) for port in local_cluster.free_ports(3)]
    assert len(set(given)) == len(given)
    assert set(given) <= set(local_cluster.PORTS)


def test_an_interrupt_is_postponed_and_not_lost() -> None:
    """The work runs to its end first."""
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        _work_and_be_interrupted(steps)
    assert steps == ["before", "after"]


def _work_and_be_interrupted(steps: list[str]) -> None:
    with program.postponed():
        steps.append("before")
        signal.raise_signal(signal.SIGTERM)
        steps.append("after")


def test_what_is_no_json_is_no_data(tmp_path: Path) -> None:
    """Neither is a file that is not there."""
    cluster = LocalCluster(tmp_path, [50051])
    assert cluster.data(0) is None
    cluster.data_file(0).write_text('{"a": ')
    assert cluster.data(0) is None
    cluster.data_file(0).write_text('{"a": "1"}')
    assert cluster.data(0) == {"a": "1"}


def test_only_what_was_logged_since_the_last_start_is_shown(tmp_path: Path) -> None:
    """The file holds more, of the lives before."""
    with _cluster(
        tmp_path, "print('14:03:07  SYNC  caught up'); print('no SYNCING here')"
    ) as cluster:
        for _ in range(2):
            cluster.start(0)
            cluster._processes[0].wait()
        assert cluster.log_lines(0, "SYNC") == ["14:03:07  SYNC  caught up"]


def test_options_reach_the_server(tmp_path: Path) -> None:
    """After those that every server gets."""
    server = tmp_path / "fake_server.py"
    server.write_text("import sys; print('OPTIONS', *sys.argv[-2:])")
    cluster = LocalCluster(tmp_path, free_ports(1), server=server, options=["--replicas", "2"])
    with cluster:
        cluster.start(0)
        cluster._processes[0].wait()
        assert cluster.log_lines(0, "OPTIONS") == ["OPTIONS --replicas 2"]
