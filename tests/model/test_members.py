"""The member list: parsed in one place, and wrong ones are named."""

from __future__ import annotations

import pytest

from kvcluster.errors import BadSetting
from kvcluster.model.members import Cluster, find_self, parse_members, split_address

THREE = ("localhost:50051", "localhost:50052", "localhost:50053")


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
    cluster = find_self(THREE, 50052, None)
    assert cluster == Cluster(THREE, "localhost:50052")
    assert cluster.peers == ("localhost:50051", "localhost:50053")


def test_the_host_decides_where_ports_are_equal() -> None:
    """One port on three machines: --host says which one this is, spelled as in the list."""
    members = ("10.0.0.1:7000", "10.0.0.2:7000", "[::1]:7000")
    assert find_self(members, 7000, "10.0.0.2").self_name == "10.0.0.2:7000"
    assert find_self(members, 7000, "::1").self_name == "[::1]:7000"
    with pytest.raises(BadSetting, match="--host"):
        find_self(members, 7000, None)
    with pytest.raises(BadSetting, match="--host"):
        find_self(members, 7000, "0.0.0.0")


def test_a_host_to_listen_on_need_not_be_a_member() -> None:
    """0.0.0.0 says where to listen, and the port says who it is."""
    assert find_self(THREE, 50053, "0.0.0.0").self_name == "localhost:50053"


def test_a_port_that_is_no_member_is_refused_with_the_list() -> None:
    """The message says what would have been right."""
    with pytest.raises(BadSetting, match=r"50059.*localhost:50051, localhost:50052"):
        find_self(THREE, 50059, "localhost")
