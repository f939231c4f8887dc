"""The keys that clients call: what one of them writes, no other does."""

from __future__ import annotations

from itertools import islice

from bench.load.jobs import Closed
from bench.load.loops import keys_of


def _job(keys: int) -> Closed:
    return Closed(act="put", clients=4, keys=keys, prefix="p/", seconds=1.0, warm_s=0.0)


def test_no_two_clients_write_the_same_key() -> None:
    """Or a condition would fail, and one client would wait for another."""
    drawn = [set(islice(keys_of(number, _job(40)), 500)) for number in range(4)]
    assert len(set.union(*drawn)) == sum(map(len, drawn)) == 40
    assert "p/0" in drawn[0]


def test_where_none_is_to_be_drawn_from_every_key_is_a_new_one() -> None:
    """For puts where nothing is yet."""
    called = [key for number in range(4) for key in islice(keys_of(number, _job(0)), 100)]
    assert len(set(called)) == 400
