"""The options of server.py in the environment: who wins, and how a wrong one is told."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from kvcluster.errors import BadSetting, CannotStart
from kvcluster.server.options import parse_arguments, refusal

_ALL = {
    "PORT": "7000",
    "HOST": "0.0.0.0",
    "NAME": "a:7000",
    "CLUSTER": "a:7000,b:7000",
    "REPLICAS": "2",
    "DATA_DIR": "/data",
    "FSYNC": "never",
    "LOG_LEVEL": "DEBUG",
    "METRICS": "h:9101",
    "SALVAGE": "1",
    "SET": "heartbeat_interval_s=1, dead_after_s=9\nlog_burst=5",
}


def parse(*arguments: str, **variables: str) -> argparse.Namespace:
    """The options of a command line in an environment."""
    environment = {f"KVCLUSTER_{name}": text for name, text in variables.items()}
    return parse_arguments(list(arguments), environment)


def test_every_option_is_taken_from_the_environment() -> None:
    """A container needs no words behind the program."""
    options = parse(**_ALL)
    assert (options.port, options.host, options.name) == (7000, "0.0.0.0", "a:7000")
    assert (options.cluster, options.replicas) == ("a:7000,b:7000", 2)
    assert (options.data_dir, options.fsync) == (Path("/data"), "never")
    assert (options.log_level, options.metrics, options.salvage) == ("debug", ("h", 9101), True)
    assert options.set == ["heartbeat_interval_s=1", "dead_after_s=9", "log_burst=5"]
    assert set(options.variables) == {f"KVCLUSTER_{name}" for name in _ALL}
    assert options.remarks == []


def test_without_an_environment_there_are_the_defaults() -> None:
    """An empty variable is what a compose file makes of one that is not set."""
    expected = vars(parse("50051"))
    assert vars(parse("50051", **dict.fromkeys(_ALL, ""))) == expected


def test_the_command_line_wins() -> None:
    """Even over a value that is wrong: Kubernetes sets KVCLUSTER_PORT to something of its own."""
    options = parse("50052", "--replicas", "1", PORT="tcp://10.0.0.1:50051", REPLICAS="many")
    assert (options.port, options.replicas, options.variables) == (50052, 1, [])


def test_settings_of_both_are_taken_those_of_the_command_line_last() -> None:
    """The last of two for one setting counts."""
    assert parse("50051", "--set", "log_burst=9", SET="log_burst=5").set[-1] == "log_burst=9"


@pytest.mark.parametrize(("text", "salvage"), [("1", True), ("True", True), ("0", False)])
def test_a_switch_is_on_or_off(text: str, salvage: bool) -> None:
    """0 must not switch it on, as any text would."""
    assert parse("50051", SALVAGE=text).salvage is salvage


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("PORT", "99999", "'99999' is not a number from 1 to 65535"),
        ("REPLICAS", "two", "'two' is not a whole number"),
        ("FSYNC", "sometimes", "'sometimes' is none of always, never"),
        ("LOG_LEVEL", "loud", "'loud' is none of debug, info, warning, error"),
        ("METRICS", "a:b", "port 'b' in 'a:b'"),
        ("SALVAGE", "perhaps", "'perhaps' is neither 1 nor 0"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable(
    name: str, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line looks right then, and nobody would look elsewhere."""
    with pytest.raises(SystemExit) as ended:
        parse(*([] if name == "PORT" else ["50051"]), **{name: text})
    assert ended.value.code == 2
    assert f"error: KVCLUSTER_{name}: {words}" in capsys.readouterr().err


def test_what_is_wrong_only_beside_others_is_told_with_what_was_set() -> None:
    """`--replicas 9 is out of range` is a riddle to who gave no --replicas."""
    options = parse("50051", REPLICAS="9")
    told = refusal(BadSetting("--replicas 9 is out of range"), options)
    expected = "--replicas 9 is out of range (the environment sets KVCLUSTER_REPLICAS)"
    assert told.endswith(expected)
    assert refusal(CannotStart("a lock"), options).endswith("a lock")
    assert refusal(BadSetting("9 is"), parse("50051")).endswith("9 is")


def test_a_slip_in_a_name_is_told() -> None:
    """It would be ignored without a word, and the node run with the default."""
    (remark,) = parse("50051", REPLICA="2").remarks
    assert remark == "KVCLUSTER_REPLICA means nothing here; did you mean KVCLUSTER_REPLICAS?"
