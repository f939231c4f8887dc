"""Before anything is loaded: an old Python, missing packages, no fcntl; a sentence, no trace."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kvcluster.doorstep import NEEDED, OLDEST

ROOT = Path(__file__).resolve().parents[1]
_SCRIPTS = ("server.py", "client.py", "health_check_client.py")
_READ_BY_ALL = (
    *_SCRIPTS,
    "kvcluster/__init__.py",
    "kvcluster/__main__.py",
    "kvcluster/doorstep.py",
)

_OLD = """
import runpy, sys
sys.version_info = (3, 9, 6, "final", 0)
sys.argv = [{script!r}, "50051"]
runpy.run_path({script!r}, run_name="__main__")
"""
_HIDING = """
import importlib.abc, os, runpy, select, signal, sys
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
for name in {hidden!r}:
    sys.modules.pop(name, None)
{before}
sys.argv = {words!r}
sys.path.insert(0, {root!r})
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_OF_POSIX = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")
_AS_ON_WINDOWS = """
import asyncio, logging, random  # which ask the system what it is, and are right
del signal.SIGHUP, select.poll, select.PIPE_BUF, os.fchown, os.fchmod, os.register_at_fork
select.select = None
"""


def _python(code: str, *, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("name", _READ_BY_ALL)
def test_what_says_that_a_python_is_too_old_can_be_read_by_it(name: str) -> None:
    """3.9 is what macOS gives: a SyntaxError there would hide the sentence."""
    ast.parse((ROOT / name).read_text("utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("script", _SCRIPTS)
def test_a_python_that_is_too_old_is_told_which_one_is_needed(script: str) -> None:
    """With what it is, and what to type."""
    ended = _python(_OLD.format(script=script))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(
        r"kvcluster needs Python 3\.10 or newer, and \S+ is 3\.9\.6\. .* make setup PYTHON=.*\n",
        ended.stderr,
    )


@pytest.mark.parametrize("script", _SCRIPTS)
def test_missing_packages_are_named_with_what_to_type(script: str, tmp_path: Path) -> None:
    """A terminal in which nobody typed `activate`, or the mission's `pip install grpcio`."""
    ended = subprocess.run(
        [sys.executable, "-E", "-s", "-S", str(ROOT / script), "50051"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    (sentence,) = ended.stderr.splitlines()
    assert "has not all that kvcluster needs: grpcio, " in sentence
    assert re.search(r"(source \S*\.venv/bin/activate|make setup)", sentence)


def test_a_package_that_is_too_old_is_named(tmp_path: Path) -> None:
    """The generated files refuse it with an exception of their own kind."""
    code = _HIDING.format(
        hidden=(),
        before="import grpc; grpc.__version__ = '1.2.3'",
        words=[str(ROOT / "client.py"), "get", "a"],
        root=str(ROOT),
    )
    ended = _python(code, cwd=tmp_path)
    assert ended.returncode == 1
    (sentence,) = ended.stderr.splitlines()
    assert "cannot load what kvcluster needs: The grpc package installed is at version 1.2.3" in (
        sentence
    )


def test_the_packages_that_are_looked_for_are_those_that_are_installed() -> None:
    """One that is added to pyproject.toml would be missed with a traceback."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"\ndependencies = \[(.*?)\n\]", text, re.S)
    oldest = re.search(r'requires-python = ">=(\d+)\.(\d+)"', text)
    assert listed is not None
    assert oldest is not None
    assert set(re.findall(r'"([\w-]+)[>=]', listed[1])) == set(NEEDED.values())
    assert tuple(map(int, oldest.groups())) == OLDEST


def test_a_server_where_files_cannot_be_locked_says_where_it_can_run() -> None:
    """Windows: a traceback of fcntl, which is no word for a user."""
    words = [str(ROOT / "server.py"), "50051"]
    code = _HIDING.format(hidden=_OF_POSIX, before=_AS_ON_WINDOWS, words=words, root=str(ROOT))
    ended = _python(code)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "WSL" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
