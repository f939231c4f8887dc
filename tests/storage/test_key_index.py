"""The key index: the table's live keys in order, and nothing else."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import Version, make_version
from kvcluster.storage.table import Table

KEYS = ["a", "ab", "abc", "b", "é", "é1", "z", "\U0001f600", "\uffff"]
steps = st.lists(st.tuples(st.sampled_from(["put", "delete", "drop"]), st.sampled_from(KEYS)))


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


def behind(table: Table, prefix: str = "", start_after: str = "") -> list[str]:
    """What a scan finds."""
    return list(table.keys.behind(prefix, start_after))


@given(steps, steps, st.sampled_from(["", "a", "é", "q"]), st.sampled_from(["", *KEYS]))
def test_a_scan_finds_what_the_table_holds(
    before: list[tuple[str, str]], after: list[tuple[str, str]], prefix: str, start: str
) -> None:
    """Whatever was put, deleted and dropped, before the index was made and after."""
    table, versions = Table(), itertools.count(1)

    def do(what: str, key: str) -> None:
        version = make_version(next(versions), 0)
        if what == "drop":
            table.drop(key, version)
        else:
            table.apply(key, ("v" if what == "put" else None, version))

    for step in before:
        do(*step)
    table.order_keys()
    for step in after:
        do(*step)
    live = {key for key, (value, _) in table.items() if value is not None}
    wanted = [key for key in live if key.startswith(prefix) and key > start]
    assert behind(table, prefix, start) == sorted(wanted, key=str.encode)
    assert len(table.keys) == len(live) == table.live


def test_overwriting_a_key_costs_the_index_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write of a key that is there must not pay for scans that nobody asks for."""
    table = Table()
    table.order_keys()
    table.apply("k", ("old", make_version(1, 0)))
    for change in ("add", "remove"):
        monkeypatch.setattr(table.keys, change, lambda key: pytest.fail(f"{key} is no news"))
    table.apply("k", ("new", make_version(2, 0)))
    table.apply("k", ("older", Version(bytes(12))))
    assert behind(table) == ["k"]
