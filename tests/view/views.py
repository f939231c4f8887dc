"""What nodes may say in Status, as values: no sockets, no clocks.

`view` is a node that answers, `silent` one that does not. A view says of the others what it is
told to, ALIVE if it is told nothing else.
"""

from __future__ import annotations

from typing import Any

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.view.health import View

from demo_pb2 import SERVING, Configuration, MemberStatus, PeerState, StatusResponse

A, B, C = "localhost:50051", "localhost:50052", "localhost:50053"
NAMES = (A, B, C)
ALIVE, SUSPECT, DEAD, UNKNOWN = (
    PeerState.ALIVE,
    PeerState.SUSPECT,
    PeerState.DEAD,
    PeerState.UNKNOWN,
)
REFUSED = "connection refused, nothing listens there"


def says(node: str, state: int = ALIVE, **fields: Any) -> MemberStatus:
    """One node's opinion of another, for 12 s."""
    lagging = fields.pop("lagging", False)
    peer = PeerState(node=node, state=state, lagging=lagging)  # type: ignore[arg-type]
    return MemberStatus(state=peer, **{"since_s": 12.0, **fields})


def view(
    node: str,
    *opinions: MemberStatus,
    names: tuple[str, ...] = NAMES,
    address: str = "",
    **fields: Any,
) -> View:
    """A node that answers, with its opinions of the others; ALIVE where none is given."""
    given = {opinion.state.node: opinion for opinion in opinions}
    configuration = Configuration(members=sorted(names), replicas=3, slots=4096)
    answer = StatusResponse(
        node=node,
        members=[given.get(name, says(name)) for name in names if name != node],
        **{
            "status": SERVING,
            "configuration": configuration,
            "keys": 12_000,
            "size_bytes": 1_500_000,
            "primary_slots": 1365,
            "replica_slots": 4096,
            "checkpoint_age_s": 1.0,
            "uptime_s": 200.0,
            "fsync": True,
            **fields,
        },
    )
    return View(address or node, 0.001, answer)


def silent(node: str, kind: FailureKind = FailureKind.UNREACHABLE, reason: str = REFUSED) -> View:
    """A node that does not answer."""
    return View(node, 0.001, CallFailed(kind, reason, nothing_written=True))
