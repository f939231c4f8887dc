"""Files that are read again when they change: what was good stays while what is there is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kvcluster.wire import kept_files
from kvcluster.wire.kept_files import KeptFiles


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, KeptFiles[int], list[str]]:
    """A file with a number, looked at each time; and what is told of it."""
    monkeypatch.setattr(kept_files, "_LOOK_S", 0.0)
    path, told = tmp_path / "number", list[str]()
    path.write_text("1")
    return path, KeptFiles([path], lambda: int(path.read_text()), told.append), told


def test_what_changes_is_read_again(kept: tuple[Path, KeptFiles[int], list[str]]) -> None:
    """In place, by a rename, and by a rename of a file with the same size and an older date."""
    path, numbers, told = kept
    assert numbers.now() == 1
    assert told == []
    path.write_text("22")
    assert numbers.now() == 22
    for text in ("33", "44"):
        new = path.with_name("new")
        new.write_text(text)
        os.utime(new, (0, 0))
        new.replace(path)
        assert numbers.now() == int(text)
    assert numbers.changes == 3
    assert len(told) == 3
    assert all("read again, and in force from now on" in it for it in told)


BREAKS: dict[str, Callable[[Path], object]] = {
    "half a file": lambda path: path.write_text("4x"),
    "no file": lambda path: path.unlink(),
    "a folder": lambda path: path.unlink() or path.mkdir(),  # type: ignore[func-returns-value]
    "no text": lambda path: path.write_bytes(b"\xff"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_what_is_no_good_changes_nothing_and_is_told_once(
    kept: tuple[Path, KeptFiles[int], list[str]], kind: str
) -> None:
    """And what is good again is in force at once."""
    path, numbers, told = kept
    BREAKS[kind](path)
    for _ in range(3):
        assert numbers.now() == 1
    assert len(told) == 1
    assert "what was read before stays in force" in told[0]
    if path.is_dir():
        path.rmdir()
    path.write_text("5")
    assert numbers.now() == 5
    assert len(told) == 2


def test_what_is_no_good_at_the_start_is_an_error(tmp_path: Path) -> None:
    """There is no last good one."""
    path = tmp_path / "number"
    for error in (OSError, ValueError):
        with pytest.raises(error):
            KeptFiles([path], lambda: int(path.read_text()), print)
        path.write_text("x")
