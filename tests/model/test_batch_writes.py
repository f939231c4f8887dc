"""Drafts: a batch in one step does what its operations would have done one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.batch_writes import BatchWrites, KeyWrite
from kvcluster.model.entry import Entry, Version, make_version
from kvcluster.model.operation import Kind, Operation

keys = st.sampled_from(["a", "b", "c"])
operations = st.lists(st.builds(Operation, st.sampled_from(Kind), keys, st.text(max_size=2)))
OLD: Entry = ("old", make_version(1, 0))


Told = tuple[Entry | None, Version | None, bool]
"""What an operation saw, its version, and whether it depends on a write of the batch."""


def one_by_one(
    held: dict[str, Entry], steps: Sequence[Operation], first_tick: int
) -> tuple[list[Told], dict[str, Entry]]:
    """The stupid twin: each operation carried out at once, on what is there."""
    ticks = itertools.count(first_tick)
    there, written, told = dict(held), set[str](), list[Told]()
    for step in steps:
        seen = there.get(step.key)
        if step.kind is Kind.GET:
            told.append((seen, None, step.key in written))
            continue
        version = make_version(next(ticks), 0)
        there[step.key] = (step.value if step.kind is Kind.PUT else None, version)
        written.add(step.key)
        told.append((seen, version, True))
    return told, {key: there[key] for key in written}


def told_by(batch: BatchWrites, taken: KeyWrite) -> Told:
    """The same of a batch."""
    version = batch.version(taken) if taken.writes else None
    return batch.seen(taken), version, taken.depends


@given(operations)
def test_operations_of_a_batch_see_those_before_them(steps: list[Operation]) -> None:
    """A get must see the put before it and not the one behind it, a delete whether there is one."""
    held = {"a": OLD, "b": (None, OLD[1])}
    ticks = itertools.count(2)
    batch = BatchWrites(held.get, lambda: make_version(next(ticks), 0))
    taken = [batch.take(step) for step in steps]
    told = [told_by(batch, each) for each in taken]
    assert (told, batch.last) == one_by_one(held, steps, 2)


@given(st.lists(st.builds(Operation, st.sampled_from(Kind), st.just("a"), st.text(max_size=2))))
def test_writes_that_take_newer_versions_keep_their_order(steps: list[Operation]) -> None:
    """Something newer was met: a put that kept its old version would seem to lie before that."""
    ticks = itertools.count(2)
    batch = BatchWrites({"a": OLD}.get, lambda: make_version(next(ticks), 0))
    taken = [batch.take(step) for step in steps]
    if batch.last:
        assert batch.renew("a") == batch.last["a"]
    writes = sum(step.kind is not Kind.GET for step in steps)
    told = [told_by(batch, each) for each in taken]
    assert (told, batch.last) == one_by_one({"a": OLD}, steps, 2 + writes)


def test_many_writes_of_a_key_leave_one() -> None:
    """A batch of a thousand puts of one key must not cost a thousand entries."""
    ticks = itertools.count(1)
    held: dict[str, Entry] = {}
    batch = BatchWrites(held.get, lambda: make_version(next(ticks), 0))
    taken = [batch.take(Operation(Kind.PUT, "k", str(number))) for number in range(1_000)]
    versions = [batch.version(each) for each in taken]
    assert batch.last == {"k": ("999", versions[-1])}
    assert versions == sorted(set(versions))


lives = st.sampled_from([0, 0, 7, 9])
steps_with_lives = st.lists(
    st.builds(Operation, st.just(Kind.PUT), keys, st.just("v"), expires_ms=lives)
    | st.builds(Operation, st.sampled_from([Kind.GET, Kind.DELETE]), keys)
)


@given(steps_with_lives, st.booleans())
def test_each_operation_sees_the_expiry_of_what_it_sees(
    steps: list[Operation], renewed: bool
) -> None:
    """That of the write before it in the batch, or of what was there; and the last write counts,
    also in a newer version.
    """
    ticks, held, there = itertools.count(2), {"a": OLD}, {"a": 5}
    batch = BatchWrites(
        held.get, lambda: make_version(next(ticks), 0), lambda key: {"a": 5}.get(key, 0)
    )
    told, wanted = [], []
    for step in steps:
        wanted.append(there.get(step.key, 0))
        if step.writes:
            there[step.key] = step.expires_ms
        told.append(batch.take(step))
    for key in batch.last if renewed else ():
        batch.renew(key)
    assert [batch.seen_expiry(each) for each in told] == wanted
    assert {key: batch.expiry(key) for key in batch.last} == {key: there[key] for key in batch.last}
