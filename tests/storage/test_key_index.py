"""The key index: the table's live keys in order, and nothing else."""

from __future__ import annotations

import gc
import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvcluster.model.entry import Version, make_version
from kvcluster.storage.key_index import KeyIndex
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


@pytest.mark.parametrize(("part", "waiting", "few"), [(1_000, 256, 8), (2, 3, 1), (1, 1, 0)])
@given(steps, steps, st.sampled_from(["", "a", "é", "q"]), st.sampled_from(["", *KEYS]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_scan_finds_what_the_table_holds(
    part: int,
    waiting: int,
    few: int,
    before: list[tuple[str, str]],
    after: list[tuple[str, str]],
    prefix: str,
    start: str,
) -> None:
    """Whatever was put, deleted and dropped, before the index was made and after."""
    table, versions = Table(), itertools.count(1)
    table.keys = KeyIndex(part_keys=part, waiting_keys=waiting, few_keys=few)

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


def test_thousands_of_keys_come_and_go_in_any_order() -> None:
    """In bulk and one by one, so that parts are made, cut, emptied and taken away."""
    rng, twin = random.Random(1), set[str]()
    index = KeyIndex(part_keys=10, waiting_keys=8, few_keys=2)
    index.fill([])
    for turn in range(60):
        start, dense = rng.randrange(5_000), rng.random() < 0.5
        news = {f"{start + n if dense else rng.randrange(9_999):05}" for n in range(100)} - twin
        for key in news:
            index.add(key)
        gone = set(rng.sample(sorted(twin | news), rng.randrange(len(twin | news))))
        gone = gone if turn % 20 == 19 else set(sorted(gone)[:50])
        for key in gone:
            index.remove(key)
        twin = (twin | news) - gone
        assert len(index) == len(twin)
        if turn % 3 == 0:
            assert list(index.behind("", "")) == sorted(twin)
            start_after = f"{rng.randrange(9_999):05}"
            wanted = [key for key in sorted(twin) if key > start_after and key.startswith("0")]
            assert list(index.behind("0", start_after)) == wanted
