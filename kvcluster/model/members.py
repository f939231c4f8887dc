"""Members: who belongs to the cluster, and which of them this node is.

A member is known by one string, `host:port`, exactly as the member list spells it. That string is
its name everywhere: in logs, notes on disk and messages. It is parsed here and nowhere else.

Names and versions are kept apart on purpose: a node may come back with an empty folder under the
same name, and its versions are still told from the old ones by the incarnation.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvcluster.errors import BadSetting

_PORT_LIMIT = 65_535


def split_address(address: str) -> tuple[str, int]:
    """Split "host:port" ("[::1]:port" for IPv6) into its parts. Raises BadSetting."""
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not colon or not host or any(c.isspace() or c in "/,=[]" for c in host):
        raise BadSetting(f"not an address: {address!r}; want host:port, like localhost:50051")
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _PORT_LIMIT):
        raise BadSetting(f"port {port!r} in {address!r} is not a number from 1 to {_PORT_LIMIT}")
    return host, int(port)


@dataclass(frozen=True)
class Cluster:
    """The members in the order of the list, and which one this node is."""

    members: tuple[str, ...]
    self_name: str

    @property
    def peers(self) -> tuple[str, ...]:
        """Every member but this node."""
        return tuple(member for member in self.members if member != self.self_name)


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


def find_self(members: tuple[str, ...], port: int, host: str | None) -> Cluster:
    """Find the member that a server with this port and host is.

    `host:port` if the list has it; else the only member with that port, and `host` just says
    where to listen (0.0.0.0, say). Raises BadSetting when no member or several fit.
    """
    for member in members:
        if split_address(member) == (host, port):
            return Cluster(members, member)
    matches = [member for member in members if split_address(member)[1] == port]
    if len(matches) == 1:
        return Cluster(members, matches[0])
    if matches:
        raise BadSetting(
            f"port {port} fits {' and '.join(matches)};"
            " say which with --host, spelled as in the list"
        )
    raise BadSetting(
        f"port {port} is no member of this cluster; its members are {', '.join(members)}"
    )
