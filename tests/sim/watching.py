"""Watching a table: whoever wants to know hears of all that a node stores and forgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kvcluster.model.entry import Entry, Verdict, Version
from kvcluster.storage.table import Table

Storing = Callable[[str, str, Entry], None]
"""Called for an entry that a node is about to have in its table: node, key, entry."""
Dropping = Callable[[str, str, Version, Entry], None]
"""Called when a node is about to forget a key: up to which version, and what it holds."""


def watch(
    name: str, table: Table, storing: Sequence[Storing], dropping: Sequence[Dropping]
) -> None:
    """Tell of what a node has found on its disk, and of all that changes from now on."""
    for key, entry in table.items():
        for stored in storing:
            stored(name, key, entry)
    apply, drop = table.apply, table.drop

    def apply_and_tell(key: str, entry: Entry, expires_ms: int = 0) -> Verdict:
        if table.judge(key, entry, expires_ms).stores:
            for stored in storing:
                stored(name, key, entry)
        return apply(key, entry, expires_ms)

    def drop_and_tell(key: str, version: Version) -> bool:
        held = table.get(key)
        if held is not None and held[1] <= version:
            for dropped in dropping:
                dropped(name, key, version, held)
        return drop(key, version)

    table.apply = apply_and_tell  # type: ignore[method-assign]
    table.drop = drop_and_tell  # type: ignore[method-assign]
