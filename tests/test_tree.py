"""The rules of the house, as tests: where a thing may live, and what it may touch there."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATED = {"demo_pb2.py", "demo_pb2.pyi", "demo_pb2_grpc.py"}

ORDER = ["model", "storage", "cluster", "node"]
"""Each may import from itself and from what stands before it."""
EVERYBODY_MAY_IMPORT = {"config", "delivery", "dial", "errors", "error_info", "relations", "steady"}
_CLIENTS = EVERYBODY_MAY_IMPORT | {"client", "model.members", "model.outline"}
OUTSIDE = {
    "client": _CLIENTS,
    "terminal": _CLIENTS | {"terminal", "shell", "dashboard", "doorstep"},
    "shell": _CLIENTS | {"terminal", "shell"},
    "dashboard": _CLIENTS | {"terminal", "dashboard", "model.slots"},
}
"""What may be imported by those who stand outside the cluster."""
MODEL_MUST_NOT_IMPORT = {"asyncio", "grpc", "time", "random", "os", "socket", "threading"}
GRPC_BELONGS_IN = {
    "kvcluster/cluster/channels.py",
    "kvcluster/dial.py",
    "kvcluster/error_info.py",
    "kvcluster/listening.py",
    "kvcluster/standard_services.py",
    "kvcluster/wire.py",
}

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
LONGEST_FILE = 300
LONGEST_FUNCTION = 50


@cache
def sources() -> tuple[Path, ...]:
    """Every Python file of ours, relative to the root."""
    listed = _known_to_git() if (ROOT / ".git").exists() else _unpacked()
    return tuple(Path(name) for name in sorted(listed) if Path(name).name not in GENERATED)


def _known_to_git() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()


def _unpacked() -> list[str]:
    """From an archive, which holds nothing but what is ours, and environments made since."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
    return [path.as_posix() for path in found if not path.parts[0].startswith((".", "build"))]


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imports_of(path: Path) -> set[str]:
    """Full names of the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def library(part: str) -> list[Path]:
    """The files of one part of kvcluster."""
    return [path for path in sources() if path.as_posix().startswith(f"kvcluster/{part}")]


@pytest.mark.parametrize("part", ORDER)
def test_imports_point_one_way(part: str) -> None:
    """A part that reached forward would make the whole untestable in pieces."""
    allowed = set(ORDER[: ORDER.index(part) + 1]) | EVERYBODY_MAY_IMPORT
    for path in library(part):
        for name in imports_of(path):
            if name.startswith("kvcluster."):
                assert name.split(".")[1] in allowed, f"{path} imports {name}"


@pytest.mark.parametrize(("part", "parts"), OUTSIDE.items())
def test_clients_know_nothing_of_the_server(part: str, parts: set[str]) -> None:
    """They could be shipped alone, and the library without the programs."""
    for path in library(part):
        for name in imports_of(path):
            if name.startswith("kvcluster."):
                inner = name.removeprefix("kvcluster.")
                assert inner in parts or inner.split(".")[0] in parts, f"{path}: {name}"


def test_model_touches_no_clock_no_chance_no_loop() -> None:
    """What decides takes values and returns values."""
    for path in library("model"):
        assert not MODEL_MUST_NOT_IMPORT & {name.split(".")[0] for name in imports_of(path)}, path


def test_grpc_stays_at_the_border() -> None:
    """The rest of the server runs on any transport."""
    for path in library(""):
        if path.parts[1] not in OUTSIDE and {"grpc", "demo_pb2_grpc"} & imports_of(path):
            assert path.as_posix() in GRPC_BELONGS_IN, path


def test_every_file_opens_with_an_essay() -> None:
    """A reader learns from the first lines in which room they stand."""
    for path in sources():
        if (ROOT / path).read_text(encoding="utf-8").strip():
            assert ast.get_docstring(parsed(path)), path


def test_rooms_are_small() -> None:
    """No file and no function grows until nobody wants to open it."""
    for path in (path for path in sources() if path.parts[0] != "tests"):
        lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
        assert lines <= LONGEST_FILE, f"{path}: {lines} lines"
        for node in ast.walk(parsed(path)):
            if isinstance(node, FUNCTION) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                assert length <= LONGEST_FUNCTION, f"{path}:{node.name}: {length} lines"


def test_no_drawer_for_odds_and_ends() -> None:
    """A file is named for what it holds."""
    for path in sources():
        assert path.stem not in {"utils", "util", "common", "helpers", "misc"}, path


def test_every_test_says_what_it_would_catch() -> None:
    """One sentence each."""
    for path in sources():
        if not path.name.startswith("test_"):
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, FUNCTION) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path}:{node.name}"


def test_tests_are_called_the_same_in_every_process() -> None:
    """Workers that collect other names than each other run none: once it was a clock's second."""
    for path in sources():
        if not path.name.startswith("test_"):
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, FUNCTION):
                for call in (each for mark in node.decorator_list for each in ast.walk(mark)):
                    assert not _depends_on_the_moment(call), f"{path}:{node.name}"


def _depends_on_the_moment(call: ast.AST) -> bool:
    """Whether a call gives another value to each process that makes it."""
    if not isinstance(call, ast.Call):
        return False
    name = ast.unparse(call.func)
    if name == "gzip.compress":
        return all(keyword.arg != "mtime" for keyword in call.keywords)
    return name.split(".")[0] in {"datetime", "id", "random", "secrets", "set", "time", "uuid"}
