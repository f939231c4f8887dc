"""Client.mapping: a part of the store that is used like a dictionary, beside a real one."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from kvcluster import BadRequest, Client, SomeFailed
from kvcluster.client.mapping import ClusterMapping
from tests.client.fake_node import FakeCluster

PREFIX = "app/"
NEIGHBOURS = {"app": "1", "app.": "2", "app0": "3", "z": "4", "Ap/x": "5"}
"""Keys that do not begin with the prefix, though nearly."""

KEYS = st.sampled_from(["a", "b", "é", "app/", "a/b", "€", "𝄞", "\uffff", "z" * 9])
VALUES = st.text(max_size=3) | st.binary(max_size=3) | st.just("data:;base64,AAAA")


class Twins(RuleBasedStateMachine):
    """A mapping and a dictionary, to which the same is done."""

    cluster: FakeCluster
    client: Client

    @initialize()
    def begin(self) -> None:
        """Both are empty; the store is not."""
        self.cluster.store.clear()
        self.cluster.store.update(NEIGHBOURS)
        self.here: ClusterMapping = self.client.mapping(PREFIX)
        self.twin: dict[str, str | bytes] = {}

    def _same(self, work: Any) -> None:
        """Do it to both; what comes of it must be the same."""
        outcomes: list[object] = []
        for each in (self.here, self.twin):
            try:
                outcomes.append((work(each), None))
            except KeyError as error:
                outcomes.append((None, repr(error)))
        assert outcomes[0] == outcomes[1]

    @rule(key=KEYS, value=VALUES)
    def put(self, key: str, value: str | bytes) -> None:
        """m[k] = v, then m[k]."""
        self._same(lambda it: it.__setitem__(key, value))
        self._same(lambda it: it[key])

    @rule(key=KEYS)
    def look(self, key: str) -> None:
        """m[k], m.get(k), k in m."""
        self._same(lambda it: it[key])
        self._same(lambda it: it.get(key))
        self._same(lambda it: it.get(key, 7))
        self._same(lambda it: key in it)

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        """Del m[k]."""
        self._same(lambda it: it.__delitem__(key))

    @rule(key=KEYS, value=VALUES)
    def in_two_steps(self, key: str, value: str | bytes) -> None:
        """Setdefault and pop."""
        self._same(lambda it: it.setdefault(key, value))
        self._same(lambda it: it.pop(key))
        self._same(lambda it: it.pop(key, None))

    @rule(pairs=st.dictionaries(KEYS, VALUES), form=st.sampled_from([dict, list, iter]))
    def update(self, pairs: dict[str, str | bytes], form: Any) -> None:
        """From a mapping, a list of pairs, and an iterator of them; and by names."""
        self._same(lambda it: it.update(pairs if form is dict else form(pairs.items())))
        self._same(lambda it: it.update({}, name="value"))

    @rule()
    def clear(self) -> None:
        """Everything, and only what is in it."""
        self._same(lambda it: it.clear())

    @invariant()
    def are_the_same(self) -> None:
        """However one looks at them; and nothing else in the store has changed."""
        here = self.here
        assert dict(here.items()) == self.twin
        assert here == self.twin
        assert [*here] == [*here.keys()] == sorted(self.twin)
        assert [*here.values()] == [self.twin[key] for key in sorted(self.twin)]
        assert len(here) == len(here.items()) == len(self.twin)
        assert bool(here) is bool(self.twin)
        rest = {k: v for k, v in self.cluster.store.items() if not k.startswith(PREFIX)}
        assert rest == NEIGHBOURS


def test_a_mapping_is_a_dictionary_beside_a_dictionary(
    cluster: FakeCluster, client: Client
) -> None:
    """Whatever one does with it, it is what a dict would be, but for the order of its keys."""
    machine = type("TwinsHere", (Twins,), {"cluster": cluster, "client": client})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_views_answer_for_the_whole_mapping(client: Client) -> None:
    """As those of a dict do, and a loop over pairs is one scan, however many there are."""
    here = client.mapping("p/")
    here.update([("a", "1"), ("b", b"2")])
    assert ("a", "1") in here.items()
    assert ("a", "2") not in here.items()
    assert ("c", "1") not in here.items()
    assert b"2" in here.values()
    assert "3" not in here.values()
    assert here.keys() & {"a", "x"} == {"a"}
    assert here.items() >= {("a", "1")}


def test_a_loop_over_pairs_reads_no_key_by_itself(cluster: FakeCluster, client: Client) -> None:
    """A read for each would be a call for each."""
    here = client.mapping("p/")
    here.update((str(number), "1") for number in range(100))
    for node in cluster.nodes:
        node.calls.clear()
    assert len(list(iter(here.items()))) == len(list(iter(here.values()))) == 100
    assert {call for node in cluster.nodes for call in node.calls} <= {"Scan", "CheckHealth"}


def test_keys_of_other_types_are_refused(client: Client) -> None:
    """They would be another key, or none, in a store whose keys are text."""
    here: Any = client.mapping("p/")
    for work in (
        lambda: here[5],
        lambda: here.__setitem__(5, "x"),
        lambda: here.pop(5),
        lambda: 5 in here,
        lambda: here.update({5: "x"}),
    ):
        with pytest.raises(BadRequest, match=r"a key is a string, not int: 5; str\(key\)"):
            work()
    with pytest.raises(BadRequest, match="a prefix is a string"):
        client.mapping(5)  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="wanted a pair"):
        here.update(["ab"])


def test_a_value_that_is_none_is_named_with_its_key(client: Client) -> None:
    """By its whole key, as the store knows it; the others are stored."""
    here: Any = client.mapping("p/")
    with pytest.raises(BadRequest, match="a value is a string or bytes, not int: 1"):
        here["a"] = 1
    with pytest.raises(SomeFailed) as caught:
        here.update({"a": 1, "b": "2"})
    assert list(caught.value.failures) == ["p/a"]
    assert dict(here.items()) == {"b": "2"}


def test_what_has_keys_is_taken_for_a_mapping(client: Client) -> None:
    """A row of a database is none, but dict takes it as one."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row = connection.execute("select 'An' as name, 'Huế' as city").fetchone()
    connection.close()
    here = client.mapping("user/1/")
    here.update(row)
    assert dict(here.items()) == {"city": "Huế", "name": "An"}


def test_the_whole_store_is_a_mapping_that_does_not_clear_it(
    cluster: FakeCluster, client: Client
) -> None:
    """A prefix that was not set must not cost everything."""
    here = client.mapping()
    here["a"] = "1"
    assert dict(here.items()) == {"a": "1"}
    with pytest.raises(BadRequest, match=r'client.delete_prefix\("", everything=True\) does'):
        here.clear()
    assert cluster.store == {"a": "1"}


def test_a_mapping_shows_where_it_is(cluster: FakeCluster, client: Client) -> None:
    """And not what is in it, which may be much."""
    assert repr(client.mapping("p/")) == f"Client('{cluster.members}', timeout_s=5).mapping('p/')"
