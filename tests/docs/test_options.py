"""Options and settings in the documents are those of the programs, with their defaults."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from kvcluster.commands import health_check, parser
from kvcluster.config import KIB, MIB, Settings
from kvcluster.console import program
from kvcluster.engines.address import PASSWORD
from kvcluster.server.options import parse_arguments
from kvcluster.wire.dial import options_of_clients
from tests.docs.markdown import ROOT
from tests.docs.prose import TEXTS, code, prose, section, tables

_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_VARIABLE = re.compile(r"KVCLUSTER_[A-Z_]+")
_OURS = re.compile(r"(python )?(server|client|health_check_client)\.py|--[a-z]")
_COMMAND = re.compile(r"(?:python )?client\.py ([a-z]+)")
_OTHERS = "### Coming from etcdctl or redis-cli"
_UNITS = {"": 1, "KiB": KIB, "MiB": MIB}


def flags_of_server(capsys: pytest.CaptureFixture[str]) -> set[str]:
    """What server.py takes, by its own account."""
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])
    return set(_FLAG.findall(capsys.readouterr().out)) - {"--help", "--version"}


@cache
def flags_of_clients() -> frozenset[str]:
    """What client.py and health_check_client.py take."""
    parsers = [parser.build(program.client("localhost:50051")), health_check._parser()]
    return frozenset(flag for each in parsers for flag in _flags(each))


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _flags(command)


@pytest.mark.parametrize(
    ("name", "heading"),
    [("README.md", "Options of server.py"), ("README.vi.md", "Các tùy chọn của server.py")],
)
def test_readme_has_every_option_of_the_server_and_no_other(
    name: str, heading: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option that nobody is told of is of no use to anybody."""
    (table,) = tables(section(ROOT / name, heading))
    told = {flag for row in table for flag in _FLAG.findall(row[0])}
    assert told == flags_of_server(capsys)


def test_every_option_of_the_server_has_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    """By its own account and by that of operate.md, each in its place."""
    flags = [flag[2:].replace("-", "_").upper() for flag in flags_of_server(capsys)]
    expected = {f"KVCLUSTER_{name}" for name in ["PORT", *flags]}
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])
    assert set(_VARIABLE.findall(capsys.readouterr().out)) == {*expected, PASSWORD}
    (table,) = tables(section(ROOT / "docs" / "operate.md", "In the environment"))
    told = {_VARIABLE.findall(row[0])[0]: row[1].strip("`") for row in table[2:]}
    assert set(told) == expected
    for variable, option in told.items():
        assert variable == f"KVCLUSTER_{option.lstrip('-').replace('-', '_').upper()}"


@pytest.mark.parametrize("document", TEXTS, ids=lambda document: document.name)
def test_every_option_that_is_named_exists(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person in trouble types what stands there."""
    known = flags_of_server(capsys) | flags_of_clients()
    text = document.read_text("utf-8").partition(_OTHERS)[0]
    lines = [line.strip() for line in text.splitlines() if _OURS.match(line.strip())]
    for words in [*code(prose(document).partition(_OTHERS)[0]), *lines]:
        if _OURS.match(words):
            assert set(_FLAG.findall(words)) <= known, f"{document.name}: {words}"


@pytest.mark.parametrize("document", TEXTS, ids=lambda document: document.name)
def test_every_command_that_is_named_exists(document: Path) -> None:
    """A command of client.py that was renamed, wherever a sentence mentions it."""
    known = commands_of_client()
    for words in code(prose(document).partition(_OTHERS)[0]):
        if found := _COMMAND.match(words):
            assert found[1] in known, f"{document.name}: {words}"


def commands_of_client() -> set[str]:
    """The commands of client.py."""
    actions = parser.build(program.client("localhost:50051"))._actions
    (commands,) = [each for each in actions if isinstance(each, argparse._SubParsersAction)]
    return set(commands.choices)


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("README.md", "client.py"),
        ("README.vi.md", "client.py"),
        ("docs/client.md", "The command line"),
    ],
)
def test_every_command_is_told(name: str, heading: str) -> None:
    """In the first table there, and no other."""
    table = tables(section(ROOT / name, heading))[0]
    told = {words.split()[0] for row in table for words in code(row[0])}
    assert told - {"zsh", "fish"} == commands_of_client() - {"help"}


def settings_told() -> list[tuple[str, str, str]]:
    """Where, which, and its default: every row of every table of settings."""
    found = []
    for document in TEXTS:
        for table in tables(prose(document)):
            if table[0][:2] == ["setting", "default"]:
                for row in table[2:]:
                    defaults = row[1].split(", ")
                    found += [
                        (document.name, name, default)
                        for name, default in zip(code(row[0]), defaults, strict=True)
                    ]
    return found


@pytest.mark.parametrize(("document", "name", "default"), settings_told())
def test_every_setting_has_the_default_that_is_told(document: str, name: str, default: str) -> None:
    """A default that was changed must change here, too."""
    number, _, unit = default.partition(" ")
    told = float(number.replace(",", "")) * _UNITS[unit]
    assert told == dataclasses.asdict(Settings())[name], f"{document}: {name}"


def test_channel_options_in_the_protocol_are_those_of_the_library() -> None:
    """Whoever writes a client of their own takes them from there."""
    (table,) = tables(section(ROOT / "docs" / "protocol.md", "Connections"))
    told = {option.strip("`"): int(value.replace(",", "")) for option, value, _ in table[2:]}
    assert told == dict(options_of_clients())
