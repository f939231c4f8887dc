"""Certificates: what one says of who shows it.

TLS has looked at it before anything here does: it was signed by an authority that this node
believes, it is of now, and whoever shows it has its key. What it says is decided here, as little as
possible:

- It is that of a node if it has the organisational unit `kvcluster-node`. An authority that signs
  for clients, too, does not make nodes of them by that.
- It is that of *this* node if one of its subject names, of a host or an address, is the host of the
  name that the node goes by in the member list. So a node that was broken into can pose as itself
  and as nobody else.
- The common name is the name of a client.

Names of hosts are compared without their case, and nothing else: a wildcard in a node's certificate
would make one node of all of them. Several nodes on one machine have one host, so each can pose as
its neighbour there. They can read each other's files as well.

The subject comes as text, as RFC 2253 writes it. A name may have a comma or an equals sign in it,
so it is read mark by mark: `CN=x\\,OU=kvcluster-node` is a strange client, and no node.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kvcluster.errors import BadSetting
from kvcluster.model.members import split_address

NODE_UNIT = "kvcluster-node"
"""The organisational unit of those that are nodes."""
_HEX = "0123456789abcdefABCDEF"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one says."""

    common_name: str
    units: frozenset[str]
    """Organisational units."""
    hosts: frozenset[str]
    """Subject names that are hosts or addresses, as `host_of` has them."""

    @classmethod
    def of(cls, subject: str, hosts: Iterable[str]) -> Certificate:
        """From its subject, in RFC 2253, and its subject names."""
        parts = list(_parts(subject))
        names = [value for kind, value in parts if kind == "CN"]
        units = frozenset(value for kind, value in parts if kind == "OU")
        return cls(names[0] if names else "", units, frozenset(map(_plain, hosts)))

    @property
    def is_of_a_node(self) -> bool:
        """Whether it was made for a node."""
        return NODE_UNIT in self.units

    def names(self, member: str) -> bool:
        """Whether the host of a member, "host:port", is among its subject names."""
        try:
            return _plain(split_address(member)[0]) in self.hosts
        except BadSetting:  # no address at all
            return False


def _plain(host: str) -> str:
    """A host or an address, as it is compared."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.lower()


def _parts(subject: str) -> Iterator[tuple[str, str]]:
    """The attributes of a subject, without what escapes their marks."""
    kind, value, is_value = "", bytearray(), False
    at = 0
    while at < len(subject):
        mark = subject[at]
        at += 1
        if mark == "\\" and at < len(subject):
            pair = subject[at : at + 2]
            if len(pair) == 2 and all(digit in _HEX for digit in pair):
                value.append(int(pair, 16))
                at += 2
            else:
                value += subject[at].encode()
                at += 1
        elif mark in ",+":
            yield kind.strip(), value.decode(errors="replace")
            kind, value, is_value = "", bytearray(), False
        elif mark == "=" and not is_value:
            is_value = True
        elif is_value:
            value += mark.encode(errors="replace")
        else:
            kind += mark
    if is_value:
        yield kind.strip(), value.decode(errors="replace")
