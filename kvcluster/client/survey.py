"""A survey: every node of the cluster is asked at once how it is, and each is a plain value.

It begins with the nodes that the client knows and goes on to those that only answers name, so one
address is enough. A node that does not answer is a value as well, not an error: whoever looks after
a cluster wants to see it among the others. All of them have the same time, counted from the
beginning; what is named by the last moment and not asked any more is left out.

A node may be known by two addresses. What answers counts once, under the name that it gives itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kvcluster.client.answers import NodeStatus, failure_word, status_word
from kvcluster.client.connection import stop_quietly
from kvcluster.client.failure import Refusal
from kvcluster.client.nodes import Nodes
from kvcluster.client.roster import NODES_LIMIT
from kvcluster.model.members import is_address, split_address

from demo_pb2 import StatusRequest, StatusResponse


class Survey:
    """One survey. Make it inside the event loop."""

    def __init__(self, nodes: Nodes, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._nodes = nodes
        self._ends_s = self._loop.time() + timeout_s
        self._known: set[str] = set()
        self._asked: dict[asyncio.Task[StatusResponse | Refusal], str] = {}
        self._found: dict[str, NodeStatus] = {}

    async def run(self) -> tuple[NodeStatus, ...]:
        """Every node, in the order of its host and port."""
        self._ask(self._nodes.roster.addresses)
        try:
            while self._asked:
                done, _ = await asyncio.wait(self._asked, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self._heard(self._asked.pop(task), task.result())
        finally:
            await stop_quietly(list(self._asked))
        return tuple(sorted(self._found.values(), key=lambda it: split_address(it.node)))

    def _ask(self, addresses: Iterable[str]) -> None:
        left_s = self._ends_s - self._loop.time()
        for address in addresses:
            if address not in self._known and left_s > 0 and len(self._known) < NODES_LIMIT:
                self._known.add(address)
                question = self._nodes.question(address, StatusRequest(), left_s)
                self._asked[self._loop.create_task(question)] = address

    def _heard(self, address: str, answer: StatusResponse | Refusal) -> None:
        """What one address said, or why it did not."""
        if isinstance(answer, Refusal):
            silent = NodeStatus(address, failure_word(answer.kind), answer.reason)
            self._found.setdefault(address, silent)
            return
        name = answer.node if is_address(answer.node) else address
        self._known.add(name)
        self._found[name] = _told(name, answer)
        self._ask(name for name in answer.configuration.members if is_address(name))


def _told(name: str, said: StatusResponse) -> NodeStatus:
    return NodeStatus(
        node=name,
        state=status_word(said.status),
        reason=said.reason,
        keys=said.keys,
        size_bytes=said.size_bytes,
        uptime_s=said.uptime_s,
        disk_full=said.disk_full,
    )
