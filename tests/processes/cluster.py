"""Clusters of real servers, with or without a network between them that can be cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.model.slots import placement_of, slot_of
from tests.processes import linked_server
from tests.processes.harness import Server, eventually
from tests.processes.knobs import Knobs
from tests.processes.network import Network

from demo_pb2 import SERVING, PeerState

_PATIENT = {
    "pause_limit_s": 20,
    "replication_timeout_s": 30,
    "read_forward_timeout_s": 30,
    "forward_age_limit_s": 30,
    "heartbeat_timeout_s": 30,
    "connect_timeout_s": 40,
    "ping_timeout_s": 30,
    "suspect_after_s": 30,
    "dead_after_s": 60,
}
PATIENT = [word for name, to in _PATIENT.items() for word in ("--set", f"{name}={to}")]
"""Options for tests in which nothing is meant to fail: on a machine that is busy with other work a
node may be silent for seconds, and it is right to say of a write then that nobody knows its end."""

Misfits = Callable[[dict[str, str]], list[str]]
"""What is wrong with the data, for people; empty if nothing is."""


class Cluster:
    """Some servers that know each other.

    `linked`: they talk through `network`, and have `knobs`. `last_on`: where the last of them keeps
    its data, if not in the same folder.
    """

    def __init__(
        self,
        folder: Path,
        count: int = 3,
        options: Sequence[str] = (),
        *,
        replicas: int = 3,
        linked: bool = False,
        last_on: Path | None = None,
    ) -> None:
        ports = free_ports(count)
        names = [f"localhost:{port}" for port in ports]
        self.members = ",".join(names)
        self._network = Network(names) if linked else None
        self.knobs: dict[Server, Knobs] = {}
        """What can be turned in each server; only if they are linked."""
        self.servers = [self._make(port, folder) for port in ports]
        if last_on:
            self.servers[-1].keep_data_in(last_on)
        self._options = list(options)
        self.resize(replicas)

    def _make(self, port: int, folder: Path) -> Server:
        if self._network is None:
            return Server(port, self.members, folder)
        path = folder / f"knobs_{port}"
        ways = self._network.ways(f"localhost:{port}")
        server = Server(port, self.members, folder, program=linked_server.command(path, ways))
        self.knobs[server] = Knobs(path)
        return server

    def __iter__(self) -> Iterator[Server]:
        return iter(self.servers)

    def __getitem__(self, index: int) -> Server:
        return self.servers[index]

    @property
    def network(self) -> Network:
        """What is between the nodes; only if they are linked."""
        assert self._network is not None
        return self._network

    def resize(self, replicas: int) -> None:
        """From the next start on, every key is on so many nodes."""
        self._placement = placement_of(tuple(self.members.split(",")), replicas)
        for server in self.servers:
            server.options = ["--replicas", str(replicas), *self._options]

    def replicas_of(self, key: str) -> list[Server]:
        """The servers that hold a key, its primary first."""
        by_name = {server.name: server for server in self.servers}
        return [by_name[name] for name in self._placement.replicas(slot_of(key))]

    def strangers_to(self, key: str) -> list[Server]:
        """The servers that do not hold a key."""
        holders = self.replicas_of(key)
        return [server for server in self.servers if server not in holders]

    def keys_on(self, *replicas: Server, prefix: str) -> Iterator[str]:
        """Keys whose first replicas are just these, in this order, without end."""
        for number in range(10**9):
            key = f"{prefix}/{number}"
            if self.replicas_of(key)[: len(replicas)] == list(replicas):
                yield key

    def start(self) -> None:
        """Start every server and wait until all serve and see each other."""
        for server in self.servers:
            server.start()
        self.wait_whole()

    def wait_whole(self, deadline_s: float = 20.0, *, without: Server | None = None) -> None:
        """Return once every server serves, gets all writes and owes nothing to anybody.

        `without`: one that is down, and of which nothing is asked.
        """
        servers = [server for server in self.servers if server is not without]
        names = {server.name for server in servers}
        for server in servers:
            server.wait_serving(deadline_s)

        def whole() -> bool:
            if wrong := [word for server in servers for word in _ails(server, names)]:
                raise ValueError("; ".join(wrong))
            return True

        eventually(whole, "the cluster is whole", deadline_s)

    def wait_heard(self) -> None:
        """Return once every server hears every other."""

        def heard() -> bool:
            return all(server.peer_states() == {PeerState.ALIVE} for server in self.servers)

        eventually(heard, "all nodes hear each other")

    def wait_equal(self, misfits: Misfits, deadline_s: float = 20.0) -> None:
        """Return once the JSON files agree, each pair on its replicas and nowhere else, and fit.

        A file is about a second late, so that files agree proves nothing by itself.
        """

        def equal() -> bool:
            if wrong := misfits(self.data()) or self.differences():
                raise ValueError(f"{len(wrong)} wrong: {wrong[:3]}")
            return True

        eventually(equal, "the JSON files agree", deadline_s)

    def data(self) -> dict[str, str]:
        """What all JSON files hold together."""
        return {key: value for server in self.servers for key, value in server.json().items()}

    def differences(self) -> list[str]:
        """Where the JSON files disagree, for people; empty if they do not."""
        found: dict[str, dict[Server, str]] = defaultdict(dict)
        for server in self.servers:
            for key, value in server.json().items():
                found[key][server] = value
        return [
            f"{key}: " + ", ".join(f"{held.get(server)!r} on {server.name}" for server in self)
            for key, held in found.items()
            if set(held) != set(self.replicas_of(key)) or len(set(held.values())) != 1
        ]

    def mend(self) -> None:
        """Undo every fault: heal the network, start who is down; return once all is whole."""
        if self._network is not None:
            network = self._network
            network.heal()
            network.slow_down(0)
            eventually(lambda: network.whole, "connections that a cut silenced are given up")
        for server in self.servers:
            if not server.running:
                server.start()
        self.wait_whole()

    def clean_up(self) -> None:
        """End everything."""
        for server in self.servers:
            server.clean_up()
        if self._network is not None:
            self._network.close()


def exactly(pairs: Mapping[str, str], prefix: str = "") -> Misfits:
    """Of all keys that begin with `prefix`, just these pairs."""

    def misfits(data: dict[str, str]) -> list[str]:
        held = {key: value for key, value in data.items() if key.startswith(prefix)}
        return [f"{key}: {value}" for key, value in held.items() ^ pairs.items()]

    return misfits


def _ails(server: Server, names: set[str]) -> list[str]:
    """What keeps a server, or one of these peers in its view, from being whole."""
    told = server.status()
    ailments = [] if told.status == SERVING else [f"{server.name} does not serve: {told.reason}"]
    for member in told.members:
        if member.state.node not in names:
            continue  # a stranger, or one that is meant to be down
        if member.state.state != PeerState.ALIVE or member.state.lagging or member.missed_since:
            ailments.append(f"{server.name} thinks of {member.state}, {member.missed} missed")
    return ailments
