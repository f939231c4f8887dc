"""An election: two candidates, one leader. `python examples/election.py [NODES]`

Each candidate is an asynchronous task here; in earnest each is a program on a machine of its own.
The leader does a piece of work, renews, and resigns after three. Then the other one leads.
"""

from __future__ import annotations

import asyncio
import sys

from kvcluster import AsyncClient
from kvcluster.recipes import AsyncElection


async def candidate(client: AsyncClient, name: str) -> None:
    """Wait to lead; lead for a while; resign."""
    election = AsyncElection(client, "examples/leader", ttl_s=10, name=name)
    await election.campaign()
    print(f"{await election.leader()} leads")
    for piece in range(3):
        if not await election.renew():
            print(f"{name} leads no longer")
            return
        print(f"  {name} does piece {piece + 1}")  # handing election.term to whatever it changes
        await asyncio.sleep(0.05)
    await election.resign()


async def main(nodes: str) -> None:
    """Have two of them."""
    async with AsyncClient(nodes) as client:
        await asyncio.gather(candidate(client, "An"), candidate(client, "Bình"))
        election = AsyncElection(client, "examples/leader")
        print(f"{await election.leader() or 'nobody'} leads")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "localhost:50051"))
