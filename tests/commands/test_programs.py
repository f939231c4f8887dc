"""client.py and health_check_client.py as processes: their files, their noise, their end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.fake_node import FakeCluster

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("server.py", "client.py", "health_check_client.py")


def _command(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments),
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )


def test_every_program_says_the_same_version() -> None:
    """Whoever reports a bug has started one of them, and the version of Python matters too."""
    said = [_run(name, "--version") for name in PROGRAMS]
    assert {(each.returncode, each.stderr) for each in said} == {(0, "")}
    (line,) = {each.stdout for each in said}
    assert line.startswith("kvcluster ")
    assert line.endswith(f", Python {sys.version.split()[0]}\n")


def test_the_programs_make_no_noise_about_dead_and_frozen_nodes(
    cluster: FakeCluster, nobody: str, frozen: str, web_server: str
) -> None:
    """gRPC's core would write to standard error by itself, beyond Python's reach."""
    addresses = (cluster.addresses[0], nobody, frozen, web_server)
    ended = _run("health_check_client.py", *addresses, "--timeout", "0.5")
    assert (ended.returncode, ended.stderr) == (1, "")
    words = [line.split("  ")[1] for line in ended.stdout.splitlines()]
    assert words == ["SERVING", "UNREACHABLE", "TIMED OUT", "WRONG SERVICE"]


def test_status_makes_no_noise_and_is_plain_in_a_pipe(
    cluster: FakeCluster, nobody: str, frozen: str
) -> None:
    """Neither gRPC nor the library that draws the table says or paints anything of its own."""
    addresses = ",".join([*cluster.addresses, nobody, frozen])
    ended = _run("client.py", "status", "--cluster", addresses, "--timeout", "0.5", COLUMNS="30")
    assert (ended.returncode, ended.stderr) == (1, "")
    rows = [line.split()[:2] for line in ended.stdout.splitlines()[3:8]]
    words = ["SERVING"] * 3 + ["UNREACHABLE", "TIMED"]
    assert rows == [
        [*pair] for pair in zip([*cluster.addresses, nobody, frozen], words, strict=True)
    ]
    assert "\x1b" not in ended.stdout


def test_the_client_speaks_utf8_in_a_terminal_that_does_not(cluster: FakeCluster) -> None:
    """A value is the same bytes whatever the locale says."""
    cluster.store["city"] = "Hà Nội 🌱"
    ended = _run(
        "client.py", "get", "city", "--node", cluster.addresses[0], PYTHONIOENCODING="ascii"
    )
    assert (ended.returncode, ended.stdout) == (0, "Hà Nội 🌱")


_LOCALES = [
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LC_ALL": "en_US.ISO-8859-1", "LANG": "en_US.ISO-8859-1", "PYTHONUTF8": "0"},
    {"LC_ALL": "C"},
    {"LC_ALL": "no-such"},
]


@pytest.mark.parametrize("locale", _LOCALES)
def test_words_are_utf8_in_a_locale_that_is_not(
    cluster: FakeCluster, tmp_path: Path, locale: dict[str, str]
) -> None:
    """With LC_ALL=C they were refused as invalid, in a Latin-1 one stored as other letters."""
    file = tmp_path / "xuất.jsonl"
    environment = {**locale, "KV_NODES": cluster.members}
    assert _run("client.py", "put", "thủ đô", "Hà Nội 🌱", **environment).returncode == 0
    assert cluster.store == {"thủ đô": "Hà Nội 🌱"}
    assert _run("client.py", "get", "thủ đô", **environment).stdout == "Hà Nội 🌱"
    assert _run("client.py", "scan", "thủ", **environment).stdout == "thủ đô\tHà Nội 🌱\n"
    for command in ("export", "import"):
        ended = _run("client.py", command, str(file), "-o", "json", **environment)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert json.loads(ended.stdout)["file"] == str(file)
    assert json.loads(file.read_text("utf-8")) == {"key": "thủ đô", "value": "Hà Nội 🌱"}
    ended = _run("client.py", "export", str(file), **environment)
    assert ended.stderr == f"{file} is there already; --force replaces it.\n"


@pytest.mark.parametrize("locale", _LOCALES)
def test_words_that_are_no_utf8_are_refused_in_every_locale(locale: dict[str, str]) -> None:
    """What is printed is UTF-8 as well; a key that nobody can print cannot be asked for."""
    ended = subprocess.run(
        [*_command("client.py", "get"), b"\xe9"],
        cwd=ROOT,
        env=os.environ | locale,
        capture_output=True,
        timeout=30,
    )
    assert ended.returncode == 2
    assert b"is not valid UTF-8" in ended.stderr


def test_a_proxy_in_the_environment_is_not_used(cluster: FakeCluster) -> None:
    """Many machines have one set, and it knows nothing of our nodes."""
    proxy = "http://127.0.0.1:9"
    ended = _run("health_check_client.py", cluster.addresses[0], http_proxy=proxy, no_proxy="")
    assert ended.returncode == 0


def test_the_demo_runs_as_a_program(cluster: FakeCluster) -> None:
    """As the mission starts it."""
    ended = _run("client.py", "--cluster", cluster.members)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "All 36 steps held" in ended.stdout


def test_a_reader_that_went_away_is_no_error(cluster: FakeCluster) -> None:
    """`client.py | head -1` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(
            _command("client.py", "--cluster", cluster.members),
            cwd=ROOT,
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=30,
        )
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (141, b"")
    assert cluster.store == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_told_in_one_sentence(cluster: FakeCluster) -> None:
    """A full disk under the shell's redirection."""
    cluster.store["a"] = "1"
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            _command("client.py", "get", "a", "--node", cluster.addresses[0]),
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=30,
        )
    assert ended.returncode == 3
    assert ended.stderr == "Cannot go on: No space left on device.\n"


def test_ctrl_c_during_a_write_says_that_it_may_have_happened(cluster: FakeCluster) -> None:
    """The node has the request, and has not answered."""
    node = cluster.nodes[0]
    node.hangs.add("Put")
    process = subprocess.Popen(
        _command("client.py", "put", "a", "1", "--node", node.address, "--timeout", "20"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert node.arrived.wait(20)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert "the write may have happened" in err
    assert "Traceback" not in err
