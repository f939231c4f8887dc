"""The history: what is kept, where, and for whose eyes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kvcluster.shell.history import history, place, worth_keeping

KEPT = "get city"


def _lines(environment: dict[str, str]) -> list[str]:
    return list(history(environment).load_history_strings())


def test_lines_survive_the_shell(tmp_path: Path) -> None:
    """The newest comes first, with several lines of a paste as one."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    for line in (KEPT, "put a 'é\nb'", "get b"):
        history(environment).append_string(line)
    assert _lines(environment) == ["get b", "put a 'é\nb'", KEPT]


@pytest.mark.parametrize("line", [" put pin 1234", "", "   ", "put a " + "x" * 5_000])
def test_secrets_and_values_that_were_pasted_are_not_kept(tmp_path: Path, line: str) -> None:
    """Neither in the file nor for the arrow keys."""
    assert not worth_keeping(line)
    for environment in ({"XDG_STATE_HOME": str(tmp_path)}, {"XDG_STATE_HOME": os.devnull}):
        kept = history(environment)
        kept.append_string(line)
        assert list(kept.load_history_strings()) == kept.get_strings() == []


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Also one that was there with another mode."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    path = place(environment)
    for _ in range(2):
        history(environment).append_string(KEPT)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.chmod(0o644)


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """What was typed in this session is there all the same."""
    file = tmp_path / "file"
    file.touch()
    kept = history({"XDG_STATE_HOME": str(file)})
    kept.append_string(KEPT)
    assert kept.get_strings() == [KEPT]


def test_a_disk_that_fills_up_is_no_error(tmp_path: Path) -> None:
    """The file may go wrong at any line."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    kept = history(environment)
    place(environment).unlink()
    place(environment).mkdir()
    kept.append_string(KEPT)
    assert kept.get_strings() == [KEPT]


def test_a_byte_that_is_no_text_is_no_error(tmp_path: Path) -> None:
    """A terminal may send any; the oldest prompt_toolkit refuses to write it."""
    kept = history({"XDG_STATE_HOME": str(tmp_path)})
    kept.append_string("get caf\udce9")
    assert kept.get_strings() == ["get caf\udce9"]


def test_a_relative_place_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the convention says; a history in every folder would be none."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    default = tmp_path / ".local" / "state" / "kvcluster" / "history"
    assert place({}) == place({"XDG_STATE_HOME": "state"}) == default


def test_a_file_that_grew_loses_its_older_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read at every start; what is cut begins with a whole entry."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    kept = history(environment)
    for number in range(100):
        kept.append_string(f"get {number}")
    path = place(environment)
    size = path.stat().st_size
    monkeypatch.setattr("kvcluster.shell.history._LIMIT_BYTES", size)
    assert len(_lines(environment)) == 100
    monkeypatch.setattr("kvcluster.shell.history._LIMIT_BYTES", size - 1)
    left = _lines(environment)
    assert left == [f"get {number}" for number in range(99, 99 - len(left), -1)]
    assert 40 < len(left) < 60
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_history_that_is_a_link_stays_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who keeps such files in another place finds it there also after it was shortened."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    path, kept = place(environment), tmp_path / "kept"
    path.parent.mkdir()
    kept.write_bytes(b"\n\n# then\n+get a" * 10)
    path.symlink_to(kept)
    monkeypatch.setattr("kvcluster.shell.history._LIMIT_BYTES", 50)
    history(environment)
    assert path.is_symlink()
    assert len(kept.read_bytes()) < 100
