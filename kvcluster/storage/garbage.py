"""Garbage: how the collector is kept away from the entries of a table. It can stop a node for long.

There are three ways:

- `undisturbed` has it wait while a start makes a million of them, and hides them then.
- A slot is a dict of a class of its own. The collector takes a plain dict off its lists when all in
  it is atoms, and puts it back with the next entry, as young: so after each full collection random
  writes made it visit every entry of the store again, 20 to 90 ms at a time among a million. One
  of a class stays where it was hidden, and is never visited again.
- Entries are plain tuples of atoms, which the collector drops from its lists the first time it
  sees them. But it decides by objects made less objects freed, and overwriting frees one for each
  that it makes: it would not look for a long time, and then at all of them (20 ms for 30,000).
  So the table has it look at the young ones itself, now and then.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from kvcluster.model.entry import Entry

_YOUNG_ENTRIES = 1_000


class TrackedDict(dict[str, Entry]):
    """The entries of one slot: a dict that the collector goes on tracking, see above."""

    __slots__ = ()


class Nursery:
    """Has the collector look at new entries, when there are some."""

    def __init__(self) -> None:
        self._young = 0  # made since it last looked

    def made(self, entries: int) -> None:
        """So many were made."""
        self._young += entries
        if self._young >= _YOUNG_ENTRIES:
            self._young = 0
            gc.collect(0)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Load a table in peace: the collector waits, and at the end all is hidden from it.

    A full collection at a million keys visits every key and takes a good part of a second.
    """
    collects = gc.isenabled()
    gc.collect()  # or what was thrown away before would be kept for ever
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
