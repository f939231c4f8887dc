"""kill -9 under load: what was acknowledged is there afterwards, everywhere."""

from __future__ import annotations

from tests.processes.cluster import Cluster
from tests.processes.load import Load


def test_kill_of_one_node_under_load_loses_nothing(cluster: Cluster) -> None:
    """A node killed and started again has every write that was acknowledged meanwhile."""
    with Load(cluster.servers) as load:
        for victim in (cluster[0], cluster[1]):
            load.goes_on()
            victim.kill()
            load.goes_on()
            victim.start()
            victim.wait_serving()
    cluster.wait_whole()
    load.assert_kept(cluster.servers)


def test_kill_of_all_nodes_at_once_under_load_loses_nothing(cluster: Cluster) -> None:
    """After kill -9 of the whole cluster under load every acknowledged write is still there."""
    for turn in range(2):
        with Load(cluster.servers, prefix=f"turn{turn}") as load:
            load.goes_on(300)
            for server in cluster:
                server.kill()
        for server in cluster:
            server.start()
        cluster.wait_whole()
        load.assert_kept(cluster.servers)
