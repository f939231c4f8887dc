"""Between an entry in memory and the one message that is journaled, replicated and pulled."""

from __future__ import annotations

from kvcluster.model.entry import Entry, Version

from demo_pb2 import Entry as EntryMessage


def to_message(key: str, entry: Entry) -> EntryMessage:
    """The message of an entry."""
    value, version = entry
    if value is None:
        return EntryMessage(key=key, deleted=True, version=version)
    return EntryMessage(key=key, value=value, version=version)


def to_entry(message: EntryMessage) -> Entry:
    """The entry in a message."""
    return (None if message.deleted else message.value, Version(message.version))
