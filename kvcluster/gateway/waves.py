"""Waves: a batch cut so that no key comes twice in one, and each key's operations keep their order.

The operations of a wave are carried out together, in any order; a wave begins when the one before
it has ended. So the first operation on each key is in the first wave, the second in the second.
Nearly every batch is one wave. It makes two promises of the API hold on engines that have neither:
that operations of a batch on one key happen in their order, and (since etcd refuses a transaction
that writes a key twice) that a key may come twice at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kvcluster.errors import KvError
from kvcluster.model.operation import Operation


def waves(operations: Sequence[Operation | KvError]) -> list[list[int]]:
    """The places of the operations, wave by wave; one that cannot be is in none."""
    cut: list[list[int]] = []
    seen: Counter[str] = Counter()
    for place, operation in enumerate(operations):
        if isinstance(operation, KvError):
            continue
        number = seen[operation.key]
        seen[operation.key] += 1
        if number == len(cut):
            cut.append([])
        cut[number].append(place)
    return cut
