"""The second act of the tour: a cluster in which each node holds only its part of the keys.

With `--replicas 2` on three nodes, one node of the three holds nothing of a key. It takes requests
for it all the same, and forwards them to one that does; the client says to whom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kvcluster.client.failure import CallFailed
from kvcluster.client.link import Link
from kvcluster.commands.demo.local_cluster import ClusterFailed
from kvcluster.commands.demo.stage import Stage

_KEY, _VALUE = "capital", "Hà Nội"
_TIMEOUT_S = 5.0


class TourOfParts:
    """Its stops, in order."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._nodes = stage.cluster.nodes

    def run(self) -> None:
        """All stops. Raises ClusterFailed when a server does not come up."""
        self._stage.heading("A second cluster: two replicas of each key, on three nodes")
        for number in range(len(self._nodes)):
            self._stage.start(number)
        self._stage.cluster.wait_until_ready()
        self._stage.ask("locate", _KEY, "--node", self._nodes[0])
        homes = self._homes()
        self._forward(homes)
        self._look_into_files(homes)
        self._stage.ask_status()

    def _homes(self) -> Sequence[str]:
        try:
            with Link(self._nodes[0], timeout_s=_TIMEOUT_S) as link:
                homes = [replica.node for replica in link.locate(_KEY).replicas]
        except CallFailed as failure:
            raise ClusterFailed(f"{self._nodes[0]}: {failure}") from None
        self._stage.checklist.check("its replicas", expected="2", got=str(len(homes)))
        return homes

    def _forward(self, homes: Sequence[str]) -> None:
        elsewhere = next(node for node in self._nodes if node not in homes)
        forwarded = [f"forwarded to {home}" for home in homes]
        self._stage.heading(f"{elsewhere} holds nothing of it, and takes requests all the same")
        self._stage.check(
            "put", _KEY, _VALUE, node=elsewhere, prints=f"stored, 2 of 2 replicas, {forwarded[0]}"
        )
        self._stage.check(
            "get",
            _KEY,
            "--verbose",
            node=elsewhere,
            prints=_VALUE,
            # The primary, unless it was still catching up when it was heard last.
            says=tuple(f"asked {elsewhere}, {where}" for where in forwarded),
        )

    def _look_into_files(self, homes: Sequence[str]) -> None:
        self._stage.heading("It is in the files of its two replicas, and every node gives it")
        contents = [{_KEY: _VALUE} if node in homes else {} for node in self._nodes]
        self._stage.wait_for_files(contents)
        for number, node in enumerate(self._nodes):
            self._stage.checklist.check(
                self._stage.cluster.data_file(number).name,
                expected=_holding(contents[number]),
                got=_holding(self._stage.cluster.data(number) or {}),
            )
            self._stage.check("get", _KEY, node=node, prints=_VALUE)


def _holding(data: Mapping[str, str]) -> str:
    return "holds it" if _KEY in data else "does not hold it"
