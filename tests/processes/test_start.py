"""Starting: what is refused, with a sentence and exit code 2, and what is loaded."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from tests.processes.cluster import Cluster
from tests.processes.harness import ROOT, Server, eventually, run_script


def assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """The script ended with code 2, with these words and without a traceback."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["50999"], ["50999", "no member", "50999 --cluster localhost:50051,", "localhost:50999"]),
        (["not-a-port"], ["not-a-port"]),
        ([], ["PORT"]),
        (["50051", "--cluster", "localhost"], ["localhost", "host:port"]),
        (["50051", "--cluster", "localhost:50051,localhost:50051"], ["twice"]),
        (["50051", "--cluster", "localhost:99999"], ["99999"]),
        (["50051", "--set", "heartbeat_interval=1"], ["heartbeat_interval_s"]),
        (["50051", "--set", "heartbeat_interval_s=soon"], ["soon"]),
        (["50051", "--set", "heartbeat_interval_s"], ["NAME=VALUE"]),
        (["50051", "--fsync", "sometimes"], ["sometimes"]),
        (["50051", "--log-level", "loud"], ["loud"]),
        (["50051", "--host", "203.0.113.1"], ["203.0.113.1"]),
    ],
)
def test_bad_command_line_is_refused(arguments: list[str], words: list[str]) -> None:
    """A bad option ends with one sentence that names it."""
    assert_refused(run_script("server.py", *arguments), *words)


def test_data_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A folder inside a file, say: the sentence names it."""
    (tmp_path / "file").write_text("")
    (port,) = free_ports(1)
    arguments = ["--cluster", f"localhost:{port}", "--data-dir", str(tmp_path / "file" / "folder")]
    assert_refused(run_script("server.py", str(port), *arguments), "file: it is not a folder")


def test_second_server_on_one_port_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """The same command in a second terminal says that it runs in the first."""
    other = tmp_path / "other"
    arguments = ["--cluster", cluster.members, "--data-dir", str(other)]
    words = ["in use", f"{cluster[0].name} itself, which runs already and says SERVING"]
    assert_refused(run_script("server.py", str(cluster[0].port), *arguments), *words)


def test_second_server_on_one_data_folder_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """Another address with the same port and folder would write the same files: refused."""
    port = cluster[0].port
    arguments = ["--cluster", f"127.0.0.2:{port}", "--data-dir", str(tmp_path)]
    assert_refused(
        run_script("server.py", str(port), *arguments), "in use by another server", str(port)
    )


def test_hand_made_json_is_loaded_and_replicated(unstarted: Cluster) -> None:
    """A flat JSON object written by a person is served by its node and reaches the others."""
    unstarted[0].json_path.write_text(json.dumps({"tay": "viết", "a": "1"}), encoding="utf-8")
    unstarted.start()
    for server in unstarted:
        eventually(lambda server=server: server.get("tay").value == "viết", "the pair is there")  # type: ignore[misc]
    assert unstarted[1].put("a", "2").acknowledged == 3
    assert unstarted[0].get("a").value == "2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"ok": "v", "count": 5}', ["'count'", "a number", "not a string"]),
        ('{"": "v"}', ["key ''"]),
        ('["a"]', ["flat JSON object"]),
    ],
)
def test_hand_made_json_with_a_bad_pair_is_refused_and_untouched(
    unstarted: Cluster, text: str, words: list[str]
) -> None:
    """The sentence names the key, and the file stays as it was."""
    server = unstarted[0]
    server.json_path.write_text(text)
    server.start()
    assert server.wait() == 2
    assert "Traceback" not in server.log()
    for word in words:
        assert word in server.log()
    assert server.json_path.read_text() == text


BEFORE = {"kept": "before", "changed": "before", "removed": "before"}
BY_HAND = {"kept": "before", "changed": "by hand", "added": "by hand"}


def stopped_with(cluster: Cluster, pairs: dict[str, str]) -> None:
    """Store pairs, wait until they are in every file, and stop all nodes."""
    for key, value in pairs.items():
        cluster[0].put(key, value)
    eventually(lambda: all(server.json() == pairs for server in cluster), "the files have it")
    for server in cluster:
        server.interrupt()


def test_edit_while_peers_have_the_keys_is_called_an_edit_and_undone(cluster: Cluster) -> None:
    """It was called damage. Whoever starts the node first gains nothing: nobody can tell an edit
    from a flipped bit, and the peers' copies are whole.
    """
    stopped_with(cluster, BEFORE)
    edited = cluster[0]
    edited.json_path.write_text(json.dumps(BY_HAND))
    since = len(edited.log())
    edited.start()
    eventually(lambda: "no peer is up" in edited.health().reason, "it waits for a peer")
    cluster[1].start()
    cluster[2].start()
    cluster.wait_whole()
    expected = {**BEFORE, "added": "by hand"}
    eventually(lambda: edited.json() == expected, "what was edited is back, what was added stands")
    assert "2 pairs new or changed, 2 that this node had stored changed or gone" in edited.log(
        since
    )
    assert "use put, delete or import" in edited.log(since)
    assert "damage" not in edited.log(since)


def test_edit_stands_when_the_others_have_no_files(cluster: Cluster) -> None:
    """The way to edit a whole store by hand, as docs/files.md tells it."""
    stopped_with(cluster, BEFORE)
    cluster[0].json_path.write_text(json.dumps(BY_HAND))
    cluster[1].lose_folder()
    cluster[2].lose_folder()
    for server in cluster:
        server.start()
    cluster.wait_whole()
    eventually(lambda: all(server.json() == BY_HAND for server in cluster), "all have the edit")


def test_edit_of_a_node_without_peers_stands_with_salvage(tmp_path: Path) -> None:
    """It refuses first, in a sentence that says so; then the file is what counts, for good."""
    (port,) = free_ports(1)
    server = Server(port, f"localhost:{port}", tmp_path)
    try:
        server.start()
        server.wait_serving()
        server.put("k", "before")
        server.interrupt()
        server.json_path.write_text('{"k": "by hand"}')
        server.start()
        assert server.wait() == 2
        assert "was edited: 1 pair new or changed" in server.log()
        for options in (["--salvage"], []):
            server.start(*options)
            server.wait_serving()
            assert server.get("k").value == "by hand"
            server.interrupt()
    finally:
        server.clean_up()


def test_broken_json_is_set_aside_and_restored_from_the_peers(cluster: Cluster) -> None:
    """A node whose JSON was destroyed keeps a copy of it and gets its data from its peers."""
    cluster[0].put("k", "v")
    cluster[2].interrupt()
    cluster[2].json_path.write_text("{ not json")
    cluster[2].start()
    cluster.wait_whole()
    assert cluster[2].get("k").value == "v"
    assert list(cluster[2].data_dir.glob("*.corrupt-*"))
    eventually(lambda: cluster[2].json() == {"k": "v"}, "the JSON is whole again")


def test_lost_folder_refills_from_the_peers(cluster: Cluster) -> None:
    """A node that lost everything comes back with everything."""
    for number in range(100):
        cluster[0].put(f"k{number}", "v")
    cluster[1].kill()
    cluster[1].json_path.unlink()
    shutil.rmtree(cluster[1].wal)
    cluster[1].start()
    cluster.wait_whole()
    assert cluster[1].health().keys == 100


def test_damaged_data_without_any_peer_is_served_only_with_salvage(unstarted: Cluster) -> None:
    """A node that lost acknowledged writes and finds no peer answers no read, until told to."""
    server = unstarted[0]
    server.start()
    server.wait_serving()
    server.put("k", "v")
    server.interrupt()
    server.json_path.write_text("{ not json")
    server.start()
    eventually(lambda: "salvage" in server.health().reason, "it says what is wrong")
    server.interrupt()
    server.start("--salvage")
    server.wait_serving()


def test_second_interrupt_ends_at_once(unstarted: Cluster) -> None:
    """A second Ctrl+C does not wait for the goodbye to a peer that never answers."""
    server = unstarted[0]
    with socket.create_server(("127.0.0.1", unstarted[1].port)):  # accepts, and says nothing
        # A goodbye may take as long as the time between two heartbeats.
        settings = ["heartbeat_interval_s=60", "suspect_after_s=61", "dead_after_s=62"]
        server.start(*(word for setting in settings for word in ("--set", setting)))
        eventually(lambda: server.health().node == server.name, "it listens")
        server.signal(signal.SIGINT)
        eventually(lambda: "finishing what is in flight" in server.log(), "it is stopping")
        server.signal(signal.SIGINT)
        assert server.wait(timeout_s=10) == 130


def test_hello_says_where_the_data_is_and_whether_it_is_new(tmp_path: Path) -> None:
    """Who started it in another folder than yesterday sees so, and does not wonder where it is."""
    (port,) = free_ports(1)
    (tmp_path / "here").mkdir()
    command = [sys.executable, str(ROOT / "server.py"), str(port)]
    command += ["--cluster", f"localhost:{port}", "--data-dir", "data"]
    for holds in ("new, empty", "keys: 0"):
        process = subprocess.Popen(
            command, cwd=tmp_path / "here", stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        said = next(line for line in process.stderr if "its data is in" in line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        path = tmp_path / "here" / "data" / f"data_node_{port}.json"
        assert said.endswith(f"its data is in {path}, {holds}\n")


def test_single_member_is_a_cluster_of_one(tmp_path: Path) -> None:
    """One node alone is a durable dict."""
    port = free_ports(1)[0]
    server = Server(port, f"localhost:{port}", tmp_path)
    try:
        server.start()
        server.wait_serving()
        answer = server.put("k", "v")
        assert (answer.acknowledged, answer.replicas) == (1, 1)
        server.kill()
        server.start()
        server.wait_serving()
        assert server.get("k").value == "v"
    finally:
        server.clean_up()
