"""Any message: a strategy that draws it from its descriptor, field by field.

Fields are left out, drawn at random, or given what such a field often holds: the name of a member,
a clock, a version. For a message full of nonsense is refused at its first field, and what lies
behind that is never tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

Field = FieldDescriptor
Likely = Mapping[str, st.SearchStrategy[Any]]
"""Values that fields of some name often hold."""

_MOST = 5
_NUMBERS: dict[int, st.SearchStrategy[Any]] = {
    Field.TYPE_UINT32: st.integers(0, 2**32 - 1) | st.integers(0, 5_000),
    Field.TYPE_UINT64: st.integers(0, 2**64 - 1),
    Field.TYPE_FIXED32: st.integers(0, 2**32 - 1),
    Field.TYPE_FIXED64: st.integers(0, 2**64 - 1),
    Field.TYPE_DOUBLE: st.floats(),
    Field.TYPE_BOOL: st.booleans(),
    Field.TYPE_ENUM: st.integers(-(2**31), 2**31 - 1) | st.integers(0, 6),
    Field.TYPE_STRING: st.text(max_size=20) | st.just("x" * 2_000),
    Field.TYPE_BYTES: st.binary(max_size=20) | st.binary(min_size=12, max_size=12),
}


def messages(of: Descriptor, likely: Likely) -> st.SearchStrategy[Message]:
    """Messages of a kind."""
    fields = {field.name: _values(field, likely) for field in of.fields}
    return st.fixed_dictionaries({}, optional=fields).map(lambda told: _make(of, told))


def requests(of: Descriptor, likely: Likely) -> st.SearchStrategy[Message]:
    """Messages of a kind, in which everything likely is there, and the rest may be."""
    plain = [field.name for field in of.fields if field.message_type is None]
    sure = st.fixed_dictionaries({name: likely[name] for name in plain if name in likely})

    def merge(odd: Message, told: Mapping[str, Any]) -> Message:
        odd.MergeFrom(_make(of, told))
        return odd

    return st.builds(merge, messages(of, likely), sure)


def _make(of: Descriptor, told: Mapping[str, Any]) -> Message:
    made: Message = GetMessageClass(of)(**told)
    return made


def _values(field: FieldDescriptor, likely: Likely) -> st.SearchStrategy[Any]:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        key, value = (_values(each, likely) for each in kind.fields)
        return st.dictionaries(key, value, max_size=_MOST)
    if kind is not None:
        one: st.SearchStrategy[Any] = messages(kind, likely)
    else:
        one = _NUMBERS[field.type]
        if field.name in likely:
            one = likely[field.name] | one
    return st.lists(one, max_size=_MOST) if field.is_repeated else one
