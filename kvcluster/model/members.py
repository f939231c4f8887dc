"""Members: who belongs to the cluster, how many of them hold each key, and which one this node is.

A member is known by one string, `host:port`, exactly as the member list spells it. That string is
its name everywhere: in logs, hints on disk and messages. It is parsed here and nowhere else.

Names and versions are kept apart on purpose: a node may come back with an empty folder under the
same name, and its versions are still told from the old ones by the incarnation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xxhash import xxh3_64_intdigest

from kvcluster.errors import BadSetting
from kvcluster.model.slots import SLOTS

DEFAULT_CLUSTER = "localhost:50051,localhost:50052,localhost:50053"
"""The three of the walk, for programs that nobody told of others."""
DEFAULT_REPLICAS = 3
_PORT_LIMIT = 65_535
_EVERYWHERE = ("0.0.0.0", "::")


def split_address(address: str) -> tuple[str, int]:
    """Split "host:port" ("[::1]:port" for IPv6) into its parts. Raises BadSetting."""
    host, colon, port = address.rpartition(":")
    bare = ":" in host
    if host.startswith("[") and host.endswith("]"):
        host, bare = host[1:-1], False
    if bare:
        raise BadSetting(f"not an address: {address!r}; IPv6 has brackets: [::1]:50051")
    if not colon or not host or any(c.isspace() or c in "/,;=[]" for c in host):
        raise BadSetting(f"not an address: {address!r}; want host:port, like localhost:50051")
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _PORT_LIMIT):
        raise BadSetting(f"port {port!r} in {address!r} is not a number from 1 to {_PORT_LIMIT}")
    return host, int(port)


def is_address(text: str) -> bool:
    """Whether it is "host:port"; for what others name, which is not to be trusted."""
    try:
        split_address(text)
    except BadSetting:
        return False
    return True


@dataclass(frozen=True)
class Cluster:
    """What all nodes must agree about, and which member this node is."""

    members: tuple[str, ...]
    """In the order of the list, which means nothing."""
    self_name: str
    replicas: int = DEFAULT_REPLICAS
    """How many members hold each key."""

    def __post_init__(self) -> None:
        assert self.self_name in self.members
        object.__setattr__(self, "replicas", min(self.replicas, len(self.members)))

    @property
    def peers(self) -> tuple[str, ...]:
        """Every member but this node."""
        return tuple(member for member in self.members if member != self.self_name)

    @property
    def digest(self) -> int:
        """64 bits that two nodes share only if they have the same members, R and slots."""
        text = "\n".join([*sorted(self.members), str(self.replicas), str(SLOTS)])
        return xxh3_64_intdigest(text.encode())

    def difference(self, node: str, members: Iterable[str], replicas: int, slots: int) -> str:
        """How another node's configuration differs from this one's; empty if they agree.

        The sentence names both, because both of them will show it.
        """
        theirs, ours, me = set(members), set(self.members), self.self_name
        parts = []
        if missing := sorted(ours - theirs):
            parts.append(f"{me} counts {' and '.join(missing)} as a member and {node} does not")
        if added := sorted(theirs - ours):
            parts.append(f"{node} counts {' and '.join(added)} as a member and {me} does not")
        if replicas != self.replicas:
            parts.append(f"{node} keeps {replicas} replicas of each key and {me} {self.replicas}")
        if slots != SLOTS:
            parts.append(f"{node} cuts the keys into {slots:,} slots and {me} into {SLOTS:,}")
        return "; ".join(parts)


def parse_members(text: str) -> tuple[str, ...]:
    """Parse "h:p,h:p,..." into member names. Raises BadSetting for a bad or repeated one."""
    members = tuple(part.strip() for part in text.split(",") if part.strip())
    if not members:
        raise BadSetting("the member list is empty; want host:port,host:port,...")
    for index, member in enumerate(members):
        split_address(member)
        if member in members[:index]:
            raise BadSetting(f"{member} stands twice in the member list")
    return members


def check_replicas(replicas: int | None, members: tuple[str, ...]) -> int:
    """How many replicas a key has if a person asked for so many. Raises BadSetting."""
    if replicas is None:
        return min(DEFAULT_REPLICAS, len(members))
    if not 1 <= replicas <= len(members):
        raise BadSetting(
            f"--replicas {replicas} is out of range: with {len(members)} members a key can have"
            f" 1 to {len(members)} replicas"
        )
    return replicas


def find_self(members: tuple[str, ...], port: int, host: str | None, name: str | None) -> str:
    """Find the member that a server with this port and host is.

    `name` if it is given. Else `host:port` if the list has it; else the only member with that
    port, and `host` just says where to listen (0.0.0.0, say). Raises BadSetting when no member or
    several fit.
    """
    if name is not None:
        if name in members:
            return name
        raise BadSetting(
            f"--name {name} is no member of this cluster; its members are {', '.join(members)}"
        )
    for member in members:
        if split_address(member) == (host, port):
            return member
    matches = [member for member in members if split_address(member)[1] == port]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise BadSetting(
            f"port {port} fits {' and '.join(matches)};"
            " say which with --name, spelled as in the list"
        )
    raise BadSetting(
        f"port {port} is no member of this cluster; its members are {', '.join(members)}. Name all"
        " members with --cluster, this node too, and the same on every node:"
        f" {port} --cluster {','.join([*members, _join_address(host, port)])}"
    )


def _join_address(host: str | None, port: int) -> str:
    """What a node may be called that listens there; a wildcard is no name for others to dial."""
    host = host if host and host not in _EVERYWHERE else "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
