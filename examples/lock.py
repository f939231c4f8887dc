"""A lock, and what makes it one: the fence. `python examples/lock.py [NODES]`

Two workers change one report, each under the lock. The first is stopped for longer than its lock
lasts, as a full machine or a closed lid does it, and goes on as if nothing had happened. The report
is kept by somebody who looks at the fence, so nothing happens.
"""

from __future__ import annotations

import sys
import time

from kvcluster import Client, Version
from kvcluster.recipes import Lock


class Report:
    """What the lock is about. It may be a file server, a printer, another database."""

    def __init__(self) -> None:
        self.text = ""
        self._newest = Version()

    def write(self, text: str, fence: Version) -> bool:
        """Take a change, unless a later holder of the lock was here before; whether it was."""
        if fence < self._newest:
            return False
        self.text, self._newest = text, fence
        return True


def main(nodes: str) -> None:
    """Show it."""
    report = Report()
    with Client(nodes) as client:
        first = Lock(client, "examples/lock", ttl_s=1, owner="the first worker")
        assert first.acquire()
        fence = first.fence
        assert fence is not None
        print(f"{client.get('examples/lock')} holds the lock, and is stopped")
        time.sleep(1)  # ... and somewhere the lock expires

        with Lock(client, "examples/lock", ttl_s=30, owner="the second worker") as second:
            assert second.fence is not None
            print(f"{client.get('examples/lock')} holds the lock")
            print("the second worker writes:", report.write("by the second", second.fence))

        print("the first goes on, and writes:", report.write("by the first", fence))
        print("did the first still hold it?", first.release())
    print(f"the report was written {report.text}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "localhost:50051")
