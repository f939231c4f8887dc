"""Cuts: nodes that live and cannot hear each other, by a TCP proxy on every way between them.

Clients reach every node all the time, so both sides of a cut take writes. After the heal nobody
asks for anything: the nodes must become equal by themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.processes.cluster import Cluster
from tests.processes.harness import eventually
from tests.processes.load import Load, Weather
from tests.processes.proxy import Mode

from demo_pb2 import PeerState

GONE = {PeerState.SUSPECT, PeerState.DEAD}


def one_node(cluster: Cluster, mode: Mode) -> None:
    """One node hears nobody, and nobody hears it."""
    cluster.network.cut_off(cluster[0].name, mode)


def halves(cluster: Cluster, mode: Mode) -> None:
    """Two nodes and three."""
    names = [server.name for server in cluster]
    cluster.network.cut_apart([names[0], names[4]], names[1:4], mode)


def one_way(cluster: Cluster, mode: Mode) -> None:
    """The second node hears nothing of the first, which hears all that it says."""
    cluster.network.cut([(cluster[0].name, cluster[1].name)], mode)


@pytest.mark.parametrize(
    ("cut", "mode"), [(one_node, Mode.STALL), (halves, Mode.HOLD), (one_way, Mode.LOSE)]
)
def test_cut_loses_nothing_and_heals_by_itself(
    five: Cluster, cut: Callable[[Cluster, Mode], None], mode: Mode
) -> None:
    """Within seconds every acknowledged write and delete holds on all replicas, unasked."""
    prefix = f"{cut.__name__}/{mode.value}"
    with Load(five.servers, prefix, threads=4, reads=0.2) as load:
        load.goes_on()
        load.weather = Weather.wild()
        cut(five, mode)
        eventually(lambda: five[0].thinks(five[1]) in GONE, "the cut is noticed")
        load.goes_on()
        five.network.heal()
    five.wait_whole()
    five.wait_equal(load.misfits)
    load.assert_kept(five.servers)
    eventually(lambda: not any(server.status().tombstones for server in five), "tombstones go")
