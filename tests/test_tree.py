"""The rules of the house, as tests: where a thing may live, and what it may touch there."""

from __future__ import annotations

import ast
import re
from collections import Counter

from tests.tree import ROOT, imports_of, library, parsed, rooms_asked, sources

LAW = {
    "errors": "",
    "config": "",
    "doorstep": "",
    "steady": "",
    "model": "config errors",
    "storage": "config errors model",
    "wire": "config errors model steady",
    "security": "config errors model wire",
    "cluster/peers": "config errors model security steady storage wire",
    "cluster/writing": "cluster/peers errors model storage",
    "cluster/repair": "cluster/peers cluster/writing config errors model storage",
    "cluster/deciding": "cluster/peers cluster/writing errors model storage wire",
    "cluster/requests": "cluster/* config errors model security storage wire",
    "cluster": "",
    "node": "cluster/* config errors model storage",
    "engines": "config errors model wire",
    "engines/etcd": "config engines errors model wire",
    "engines/postgres": "config engines errors model wire",
    "engines/redis": "config engines errors model wire",
    "gateway": "cluster/peers config engines errors model wire",
    "client": "config errors model steady wire",
    "": "client errors wire",
    "recipes": " ",
    "console": "config doorstep errors model",
    "view": "client console model",
    "dashboard": "client console errors model view wire",
    "commands/bulk": " config console errors view",
    "commands/bench": " console errors view",
    "commands/demo": " client console errors model view",
    "commands": " client commands/* config console dashboard doorstep errors model recipes view",
    "shell": "client commands console view",
    "server": "client cluster/peers config console engines errors gateway model node security"
    " steady storage view wire",
    "server/metrics": "cluster/* config errors gateway model node server storage wire",
    "command_line": "commands console",
    "__main__": "command_line commands commands/* console doorstep model server",
}
"""What each room may import besides itself. No room is named before it stands here, so no import
runs up and there is no circle. The empty name is `kvcluster` itself, the library as programs see
it."""
_INNER = {"errors", "config", "model", "wire", "steady"}
MODEL_MUST_NOT_IMPORT = {"asyncio", "grpc", "time", "random", "os", "socket", "threading"}
GRPC_BELONGS_IN = {
    "client",
    "commands",
    "wire",
    "server",
    "cluster/peers/channels.py",
    "engines/etcd",
    "doorstep.py",
}
NAMED = re.compile(r"(?<![\w./{}-])[a-z_0-9]+(?:/[a-z_0-9]+)*\.py\b")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
LONGEST_FILE = 300
LONGEST_FUNCTION = 50


def allowed(room: str) -> set[str]:
    """The rooms that a room may ask; "cluster/*" is all in that one."""
    words = LAW[room].split(" ")
    rooms = {word for word in words if not word.endswith("/*")} if LAW[room] else set()
    folders = tuple(word[:-1] for word in words if word.endswith("/*"))
    return rooms | {each for each in LAW if folders and each.startswith(folders)} | {room}


def test_every_room_keeps_to_the_law() -> None:
    """A room that reached up would make the whole untestable in pieces."""
    for path, room in library().items():
        assert room in LAW, f"{path} stands in a room without a law"
        for asked in rooms_asked(path):
            assert asked in allowed(room), f"{path} imports from {asked or 'kvcluster'}"


def test_the_law_has_no_circle() -> None:
    """What stands first can be understood, tested and shipped without the rest."""
    seen: set[str] = set()
    for room in LAW:
        assert allowed(room) - {room} <= seen, f"{room} asks a room that stands behind it"
        seen.add(room)


def test_clients_know_nothing_of_the_server() -> None:
    """They could be shipped alone."""
    for path, room in library().items():
        if room == "client":
            assert rooms_asked(path) <= _INNER | {"client"}, path


def test_model_touches_no_clock_no_chance_no_loop() -> None:
    """What decides takes values and returns values."""
    for path, room in library().items():
        if room == "model":
            assert not MODEL_MUST_NOT_IMPORT & {it.split(".")[0] for it in imports_of(path)}, path


def test_grpc_stays_at_the_border() -> None:
    """The rest of the server runs on any transport."""
    for path in library():
        inner = path.relative_to("kvcluster")
        if {"grpc", "demo_pb2_grpc"} & imports_of(path):
            places = {inner.parts[0], inner.parent.as_posix(), inner.as_posix()}
            assert GRPC_BELONGS_IN & places, path


def test_no_name_stands_twice() -> None:
    """Neither that of a module nor that of a public class: whoever searches finds one."""
    modules = Counter(path.stem for path in library() if path.stem != "__init__")
    classes = Counter(
        node.name
        for path in library()
        for node in parsed(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in (modules + classes).items() if count > 1] == []


def test_every_file_opens_with_an_essay() -> None:
    """A reader learns from the first lines in which room they stand."""
    for path in sources():
        if (ROOT / path).read_text(encoding="utf-8").strip():
            assert ast.get_docstring(parsed(path)), path


def test_every_room_has_a_map() -> None:
    """Whoever comes in sees what stands where."""
    for path, room in library().items():
        if path.name == "__init__.py" and room:
            told = ast.get_docstring(parsed(path)) or ""
            for other in (ROOT / path).parent.iterdir():
                is_room = other.is_dir() and other.name != "__pycache__"
                name = f"{other.name}/" if is_room else other.name
                assert name in told or other.name in {path.name, "__pycache__"}, f"{path}: {name}"


def test_files_that_comments_name_are_there() -> None:
    """From the root, from `kvcluster/`, or beside the one that names it."""
    for path in sources():
        if path.parts[0] == "tests":
            continue
        for name in NAMED.findall((ROOT / path).read_text(encoding="utf-8")):
            places = (ROOT / name, ROOT / "kvcluster" / name, (ROOT / path).parent / name)
            assert any(place.exists() for place in places), f"{path}: {name}"


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
