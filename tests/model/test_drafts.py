"""Drafts: a batch in one step does what its operations would have done one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.drafts import Drafted, Drafts, Kind, Operation
from kvcluster.model.entry import Entry, Version, make_version

keys = st.sampled_from(["a", "b", "c"])
operations = st.lists(st.builds(Operation, st.sampled_from(Kind), keys, st.text(max_size=2)))
OLD: Entry = ("old", make_version(1, 0))


def one_by_one(
    held: dict[str, Entry], steps: Sequence[Operation]
) -> tuple[list[Drafted], dict[str, Entry]]:
    """The stupid twin: each operation carried out at once, on what is there."""
    ticks = itertools.count(2)
    there, written, told = dict(held), set[str](), []
    for step in steps:
        seen = there.get(step.key)
        if step.kind is Kind.GET:
            told.append(Drafted(seen, None, step.key in written))
            continue
        version = make_version(next(ticks), 0)
        there[step.key] = (step.value if step.kind is Kind.PUT else None, version)
        written.add(step.key)
        told.append(Drafted(seen, version, depends=True))
    return told, {key: there[key] for key in written}


@given(operations)
def test_operations_of_a_batch_see_those_before_them(steps: list[Operation]) -> None:
    """A get must see the put before it and not the one behind it, a delete whether there is one."""
    held = {"a": OLD, "b": (None, OLD[1])}
    ticks = itertools.count(2)
    drafts = Drafts(held.get, lambda: make_version(next(ticks), 0))
    told = [drafts.take(step) for step in steps]
    assert (told, drafts.last) == one_by_one(held, steps)


def test_many_writes_of_a_key_leave_one() -> None:
    """A batch of a thousand puts of one key must not cost a thousand entries."""
    versions: list[Version] = []
    held: dict[str, Entry] = {}
    drafts = Drafts(held.get, lambda: make_version(len(versions) + 1, 0))
    for number in range(1_000):
        version = drafts.take(Operation(Kind.PUT, "k", str(number))).version
        assert version is not None
        versions.append(version)
    assert drafts.last == {"k": ("999", versions[-1])}
    assert versions == sorted(set(versions))
