"""`make sim`: many random histories, each from its seed (see test_histories.py).

Run it as `python -m tests.cluster.sim COUNT [FIRST]`. A failing seed fails again, the same way.
"""

from __future__ import annotations

import logging
import sys
import traceback

from tests.cluster.test_histories import History
from tests.storage.virtual_loop import run


def main() -> int:
    """Play histories; the exit code is 1 if one of them broke a promise."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    logging.getLogger("kvcluster").setLevel(logging.CRITICAL)
    broken, acknowledged = [], 0
    for seed in range(first, first + count):
        history = History(seed)
        try:
            run(history.run())
        except Exception:
            traceback.print_exc()
            print(f"seed {seed} broke a promise", flush=True)
            broken.append(seed)
        acknowledged += history.acknowledged
    print(
        f"{count} histories, {acknowledged:,} acknowledged writes, broken seeds: {broken or 'none'}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
