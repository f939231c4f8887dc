"""The member list: parsed in one place, and wrong ones are named."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.errors import BadSetting
from kvcluster.model.members import (
    Cluster,
    check_replicas,
    find_self,
    parse_members,
    split_address,
)
from kvcluster.model.slots import SLOTS

THREE = ("localhost:50051", "localhost:50052", "localhost:50053")
FIVE = ("a:1", "b:2", "c:3", "d:4", "e:5")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("localhost:50051", ("localhost", 50051)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("[::1]:65535", ("::1", 65535)),
        ("kv-1.example.org:80", ("kv-1.example.org", 80)),
    ],
)
def test_addresses_split(address: str, parts: tuple[str, int]) -> None:
    """Host names, IPv4, and IPv6 in brackets."""
    assert split_address(address) == parts


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        ":50051",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:-1",
        "localhost:+1",
        "localhost: 1",
        "localhost:5x",
        "localhost:５０",  # full-width digits
        "local host:1",
        "a/b:1",
        "a=b:1",
        "[::1:50051",
        "::1]:50051",
        "[]:50051",
    ],
)
def test_what_is_no_address_is_refused_by_name(address: str) -> None:
    """The message quotes what was given."""
    with pytest.raises(BadSetting) as caught:
        split_address(address)
    assert repr(address) in str(caught.value) or repr(address.rpartition(":")[2]) in str(caught)


def test_a_member_list_keeps_its_order_and_forgives_spaces() -> None:
    """The order is the same on every node, and people write spaces after commas."""
    assert parse_members(" b:2, a:1 ,c:3,") == ("b:2", "a:1", "c:3")


@pytest.mark.parametrize("text", ["", " , ", "a:1,a:1", "a:1,b", "a:1, a:1"])
def test_a_bad_member_list_is_refused(text: str) -> None:
    """Empty, repeated, or with something in it that is no address."""
    with pytest.raises(BadSetting):
        parse_members(text)


def test_a_node_finds_itself_by_its_port() -> None:
    """The mission's command line: `server.py 50052` and nothing else."""
    assert find_self(THREE, 50052, None, None) == "localhost:50052"


def test_the_host_decides_where_ports_are_equal() -> None:
    """One port on three machines: --host says which one this is, spelled as in the list."""
    members = ("10.0.0.1:7000", "10.0.0.2:7000", "[::1]:7000")
    assert find_self(members, 7000, "10.0.0.2", None) == "10.0.0.2:7000"
    assert find_self(members, 7000, "::1", None) == "[::1]:7000"
    with pytest.raises(BadSetting, match="--name"):
        find_self(members, 7000, None, None)
    with pytest.raises(BadSetting, match="--name"):
        find_self(members, 7000, "0.0.0.0", None)


def test_a_host_to_listen_on_need_not_be_a_member() -> None:
    """0.0.0.0 says where to listen, and the port says who it is."""
    assert find_self(THREE, 50053, "0.0.0.0", None) == "localhost:50053"


@pytest.mark.parametrize(("port", "host"), [(7000, "0.0.0.0"), (7000, None), (9, "172.17.0.2")])
def test_a_name_says_who_it_is_wherever_it_listens(port: int, host: str | None) -> None:
    """One port on three machines, each listening everywhere; or behind a mapped port."""
    members = ("10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000")
    assert find_self(members, port, host, "10.0.0.2:7000") == "10.0.0.2:7000"


def test_a_name_that_is_no_member_is_refused_with_the_list() -> None:
    """A slip in the name must not start some other member's life."""
    with pytest.raises(BadSetting, match=r"--name localhost:50059 .* localhost:50051, "):
        find_self(THREE, 50051, None, "localhost:50059")


def test_a_port_that_is_no_member_is_refused_with_the_list() -> None:
    """The message says what would have been right."""
    with pytest.raises(BadSetting, match=r"50059.*localhost:50051, localhost:50052"):
        find_self(THREE, 50059, "localhost", None)


@pytest.mark.parametrize(
    ("host", "named"),
    [
        (None, "localhost:50059"),
        ("0.0.0.0", "localhost:50059"),
        ("::", "localhost:50059"),
        ("node-d", "node-d:50059"),
        ("fd00::1", "[fd00::1]:50059"),
    ],
)
def test_the_list_that_is_proposed_has_the_port_in_it(host: str | None, named: str) -> None:
    """Who pastes it behind the program has a node that starts."""
    with pytest.raises(BadSetting) as caught:
        find_self(THREE, 50059, host, None)
    port, _, members = str(caught.value).rpartition(": ")[2].partition(" --cluster ")
    assert port == "50059"
    assert find_self(parse_members(members), 50059, host, None) == named


# ---------------------------------------------------------------- what all must agree about


def test_a_member_is_no_peer_of_itself() -> None:
    """And the order of the list is kept."""
    cluster = Cluster(THREE, "localhost:50052")
    assert cluster.peers == ("localhost:50051", "localhost:50053")


def test_a_key_has_no_more_replicas_than_there_are_members() -> None:
    """The default of three fits a cluster of one, too, and all its nodes agree what that means."""
    assert Cluster(THREE, THREE[0]).replicas == 3
    assert Cluster(THREE[:1], THREE[0]).replicas == 1
    assert Cluster(THREE[:2], THREE[0], 5).digest == Cluster(THREE[:2], THREE[1], 2).digest


@pytest.mark.parametrize(("asked", "replicas"), [(None, 3), (1, 1), (2, 2), (5, 5)])
def test_replicas_that_can_be_had_are_taken_as_asked(asked: int | None, replicas: int) -> None:
    """Nothing asked for is three."""
    assert check_replicas(asked, FIVE) == replicas


@pytest.mark.parametrize("count", [1, 2])
def test_replicas_nobody_asked_for_fit_a_small_cluster(count: int) -> None:
    """One terminal alone, or two, start without an option."""
    assert check_replicas(None, FIVE[:count]) == count


@pytest.mark.parametrize("asked", [-1, 0, 6])
def test_replicas_that_cannot_be_had_are_refused_with_the_range(asked: int) -> None:
    """More than there are members would quietly be fewer, so it is said before anything starts."""
    with pytest.raises(BadSetting, match=f"--replicas {asked} .* 5 members .* 1 to 5 replicas"):
        check_replicas(asked, FIVE)


@given(st.permutations(FIVE), st.sampled_from(FIVE), st.sampled_from(FIVE), st.integers(1, 5))
def test_nodes_whose_lists_are_in_another_order_agree(
    members: list[str], one: str, other: str, replicas: int
) -> None:
    """Whoever they are: same digest, and nothing to say about each other."""
    here, there = Cluster(FIVE, one, replicas), Cluster(tuple(members), other, replicas)
    assert here.digest == there.digest
    assert here.difference(other, there.members, there.replicas, SLOTS) == ""


def test_any_difference_in_members_or_replicas_is_another_digest() -> None:
    """Nodes must notice before they place one key in two ways."""
    subsets = [names for size in range(1, 6) for names in itertools.combinations(FIVE, size)]
    digests = {
        (names, replicas): Cluster(names, names[0], replicas).digest
        for names in subsets
        for replicas in range(1, len(names) + 1)
    }
    assert len(set(digests.values())) == len(digests)
    assert all(0 <= digest < 1 << 64 for digest in digests.values()), "it must fit into a fixed64"


def test_the_digest_of_the_default_cluster_is_what_it_was() -> None:
    """Pinned: nodes of two releases that place keys alike must not refuse each other."""
    assert Cluster(THREE, THREE[0], 3).digest == 0x915152A81DE73CBB


@pytest.mark.parametrize(
    ("members", "replicas", "slots", "sentence"),
    [
        (FIVE, 3, 4096, ""),
        (FIVE[:4], 3, 4096, "a:1 counts e:5 as a member and b:2 does not"),
        (FIVE[1:4], 3, 4096, "a:1 counts a:1 and e:5 as a member and b:2 does not"),
        ((*FIVE, "f:6"), 3, 4096, "b:2 counts f:6 as a member and a:1 does not"),
        (FIVE, 2, 4096, "b:2 keeps 2 replicas of each key and a:1 3"),
        (FIVE, 3, 1024, "b:2 cuts the keys into 1,024 slots and a:1 into 4,096"),
        (
            ("b:2", "c:3", "d:4", "e:50", "a:1"),
            2,
            8192,
            "a:1 counts e:5 as a member and b:2 does not;"
            " b:2 counts e:50 as a member and a:1 does not;"
            " b:2 keeps 2 replicas of each key and a:1 3;"
            " b:2 cuts the keys into 8,192 slots and a:1 into 4,096",
        ),
    ],
)  # fmt: skip
def test_each_difference_is_a_sentence_that_names_both_nodes(
    members: tuple[str, ...], replicas: int, slots: int, sentence: str
) -> None:
    """A person at night must see which of two command lines is wrong, on either terminal."""
    assert Cluster(FIVE, "a:1").difference("b:2", members, replicas, slots) == sentence


def test_a_node_that_says_nothing_of_its_configuration_differs() -> None:
    """An empty message, from an older release say, must not pass for agreement."""
    assert Cluster(FIVE, "a:1").difference("b:2", (), 0, 0) == (
        "a:1 counts a:1 and b:2 and c:3 and d:4 and e:5 as a member and b:2 does not;"
        " b:2 keeps 0 replicas of each key and a:1 3;"
        " b:2 cuts the keys into 0 slots and a:1 into 4,096"
    )
