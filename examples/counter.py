"""A counter to which many add at once. `python examples/counter.py [NODES]`

Eight threads add a hundred, one by one. With `put(key, str(int(get(key)) + 1))` most of it would be
lost, since others put between the two.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from kvcluster import Client, OutcomeUnknown, Unavailable
from kvcluster.recipes import Counter

THREADS, EACH = 8, 100


def main(nodes: str) -> None:
    """Count."""
    with Client(nodes, timeout_s=30) as client:
        client.delete("examples/counter")
        counter = Counter(client, "examples/counter")

        def add(_: int) -> tuple[int, int]:
            certain = unknown = 0
            for _ in range(EACH):
                try:
                    counter.add()
                    certain += 1
                except OutcomeUnknown:  # perhaps counted; not to be tried again
                    unknown += 1
                except Unavailable:  # certainly not counted
                    pass
            return certain, unknown

        with ThreadPoolExecutor(THREADS) as pool:
            sums = list(pool.map(add, range(THREADS)))
        certain, unknown = (sum(column) for column in zip(*sums, strict=True))
        value = counter.value()
        print(f"{certain} added for certain, {unknown} perhaps: the counter says {value}")
        assert certain <= value <= certain + unknown


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "localhost:50051")
