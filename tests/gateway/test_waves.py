"""Waves: no key twice in one, and every key's operations in their order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.errors import BadRequest, KvError
from kvcluster.gateway.waves import waves
from kvcluster.model.operation import Kind, Operation

OPERATIONS = st.lists(
    st.one_of(
        st.builds(Operation, st.sampled_from(Kind), st.sampled_from("abcd")),
        st.just(BadRequest("no")),
    ),
    max_size=30,
)


@given(OPERATIONS)
def test_waves_are_a_batch_in_its_order(operations: list[Operation | KvError]) -> None:
    """Each operation once, no key twice in a wave, a key's places ascending, no wave empty."""
    cut = waves(operations)
    places = [place for wave in cut for place in wave]
    good = [at for at, it in enumerate(operations) if isinstance(it, Operation)]
    assert sorted(places) == good
    for wave in cut:
        keys = [it.key for at in wave if isinstance(it := operations[at], Operation)]
        assert keys
        assert len(set(keys)) == len(keys)
    for key in "abcd":
        mine = [at for at in places if _key(operations[at]) == key]
        assert mine == sorted(mine)


def _key(operation: Operation | KvError) -> str:
    return operation.key if isinstance(operation, Operation) else ""


def test_a_batch_of_distinct_keys_is_one_wave() -> None:
    """Else every batch would take as many round trips as it has keys."""
    assert waves([Operation(Kind.PUT, key) for key in "abc"]) == [[0, 1, 2]]
