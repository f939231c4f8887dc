"""One of our servers that also watches how long its event loop stands still.

    python -m bench.systems.probed FILE -- PORT OPTIONS

A task sleeps for two milliseconds again and again. How much later than that it wakes is how long
others could not be answered, but for the sleep itself; the latest is written to FILE. It is begun
beside everything else that a server does, in the one place where its event loop begins; what it
costs is the same with checkpoints and without.

Rejected: asking the server from outside every few milliseconds. It would measure the caller's own
event loop and both ways through the kernel, too.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import server

_SLEEP_S = 0.002
_WRITE_EVERY_S = 0.25


def main(arguments: list[str]) -> int:
    """Run one node; its exit code."""
    end = arguments.index("--")
    run = server.run

    async def run_watched(*given: Any) -> int:
        watch = asyncio.create_task(_watch(Path(arguments[0])))
        try:
            return await run(*given)
        finally:
            watch.cancel()

    server.run = run_watched  # type: ignore[assignment]
    return server.main(arguments[end + 1 :])


async def _watch(file: Path) -> None:
    """Write the longest pause since the file was last taken away."""
    longest_s, written_s = 0.0, time.perf_counter()
    while True:
        begun_s = time.perf_counter()
        await asyncio.sleep(_SLEEP_S)
        now_s = time.perf_counter()
        longest_s = max(longest_s, now_s - begun_s - _SLEEP_S)
        if now_s - written_s > _WRITE_EVERY_S:
            longest_s = _write(file, longest_s)
            written_s = time.perf_counter()


def _write(file: Path, longest_s: float) -> float:
    """Write it, or begin anew if somebody took the file away; the longest pause that counts."""
    counts_s = longest_s if file.exists() else 0.0
    file.write_text(str(counts_s))
    return counts_s


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
