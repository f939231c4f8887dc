"""The membership, from the place of each member, against a look at every slot's replicas."""

from __future__ import annotations

import pytest

from kvcluster.cluster.peers.membership import Membership
from kvcluster.model.members import Cluster
from kvcluster.model.slots import SLOTS, Placement
from tests.cluster.memory import FIVE
from tests.cluster.memory import NAMES as THREE


@pytest.mark.parametrize(("members", "replicas"), [(FIVE, 1), (FIVE, 2), (THREE, 3)])
def test_what_a_member_sees_is_what_all_others_see(members: tuple[str, ...], replicas: int) -> None:
    """Held, led, shared and the others of a slot, against a look at every slot's replicas."""
    placement = Placement(members, replicas)
    every = [placement.replicas(slot) for slot in range(SLOTS)]
    for name in members:
        home = Membership(Cluster(members, name, replicas))
        mine = [slot for slot in range(SLOTS) if name in every[slot]]
        assert home.held == frozenset(mine)
        assert home.leads() == [slot for slot in range(SLOTS) if every[slot][0] == name]
        for peer in members:
            if peer != name:
                assert home.shared(peer) == [slot for slot in mine if peer in every[slot]]
        for slot in range(0, SLOTS, 17):
            assert home.replicas(slot) == every[slot]
            assert home.others(slot) == tuple(each for each in every[slot] if each != name)
