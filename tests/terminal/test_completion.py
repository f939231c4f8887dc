"""The completion, in the shells themselves: what they offer behind a few words."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal.conftest import Program

_ASK_BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_shtab_client_py "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _script(client: Program, folder: Path, shell: str) -> Path:
    ended = client("completion", shell)
    assert (ended.code, ended.err) == (0, "")
    script = folder / "script"
    script.write_text(ended.out)
    return script


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["sta"], {"status"}),
        (["get", "--o"], {"--output"}),
        (["scan", "-o", ""], {"text", "json"}),
        (["import", "pai"], {"pairs.jsonl"}),
        (["completion", ""], {"bash", "zsh"}),
        (["--node", "localhost:50051", "loc"], {"locate"}),
    ],
)
def test_bash_completes(
    client: Program, tmp_path: Path, words: list[str], offered: set[str]
) -> None:
    """A script that bash takes without a word and that offers nothing would not be noticed."""
    script = _script(client, tmp_path, "bash")
    (tmp_path / "pairs.jsonl").touch()
    ended = subprocess.run(
        ["bash", "-c", _ASK_BASH, "ask", str(script), "client.py", *words],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=20,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {word.strip() for word in ended.stdout.splitlines()} == offered


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_takes_the_script(client: Program, tmp_path: Path) -> None:
    """It is loaded by the completion system, and bound to the program."""
    script = _script(client, tmp_path, "zsh").rename(tmp_path / "_client.py")
    command = f"fpath=({script.parent} $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/z;"
    command += " print $_comps[client.py]; autoload +X _client.py"
    ended = subprocess.run(
        ["zsh", "-f", "-c", command], capture_output=True, encoding="utf-8", timeout=20
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "_client.py\n", "")


def test_a_missing_library_is_named(client: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have copied the folder without it."""
    monkeypatch.setitem(sys.modules, "shtab", None)
    ended = client("completion", "bash")
    assert (ended.code, ended.out) == (2, "")
    assert "pip install shtab" in ended.err
