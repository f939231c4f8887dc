"""Certificates: a strange subject is a strange client, and no node."""

from __future__ import annotations

import pytest

from kvcluster.security.certificates import Certificate

SUBJECTS = {
    "CN=localhost,OU=kvcluster-node": ("localhost", True),
    "OU=kvcluster-node+CN=a": ("a", True),
    "CN=a,OU=ops,OU=kvcluster-node,O=x": ("a", True),
    "CN=a": ("a", False),
    "": ("", False),
    "CN=": ("", False),
    r"CN=a\,OU=kvcluster-node": ("a,OU=kvcluster-node", False),
    r"CN=a\2COU=kvcluster-node": ("a,OU=kvcluster-node", False),
    r"CN=H\C3\A0 N\E1\BB\99i": ("Hà Nội", False),
    "CN=OU=kvcluster-node": ("OU=kvcluster-node", False),
    "OU=kvcluster-nodes,CN=a": ("a", False),
    "ou=kvcluster-node,CN=a": ("a", False),
    "2.5.4.11=kvcluster-node,CN=a": ("a", False),
    "CN=a\\": ("a\\", False),
    r"CN=\ff": ("�", False),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects_are_read_mark_by_mark(subject: str) -> None:
    """A comma in a name makes no organisational unit."""
    it = Certificate.of(subject, [])
    assert (it.common_name, it.is_of_a_node) == SUBJECTS[subject]


@pytest.mark.parametrize(
    ("hosts", "member", "names"),
    [
        (["Node1"], "node1:50051", True),
        (["node1"], "NODE1:50052", True),
        (["node1"], "node2:50051", False),
        (["node1"], "node1.example.org:1", False),
        (["*"], "node1:1", False),
        (["*.example.org"], "node1.example.org:1", False),
        (["::1"], "[::1]:1", True),
        (["0:0:0:0:0:0:0:1"], "[::1]:1", True),
        (["127.0.0.1"], "127.0.0.1:1", True),
        (["127.0.0.1"], "localhost:1", False),
        (["node1"], "node1", False),
        (["node1"], "", False),
        ([], "node1:1", False),
    ],
)
def test_a_member_is_named_by_its_host_as_it_is(hosts: list[str], member: str, names: bool) -> None:
    """Nothing is guessed: no wildcard, no shorter name, no address looked up."""
    assert Certificate.of("", hosts).names(member) is names
