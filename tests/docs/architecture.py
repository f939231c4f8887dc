"""What of docs/architecture.md is made from the code: by `make gen`, which runs this file.

A picture that is drawn by hand is true on the day on which it is drawn. So the rooms of kvcluster/,
and who imports whom, are read from the imports (tests/tree.py), and drawn between two marks. And
where the classes and functions stand that the page names in brackets is looked up: behind the last
mark there is a link for each, and a file that is told behind one is filled in. What cannot be found
is not passed over: Unknown says which name is none any more.

Arrows that follow from others are left out of the picture: where a room imports two, and one of
these imports the other, the arrow to the nearer one says enough. All of them stand in the table.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.tree import ROOT, library, parsed, rooms_asked, sources

PAGE = ROOT / "docs" / "architecture.md"
PICTURE, END = "<!-- drawn by make gen, from here -->\n", "<!-- to here -->\n"
PLACES = "<!-- where all this stands, looked up by make gen -->\n"
PROGRAMS = ("server.py", "client.py", "health_check_client.py")

Rooms = Mapping[str, set[str]]
"""Each room, and the others from which it imports; the programs at the top are rooms, too."""

_NAME = re.compile(r"\[`([A-Za-z_.]+)`\]")
_TOLD = re.compile(r"(\[`([A-Za-z_.]+)`\]\s+in\s+)`[^`]*`")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


class Unknown(Exception):
    """The page names what is not there. The text says what."""


def renewed(page: str) -> str:
    """The text of the page, as the code says that it must be. Raises Unknown."""
    before, rest = _cut(page, PICTURE)
    _, rest = _cut(rest, END)
    after, _ = _cut(rest, PLACES)
    text = f"{_with_files(before)}{PICTURE}\n{drawn(rooms())}\n{END}{_with_files(after)}{PLACES}\n"
    names = sorted(set(_NAME.findall(text)))
    return text + "".join(f"[`{name}`]: ../{place_of(name).as_posix()}\n" for name in names)


def _cut(text: str, mark: str) -> tuple[str, str]:
    before, found, behind = text.partition(mark)
    if not found:
        raise Unknown(f"the mark {mark.strip()} is not there, or not in its place")
    return before, behind


def _with_files(text: str) -> str:
    return _TOLD.sub(lambda told: f"{told[1]}`{_inner(place_of(told[2]))}`", text)


def rooms() -> Rooms:
    """All of them, but for folders that only hold others."""
    asked: dict[str, set[str]] = {name: rooms_asked(Path(name)) for name in PROGRAMS}
    files: dict[str, list[str]] = defaultdict(list)
    for path, room in library().items():
        asked.setdefault(room, set()).update(rooms_asked(path) - {room})
        files[room].append(path.name)
    return {room: others for room, others in asked.items() if others or _is_one(room, files[room])}


def _is_one(room: str, files: list[str]) -> bool:
    return room not in PROGRAMS and files != ["__init__.py"]


def drawn(asked: Rooms) -> str:
    """The picture, and below it the table."""
    return "\n".join(["```mermaid", *_picture(asked), "```", "", *_table(asked)]) + "\n"


def _picture(asked: Rooms) -> Iterator[str]:
    yield "flowchart TD"
    yield from (f"    {_box(room)}" for room in _in_order(asked))
    for room, others in shortest(asked).items():
        if others:
            yield f"    {_name(room)} --> {' & '.join(map(_name, sorted(others)))}"


def _table(asked: Rooms) -> Iterator[str]:
    yield "| | what it is for | imports |"
    yield "|---|---|---|"
    for room in _in_order(asked):
        others = ", ".join(f"`{shown(it)}`" for it in _in_order(asked) if it in asked[room])
        yield f"| `{shown(room)}` | {_sentence(room)} | {others} |"


def _in_order(asked: Rooms) -> list[str]:
    """So that each room imports only from those behind it, and whoever needs nobody comes last."""
    return sorted(asked, key=lambda room: (-_height(asked, room), room))


def _height(asked: Rooms, room: str) -> int:
    """How many rooms stand on each other below this one."""
    return max((1 + _height(asked, other) for other in asked[room]), default=0)


def shortest(asked: Rooms) -> Rooms:
    """The same without arrows that follow from others."""

    def reached(room: str) -> set[str]:
        return {room}.union(*(reached(other) for other in asked[room]))

    return {
        room: {it for it in others if not any(it in reached(by) for by in others - {it})}
        for room, others in asked.items()
    }


def shown(room: str) -> str:
    """What a room is called on the page: a file or a folder, at the top or in kvcluster/."""
    if room in PROGRAMS:
        return room
    is_folder = room and (ROOT / "kvcluster" / room).is_dir()
    return f"{room}/" if is_folder else f"{room or '__init__'}.py"


def _box(room: str) -> str:
    left, right = ("([", "])") if room in PROGRAMS else ("[", "]")
    label = shown(room).replace("__", "#95;#95;")  # else Mermaid sets in bold what is between
    return f'{_name(room)}{left}"{label}"{right}'


def _name(room: str) -> str:
    """As Mermaid takes it."""
    return re.sub(r"\W", "_", shown(room)).strip("_")


def _sentence(room: str) -> str:
    """The first line of what a room says of itself."""
    path = Path("kvcluster", room, "__init__.py")
    if not (ROOT / path).exists():
        path = Path(room) if room in PROGRAMS else Path("kvcluster", f"{room}.py")
    return (ast.get_docstring(parsed(path)) or "").partition("\n")[0]


def _inner(path: Path) -> str:
    """A file as the page tells it."""
    return path.as_posix().removeprefix("kvcluster/")


def place_of(name: str) -> Path:
    """The file in which a class, a function, or a method of a class is defined. Raises Unknown.

    What stands in kvcluster/ or in server.py goes before what is called the same in tests.
    """
    ours = {Path("server.py"), *library()}
    found = _definitions().get(name, [])
    found = [path for path in found if path in ours] or found
    if len(found) != 1:
        where = ", ".join(path.as_posix() for path in found) or "nowhere"
        raise Unknown(f"{name} is defined in {where}; name something that is defined once")
    return found[0]


@cache
def _definitions() -> Mapping[str, list[Path]]:
    """Where each name is defined: "Table", "Table.apply", "cut_page"."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sources():
        for node in parsed(path).body:
            if isinstance(node, (ast.ClassDef, *_FUNCTION)):
                found[node.name].append(path)
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, _FUNCTION):
                        found[f"{node.name}.{inner.name}"].append(path)
    return found


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
