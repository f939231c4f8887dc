"""A node in the test's own process and event loop: real sockets and files, and every task in sight.

It is `server.py` without its signals: what that wires together is wired together here, so that a
test can count the tasks of the loop before and after, and look into the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from kvcluster.cluster.peers.channels import Channels
from kvcluster.cluster.peers.surroundings import Surroundings
from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.config import Settings
from kvcluster.gateway.gateway import Gateway
from kvcluster.model.members import Cluster
from kvcluster.node import Node
from kvcluster.server.activity import Activity
from kvcluster.server.budgets import Intake
from kvcluster.server.listening import make_server
from server import offer
from tests.processes.knobs import Knobs, SlowDisk


def make_node(
    folder: Path, settings: Settings, *, name: str = "", sync_delay_s: float = 0.0
) -> Node:
    """A cluster of one, its files loaded; each sync of its disk takes so much longer."""
    name = name or f"localhost:{free_ports(1)[0]}"
    knobs = Knobs(folder / "knobs")
    knobs.slow_down_disk(sync_delay_s)
    around = Surroundings(disk=SlowDisk(knobs))
    node = Node(Cluster((name,), name), folder, settings, surroundings=around)
    node.open()
    return node


@asynccontextmanager
async def serving(node: Node | Gateway, intake: Intake | None = None) -> AsyncIterator[str]:
    """The node serves at this address; it is stopped cleanly, and must not have failed."""
    if isinstance(node, Node):
        await node.start(Channels((), node.settings))
    else:
        await node.start()
    name = node.name
    server = make_server(node.settings, [name])
    activity = Activity(name, node.settings)
    offer(server, node, activity, intake or Intake.of(node.settings))
    await server.start()
    node.meet_peers()
    try:
        yield name
        assert not node.failed.done()
    finally:
        await node.drain()
        await server.stop(1.0)
        await node.stop()


def count_tasks() -> int:
    """How many tasks this loop has that are not over."""
    return len(asyncio.all_tasks())


async def until(holds: Callable[[], bool], deadline_s: float = 10.0) -> None:
    """Return once something holds; if it never does, show the tasks that are there."""
    end_s = asyncio.get_running_loop().time() + deadline_s
    while not holds():
        tasks = "\n".join(sorted(str(task) for task in asyncio.all_tasks()))
        assert asyncio.get_running_loop().time() < end_s, f"it never came about; tasks:\n{tasks}"
        await asyncio.sleep(0.01)
