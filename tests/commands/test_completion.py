"""The completion, in the shells themselves: what they offer behind a few words."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import Program

_ASK_BASH = """
source "$1"; FUNCTION=$2; shift 2
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
$FUNCTION "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash_offers(script: Path, *words: str, function: str = "_shtab_client_py") -> set[str]:
    """What bash offers at the end of these words, asked beside the script."""
    ended = subprocess.run(
        ["bash", "--norc", "-c", _ASK_BASH, "ask", str(script), function, *words],
        cwd=script.parent,
        capture_output=True,
        encoding="utf-8",
        timeout=20,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return {word.strip() for word in ended.stdout.splitlines()}


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
        (["completion", ""], {"bash", "zsh", "fish"}),
        (["--node", "localhost:50051", "loc"], {"locate", "lock"}),
        (["put", "a", "b", "--if"], {"--if-absent", "--if-version", "--if-value"}),
    ],
)
def test_bash_completes(
    client: Program, tmp_path: Path, words: list[str], offered: set[str]
) -> None:
    """A script that bash takes without a word and that offers nothing would not be noticed."""
    script = _script(client, tmp_path, "bash")
    (tmp_path / "pairs.jsonl").touch()
    assert bash_offers(script, "client.py", *words) == offered


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


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["python", "client.py", "sta"], {"status"}),
        (["python3", "./client.py", "scan", "-o", ""], {"text", "json"}),
        (["python", "other.py", "sta"], {""}),
        (["python", "cl"], {""}),
    ],
)
def test_bash_completes_behind_python(
    client: Program, tmp_path: Path, words: list[str], offered: set[str]
) -> None:
    """That is how the script is typed; other programs are left to the shell."""
    script = _script(client, tmp_path, "bash")
    assert bash_offers(script, *words, function="_kv_behind_python") == offered


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
@pytest.mark.parametrize("front", ["client.py", "python client.py", "python3 /x/client.py"])
def test_fish_completes(client: Program, tmp_path: Path, front: str) -> None:
    """It is asked as Tab asks it, behind the program and behind Python."""
    script = _script(client, tmp_path, "fish")
    (tmp_path / "pairs.jsonl").touch()
    for words, offered in (
        ("sta", "status"),
        ("put a --fi", "--file"),
        ("import pai", "pairs.jsonl"),
    ):
        ended = subprocess.run(
            ["fish", "-N", "-c", f"source {script}; complete -C '{front} {words}'"],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=20,
        )
        assert [line.split("\t")[0] for line in ended.stdout.splitlines()] == [offered]


def test_kvcluster_completes_its_server_too(tmp_path: Path) -> None:
    """With the options of the server, and without a function for Python."""
    ended = subprocess.run(
        [sys.executable, "-m", "kvcluster", "completion", "bash"],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        cwd=Path(__file__).parents[2],
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "complete -o bashdefault -F _shtab_kvcluster kvcluster" in ended.stdout
    assert "--data-dir" in ended.stdout
    assert "_kv_behind_python" not in ended.stdout


def test_a_missing_library_is_named(client: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have copied the folder without it."""
    monkeypatch.setitem(sys.modules, "shtab", None)
    ended = client("completion", "bash")
    assert (ended.code, ended.out) == (2, "")
    assert "pip install shtab" in ended.err
