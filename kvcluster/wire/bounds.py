"""Bounds: how long each kind of message may be, and of how many fields, before it is parsed.

A message is parsed on the event loop, before any budget: whoever can reach a port could stop a node
with one. So each kind has its limits, by what it is for:

    what clients say        a key, a value, a batch: what the settings allow, and a little more
    what carries entries    between nodes: as long as any message may be, and so many entries
    calls on a stream       so many at once; each is measured again by what it asks
    all other questions     heartbeats, digests, health: as long as the longest of them needs

The limits between nodes are no node's own settings (limits.py says why), and a kind that nobody
thought of here is a question. The number of fields follows from the number of items: what one item
takes, and twice as many of them, so that a batch that is somewhat too large hears by how much.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor

from kvcluster.config import ENTRIES_CEILING, KIB, Settings
from kvcluster.errors import BadRequest
from kvcluster.wire.kinds import KINDS
from kvcluster.wire.limits import check_field
from kvcluster.wire.outline import Outline, exceeds, longest_text, outline_of

from demo_pb2 import Operation

_CARGO = {
    "demo.ReplicateRequest",
    "demo.HoldRequest",
    "demo.DropRequest",
    "demo.ForwardRequest",
    "demo.ForwardResponse",
    "demo.PullResponse",
    "demo.PullDifferencesResponse",
    "demo.ScanPartResponse",
}
"""What carries entries between nodes, or what comes of operations there."""
_SINGLES = {
    *(getattr(Operation(), kind).DESCRIPTOR.full_name for kind in KINDS),
    "demo.LocateRequest",
    "demo.ScanRequest",
}
"""What a client says of one key, or of one scan."""
CALLS_AT_ONCE = 256
"""Calls in one message of a stream; as many may be on their way over it before it is read on."""
_SPARE_BYTES = KIB
"""For tags and lengths, and fields that a later version may add."""
_SINGLE_FIELDS = 64
"""Far more than such a message has, and parsed in no time."""
_FIELDS_OF_AN_ITEM = 6
"""An operation, its kind, its key and its value are 4; an entry has 4, the result of a put 6, a
call on a stream 6."""


@dataclass(frozen=True)
class Bounds:
    """What one kind of message may have."""

    kind: Descriptor
    outline: Outline
    size_bytes: int
    fields: int
    """Those of submessages included."""
    allowed_bytes: int
    allowed: str
    """The limits as people are told them: what is just over is parsed, for a better sentence."""

    def check(self, data: bytes, settings: Settings) -> None:
        """Raise BadRequest, naming value and limit, if a request is too large to be looked at."""
        if complaint := self.complaint(data):
            if len(data) > self.size_bytes:
                self._name_field(data, settings)
            raise BadRequest(f"the request {complaint}")

    def complaint(self, data: bytes) -> str:
        """What is wrong with a message that is too large, as the end of a sentence; else empty."""
        if exceeds(data, self.outline, self.fields):
            return f"has more than {self.fields:,} fields, allowed are {self.allowed}"
        if len(data) > self.size_bytes:
            return f"is {len(data):,} bytes long, allowed are {self.allowed_bytes:,}"
        return ""

    def _name_field(self, data: bytes, settings: Settings) -> None:
        """Say it of the key or the value, if that is what makes it so long."""
        number, text = longest_text(data)
        if number in self.kind.fields_by_number:
            with contextlib.suppress(UnicodeDecodeError):
                check_field(self.kind.fields_by_number[number].name, text.decode(), settings)


def bounds_of(kind: Descriptor, settings: Settings) -> Bounds:
    """The bounds of one kind of message."""
    name, outline = kind.full_name, outline_of(kind)
    key_bytes = settings.key_limit_bytes + _SPARE_BYTES
    put_bytes = settings.value_limit_bytes + key_bytes
    if name in _CARGO:
        most_bytes, fields = settings.message_limit_bytes, ENTRIES_CEILING * _FIELDS_OF_AN_ITEM
        return Bounds(kind, outline, most_bytes, fields, most_bytes, f"{ENTRIES_CEILING:,} entries")
    if name in ("demo.BatchRequest", "demo.PutManyRequest"):
        in_columns = name == "demo.PutManyRequest"
        told = settings.put_many_keys if in_columns else settings.batch_operations
        told_bytes = max(settings.batch_bytes, put_bytes)
        fields = 2 * told * _FIELDS_OF_AN_ITEM
        return Bounds(
            kind, outline, told_bytes + put_bytes, fields, told_bytes, f"{told:,} operations"
        )
    if name == "demo.CallsRequest":
        most_bytes, fields = settings.message_limit_bytes, CALLS_AT_ONCE * _FIELDS_OF_AN_ITEM
        return Bounds(kind, outline, most_bytes, fields, most_bytes, f"{CALLS_AT_ONCE:,} calls")
    fields = settings.question_fields
    if name in _SINGLES:
        most_bytes = put_bytes if "value" in kind.fields_by_name else 2 * key_bytes
        fields = _SINGLE_FIELDS
    elif name.endswith("Response"):
        most_bytes = settings.message_limit_bytes  # gRPC sees to that
    else:
        most_bytes = settings.question_bytes
    return Bounds(kind, outline, most_bytes, fields, most_bytes, f"{fields:,}")
