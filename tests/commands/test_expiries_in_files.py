"""Keys that expire, in files: JSON Lines carry when, the other formats say that they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.deciding_node import DecidingCluster
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Ended, Program

Ask = Callable[..., Ended]
LATE, EARLY = "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"


@pytest.fixture
def ask(deciders: DecidingCluster, client: Program) -> Ask:
    """client.py, which asks three fakes that decide."""
    return lambda *words: client("--cluster", deciders.members, *words)


def test_what_is_exported_expires_when_it_would_have(
    ask: Ask, deciders: DecidingCluster, tmp_path: Path
) -> None:
    """To the millisecond, and what never expires has no such field."""
    ask("put", "a", "1")
    ask("put", "b", "2", "--ttl", "1h")
    before = dict(deciders.shelf.expiries)
    file = tmp_path / "all.jsonl"
    assert ask("export", str(file)).code == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line.keys() for line in lines] == [{"key", "value"}, {"key", "value", "expires_at"}]
    assert ask("scan", "-o", "json").out == file.read_text()
    assert ask("export", "-").out == file.read_text()
    deciders.store.clear()
    deciders.shelf.expiries.clear()
    assert ask("import", str(file)).code == 0
    assert deciders.store == {"a": "1", "b": "2"}
    assert deciders.shelf.expiries == before


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_format_that_cannot_say_it_says_so(ask: Ask, tmp_path: Path, kind: str) -> None:
    """Whoever imports it again has keys that live for ever."""
    ask("put", "a", "1", "--ttl", "1h")
    for file in (str(tmp_path / f"all.{kind}"), "-"):
        ended = ask("export", file, "--format", kind)
        assert ended.code == 0
        assert f"1 key of them will expire, which {kind} does not say" in ended.err


def test_what_has_expired_before_is_not_stored(
    ask: Ask, deciders: DecidingCluster, tmp_path: Path
) -> None:
    """Nor is what stands under that key in the store kept: by the file it would be gone."""
    ask("put", "old", "0")
    file = tmp_path / "all.jsonl"
    lines = [
        {"key": "a", "value": "1"},
        {"key": "old", "value": "1", "expires_at": EARLY},
        {"key": "new", "value": "1", "expires_at": LATE},
        {"key": "new", "value": "2"},
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ended = ask("import", str(file))
    assert ended.code == 0
    assert "1 key had expired, and was not stored." in ended.err
    assert deciders.store == {"a": "1", "new": "2"}
    assert deciders.shelf.expiries == {}


def test_an_older_cluster_does_not_make_them_permanent(
    cluster: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """It would ignore when they expire. What it can take is stored, and the end says the rest."""
    file = tmp_path / "all.jsonl"
    lines = [{"key": "a", "value": "1"}, {"key": "b", "value": "1", "expires_at": LATE}]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ended = client("--cluster", cluster.members, "--timeout", "0.3", "import", str(file))
    assert ended.code == 3
    assert "too old for conditions" in ended.err
    assert cluster.store == {"a": "1"}
