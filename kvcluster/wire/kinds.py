"""Kinds: the messages of each kind of operation, as demo.proto has them.

An operation travels alone, as a call of its own, or with others, in the field of `Operation` that
is named for its kind. What came of it is the answer to that call, or stands in the field of
`Result` of the same name. Which message belongs to which kind is read from the descriptors, so one
that is new in demo.proto needs no line here, nor where messages are only bounded, counted, packed
or logged.
"""

from __future__ import annotations

from demo_pb2 import Operation, Result

KINDS = tuple(field.name for field in Operation.DESCRIPTOR.fields)
"""As the fields are called: "put", "get" and so on."""
WRITING = tuple(kind for kind in KINDS if kind != "get")
"""Those that change something."""
_KIND_OF: dict[type, str] = {
    type(getattr(message, kind)): kind for message in (Operation(), Result()) for kind in KINDS
}


def kind_of(message: object) -> str:
    """Of which kind a request or its answer is: "put" of a PutResponse; empty: of none."""
    return _KIND_OF.get(type(message), "")
