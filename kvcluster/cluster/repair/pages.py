"""Pages: which entries go to a peer that asks, in portions that hold nobody up.

Entries go by slot, by key within a slot, and a cursor says where to go on; no state is kept between
pages. A page looks at a bounded number of entries, so that a pull of few among a million never
holds the node up; it may be empty and still not be the last.

Tombstones are never left out because digests agree: a digest covers live entries only. A key that
has expired goes as one, with its expiry, by which the peer knows what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kvcluster.config import Settings
from kvcluster.model.digest import entry_hash
from kvcluster.model.entry import Entry, Version, is_tombstone, version_of
from kvcluster.storage.table import Table

from demo_pb2 import Cursor
from demo_pb2 import Entry as EntryMessage

Wanted = Callable[[int, str, Entry], bool]
"""Whether an entry, given with its slot and key, goes into the page."""


@dataclass
class PullPage:
    """Entries, and where the next page begins; None: nowhere, this was the last."""

    entries: list[EntryMessage]
    next: Cursor | None


def cut_page(
    table: Table, slots: Iterable[int], wanted: Wanted, cursor: Cursor | None, settings: Settings
) -> PullPage:
    """The wanted entries of ascending slots behind a cursor, as many as a page holds."""
    room_bytes, looks = settings.pull_page_bytes, settings.page_looks
    page = PullPage([], None)
    done = (cursor.slot, cursor.after_key) if cursor else (-1, "")
    for slot, key, entry in _entries_behind(table, slots, done):
        if wanted(slot, key, entry):
            message = table.message(key, entry)
            room_bytes -= message.ByteSize()
            if page.entries and room_bytes < 0:
                break
            page.entries.append(message)
        done = (slot, key)
        looks -= 1
        if not looks or len(page.entries) >= settings.pull_page_entries:
            break
    else:
        return page
    assert cursor is None or done > (cursor.slot, cursor.after_key), "pages go in circles"
    page.next = Cursor(slot=max(done[0], 0), after_key=done[1])
    return page


def since(version: Version, equal: Container[int]) -> Wanted:
    """Entries at or above a version, but no live ones of slots that are equal on both sides."""

    def wanted(slot: int, key: str, entry: Entry) -> bool:
        return version_of(entry) >= version and (is_tombstone(entry) or slot not in equal)

    return wanted


def unlisted(hashes: Mapping[int, Container[int]]) -> Wanted:
    """Entries whose hash the caller did not list."""

    def wanted(slot: int, key: str, entry: Entry) -> bool:
        return entry_hash(key, entry) not in hashes[slot]

    return wanted


def _entries_behind(
    table: Table, slots: Iterable[int], done: tuple[int, str]
) -> Iterator[tuple[int, str, Entry]]:
    first_slot, after_key = done
    for slot in slots:
        if slot < first_slot:
            continue
        entries = table.slot(slot)
        for key in sorted(entries):
            if slot > first_slot or key > after_key:
                yield slot, key, table.seen(key, entries[key])
