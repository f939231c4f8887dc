"""Writes that depend on what is there, and keys that expire, from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from kvcluster.client.values import stored
from tests.client.deciding_node import DecidingCluster
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Ended, Program

Ask = Callable[..., Ended]
WHEN = r"([0-9-]{10} )?[0-9]{2}:[0-9]{2}:[0-9]{2}"


@pytest.fixture
def ask(deciders: DecidingCluster, client: Program) -> Ask:
    """client.py, which asks three fakes that decide."""
    return lambda *words: client("--cluster", deciders.members, *words)


def _version(ask: Ask, key: str) -> str:
    return str(json.loads(ask("get", key, "-o", "json").out)["version"])


def test_a_condition_that_does_not_hold_says_what_is_there(ask: Ask) -> None:
    """In one line: the value, its version, when; and a script reads the exit code."""
    assert ask("put", "city", "Huế", "--if-absent").code == 0
    version = _version(ask, "city")
    for words in (
        ("put", "city", "Vinh", "--if-absent"),
        ("put", "city", "Vinh", "--if-value", "Vinh"),
        ("put", "city", "Vinh", "--if-version", "00" * 12),
        ("delete", "city", "--if-value", "Vinh"),
        ("delete", "city", "--if-version", "00" * 12),
    ):
        ended = ask(*words)
        assert (ended.code, ended.out) == (1, "")
        line = rf'"city" is Huế, version {version}, written at {WHEN}; nothing was written\.\n'
        assert re.fullmatch(line, ended.err.replace("the beginning", "00:00:00")), ended.err
    assert ask("get", "city").out == "Huế"


def test_a_condition_that_holds_is_a_put_like_any_other(ask: Ask) -> None:
    """By version or by value; and the version that get -v prints is one."""
    ask("put", "n", "7")
    assert ask("put", "n", "8", "--if-value", "7").out == "stored, 3 of 3 replicas\n"
    told = ask("get", "n", "-v")
    (version,) = re.findall("version ([0-9a-f]{24}), written at", told.err)
    assert told.out == "8"
    assert ask("put", "n", "9", "--if-version", version).code == 0
    assert ask("delete", "n", "--if-value", "9").out == "deleted, 3 of 3 replicas\n"
    gone = ask("delete", "n", "--if-value", "9")
    assert gone.code == 1
    assert gone.err.startswith('There is no key "n", deleted at ')
    assert ask("put", "x", "1", "--if-value", "0").err == (
        'There is no key "x"; nothing was written.\n'
    )


def test_programs_are_told_the_same(ask: Ask) -> None:
    """As an object, with the same exit code."""
    ask("put", "k", "1", "--ttl", "1h")
    ended = ask("put", "k", "2", "--if-absent", "-o", "json")
    told = json.loads(ended.out)
    assert (ended.code, ended.err) == (1, "")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("expires_at"))
    assert re.fullmatch("[0-9a-f]{24}", told.pop("version"))
    assert told == {"key": "k", "stored": False, "found": True, "value": "1"}
    ended = ask("delete", "no", "--if-value", "2", "-o", "json")
    assert json.loads(ended.out) == {
        "key": "no",
        "deleted": False,
        "found": False,
        "value": None,
        "version": "",
        "expires_at": None,
    }


def test_stored_bytes_are_summed_up(ask: Ask, deciders: DecidingCluster) -> None:
    """A line is a line, whatever is there."""
    deciders.store["photo"] = stored(b"\xff\xd8\xff" * 1000)
    assert '"photo" is binary, 3,000 bytes (JPEG), ' in ask("put", "photo", "x", "--if-absent").err
    deciders.store["long"] = "a\tb" * 5_000
    assert len(ask("put", "long", "x", "--if-absent").err) < 500


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("put", "k", "v", "--if-absent", "--if-value", "x"), "give one of them"),
        (("put", "k", "v", "--if-value", "x", "--if-version", "00" * 12), "give one of them"),
        (("delete", "k", "--if-value", "x", "--if-version", "00" * 12), "give one of them"),
        (("delete", "k", "l", "--if-value", "x"), "a condition is about one key; name it"),
        (("delete", "--prefix", "k", "--if-value", "x"), "a condition is about one key; name it"),
        (("put", "k", "v", "--if-version", "12ab"), "'12ab' is no version: 24 hexadecimal digits"),
        (("put", "k", "v", "--if-version", "00 " * 8), "is no version: 24 hexadecimal digits"),
        (("put", "k", "v", "--ttl", "soon"), "'soon' is no time to live: 30s, 5m, 12h, 7d"),
        (("put", "k", "v", "--ttl", "-5s"), "--ttl"),
        (("put", "k", "v", "--keep-ttl", "--ttl", "5s"), "--keep-ttl keeps the time"),
        (("put", "k", "v", "--keep-ttl", "--if-absent"), "--keep-ttl keeps the time"),
        (("touch", "k"), "--ttl"),
        (("incr", "k", "many"), "'many' is no whole number"),
        (("lock", "k", "-o", "json", "--", "true"), "there is nothing to say in JSON"),
        (("lock", "k"), "COMMAND"),
    ],
)
def test_what_does_not_go_together_is_refused(client: Program, words: list[str], why: str) -> None:
    """Before anybody is asked."""
    ended = client(*words)
    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err


def test_a_time_to_live_that_no_node_takes_is_refused(ask: Ask) -> None:
    """With the limits, and nothing is stored."""
    for span in ("0s", "0.5s", "600w"):
        ended = ask("put", "k", "v", "--ttl", span)
        assert ended.code == 2
        assert "is out of range: 1 second to 10 years; nothing was written" in ended.err
    assert ask("get", "k").code == 1


def test_a_key_expires_and_may_be_given_another_time(ask: Ask, deciders: DecidingCluster) -> None:
    """put --ttl, ttl, touch, persist; a plain put makes it permanent, --keep-ttl does not."""
    assert ask("ttl", "k").err == 'There is no key "k".\n'
    ask("put", "k", "1", "--ttl", "30")
    assert re.fullmatch(f"(29|30) s left, it expires at {WHEN}\n", ask("ttl", "k").out)
    assert f", expires at {ask('ttl', 'k').out.split(' at ')[1]}" in ask("get", "k", "-v").err
    assert ask("touch", "k", "--ttl", "2h").out == "it expires in 2 h\n"
    ask("put", "k", "2", "--keep-ttl")
    assert ask("ttl", "k").out.startswith("1 h left, ")
    told = json.loads(ask("ttl", "k", "-o", "json").out)
    assert (told["key"], told["found"], 7190 < told["ttl_s"] <= 7200) == ("k", True, True)
    assert ask("put", "k", "3", "--keep-ttl", "--if-value", "1").code == 1
    ask("put", "k", "3")
    assert ask("ttl", "k").out == "it never expires\n"
    ask("put", "k", "4", "--ttl", "1m")
    assert ask("persist", "k").out == "it never expires\n"
    ask("touch", "k", "--ttl", "1d")
    deciders.pass_s(24 * 3600 + 1)
    for words in (("get", "k"), ("ttl", "k"), ("touch", "k", "--ttl", "5s"), ("persist", "k")):
        ended = ask(*words)
        assert (ended.code, ended.out) == (1, "")
        assert 'There is no key "k"' in ended.err
    assert json.loads(ask("touch", "k", "--ttl", "5s", "-o", "json").out) == {
        "key": "k",
        "found": False,
    }


def test_a_linearizable_get_is_one(ask: Ask, deciders: DecidingCluster) -> None:
    """A majority is asked, and the value printed as ever."""
    ask("put", "k", "1")
    assert ask("get", "k", "--linearizable").out == "1"
    assert ask("ttl", "k", "--linearizable").code == 0
    asked = [key for node in deciders.deciding for key in node.linearizable]
    assert asked == ["k", "k"]


def test_a_number_is_added_to(ask: Ask, deciders: DecidingCluster) -> None:
    """And printed as it is then; what is no number is refused, and stays."""
    assert ask("incr", "n").out == "1\n"
    assert ask("incr", "n", "1,000").out == "1001\n"
    assert ask("incr", "n", "--", "-2").out == "999\n"
    assert ask("decrby", "n", "9").out == "990\n"
    told = json.loads(ask("incr", "n", "-o", "json").out)
    assert (told["key"], told["value"], told["version"]) == ("n", 991, _version(ask, "n"))
    ask("put", "city", "Huế")
    ended = ask("incr", "city")
    assert (ended.code, ended.out) == (2, "")
    assert "'Huế' is no whole number, and cannot be counted on" in ended.err
    assert deciders.store["city"] == "Huế"


def test_an_unknown_outcome_is_told_and_not_tried_again(
    ask: Ask, deciders: DecidingCluster
) -> None:
    """An increment that was tried again could count twice."""
    for done, words in (
        (True, ("incr", "k")),
        (False, ("put", "k", "2", "--if-value", "1")),
        (False, ("touch", "k", "--ttl", "5s")),
    ):
        deciders.shelf.unknown["k"] = [done]
        ended = ask(*words)
        assert (ended.code, ended.out) == (3, "")
        assert "The write may have happened, or not." in ended.err
        assert deciders.store["k"] == "1"


def test_an_older_cluster_is_named(cluster: FakeCluster, client: Program) -> None:
    """At once: a person waits in front of it."""
    cluster.store["k"] = "1"
    for words in (
        ("put", "k", "2", "--if-absent"),
        ("put", "k", "2", "--ttl", "5s"),
        ("get", "k", "--linearizable"),
        ("incr", "k"),
    ):
        ended = client("--cluster", cluster.members, *words)
        assert (ended.code, ended.out) == (3, "")
        assert f"{cluster.addresses[0]} is too old for conditions" in ended.err
    assert cluster.store == {"k": "1"}
