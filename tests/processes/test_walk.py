"""The mission's walk, as a person does it, with the real scripts."""

from __future__ import annotations

from tests.processes.cluster import Cluster
from tests.processes.harness import eventually, run_script


def test_walk_demo_health_files_stop_and_return(cluster: Cluster) -> None:
    """The demo holds, health is good, the files are equal; a stopped node is missed and returns."""
    names = [server.name for server in cluster]
    demo = run_script("client.py", "--cluster", cluster.members)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert run_script("health_check_client.py", *names).returncode == 0

    cluster[0].put("chào", "thế giới 🌏")
    for server in cluster:
        eventually(lambda server=server: server.json() == {"chào": "thế giới 🌏"}, "the JSON files")  # type: ignore[misc]
    assert len({server.json_path.read_bytes() for server in cluster}) == 1

    assert cluster[2].interrupt() == 0
    assert run_script("health_check_client.py", *names).returncode == 1
    assert run_script("client.py", "--cluster", cluster.members).returncode == 0
    assert cluster[0].put("missed", "by the third").acknowledged == 2
    assert cluster[1].delete("chào").acknowledged == 2

    cluster[2].start()
    cluster.wait_whole()
    assert cluster[2].get("missed").value == "by the third"
    assert not cluster[2].get("chào").found
    assert cluster[1].put("all", "again").acknowledged == 3


def test_clean_stop_leaves_the_json_complete(cluster: Cluster) -> None:
    """A write acknowledged just before Ctrl+C stands in the JSON file of the stopped node."""
    for number in range(50):
        cluster[0].put(f"key{number}", "v")
    for server in cluster:
        assert server.interrupt() == 0
        assert len(server.json()) == 50
        assert "Traceback" not in server.log()


def test_dead_node_costs_at_most_one_round(cluster: Cluster) -> None:
    """With a node killed, writes are acknowledged by the two others and say so."""
    cluster[1].kill()
    assert [cluster[0].put("a", str(n)).acknowledged for n in range(5)] == [2] * 5
    assert cluster[2].get("a").value == "4"


def test_one_node_left_takes_reads_and_writes(cluster: Cluster) -> None:
    """One live replica is enough, and what it took alone reaches the others when they return."""
    cluster[1].kill()
    cluster[2].kill()
    eventually(lambda: cluster[0].put("alone", "yes").acknowledged == 1, "one of three")
    assert cluster[0].get("alone").value == "yes"
    cluster[0].kill()
    cluster[1].start()
    cluster[1].wait_serving()
    cluster[0].start()
    eventually(lambda: cluster[1].get("alone").value == "yes", "the write comes over")
