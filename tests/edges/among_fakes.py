"""One real server, and two peers that are fake (fake_peer.py).

With two replicas of each key the server holds some slots with each of the two, and must forward
what belongs to both: so it calls every method that there is between nodes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import grpc

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.model.members import Cluster as Members
from kvcluster.model.slots import placement_of, slot_of
from tests.edges.calm import PATIENT
from tests.edges.fake_peer import FakePeer, Script, clock
from tests.processes.harness import Server, eventually

from demo_pb2 import ConfirmPullRequest, ConfirmPullResponse, PeerState, PullRequest, PullResponse
from demo_pb2_grpc import PeerStub

Request = TypeVar("Request", bound=Any)

_HASTE = {
    "heartbeat_interval_s": 0.05,
    "return_interval_s": 0.05,
    "anti_entropy_interval_s": 0.1,
    "anti_entropy_recheck_s": 0.05,
    "anti_entropy_rest": 0.1,
    "hold_entries": 1,
    "tombstone_interval_s": 0.05,
    "tombstone_wait_s": 6.0,
    "message_age_limit_s": 3.0,
}


class AmongFakes:
    """The server, and what its peers say."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(3)
        names = [f"localhost:{port}" for port in ports]
        self._members = names
        self._placement = placement_of(tuple(names), 2)
        self._numbers = itertools.count()
        options = ["--replicas", "2", *PATIENT]
        for setting, value in _HASTE.items():
            options += ["--set", f"{setting}={value}"]
        self.server = Server(ports[0], ",".join(names), folder, options)
        self.peers = names[1:]
        self.script = Script(names, 2)
        self._fakes = [FakePeer(name, self.script) for name in self.peers]

    @property
    def channel(self) -> grpc.Channel:
        """A way to the server, for calls that no stub would make."""
        return self.server.channel

    def start(self) -> None:
        """Start the server, and wait until it counts on its peers."""
        self.server.start()
        self.wait_whole()

    def wait_whole(self) -> None:
        """Return once the server serves and owes nothing."""
        self.server.wait_serving()
        alive = PeerState.ALIVE

        def whole() -> bool:
            told = [member.state for member in self.server.status().members]
            states = [each for each in told if each.node in self.peers]  # the rest are strangers
            return all(each.state == alive and not each.lagging for each in states)

        eventually(whole, "the server counts on all its peers")

    def become_honest(self) -> None:
        """Have the peers answer as they should from now on."""
        self.script.answers.clear()
        if not self.server.running:
            self.server.start()  # the test has failed; the next one shall have its chance
        self.forgive()
        self.wait_whole()

    def forgive(self) -> None:
        """Have the peers catch up, so that they get writes again."""
        eventually(
            lambda: not any(self._catch_up(name) for name in self.peers),
            "what the peers missed is forgotten",
        )

    def keys(self, *, held: bool, led: bool | None = None) -> Iterator[str]:
        """Keys nobody has used that the server holds, or does not; `led`: (not) the primary of."""
        while True:
            key = f"among fakes/{next(self._numbers)}"
            homes = self._placement.replicas(slot_of(key))
            leads = homes[0] == self.server.name
            if (self.server.name in homes) is held and led in (None, leads):
                yield key

    def key(self, *, held: bool, led: bool | None = None) -> str:
        """One of them."""
        return next(self.keys(held=held, led=led))

    @property
    def held(self) -> frozenset[int]:
        """The slots of which the server holds a replica."""
        return self._placement.held(self.server.name)

    def wait_asked(self, method: str, times: int) -> None:
        """Return once a method was called so often."""
        eventually(lambda: self.script.asked[method] >= times, f"{method} is called {times} times")

    def clean_up(self) -> None:
        """End everything."""
        self.server.clean_up()
        for fake in self._fakes:
            fake.close()

    def _catch_up(self, name: str) -> bytes:
        """Pull as this peer; what it missed meanwhile."""
        stub = PeerStub(self.channel)
        page: PullResponse = stub.Pull(self.stamp(PullRequest(), name), timeout=5)
        confirm = self.stamp(ConfirmPullRequest(mark=page.mark), name)
        answer: ConfirmPullResponse = stub.ConfirmPull(confirm, timeout=5)
        return answer.missed_since

    def stamp(self, request: Request, name: str) -> Request:
        """Make a request one of this peer, sent now."""
        request.sender, request.clock = name, clock()
        request.configuration = Members(tuple(self._members), name, 2).digest
        return request
