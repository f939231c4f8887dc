"""A document as its commands: what a reader would type, in the order in which it stands there.

Each fenced block is one of four things:

- ```sh: commands, a line each. `python server.py` is a terminal of its own, and runs on.
- a block whose first line begins with `$ `: commands, and below each what it prints.
- ```python: a program.
- anything else: to be looked at (output, a file).

The first three must run, or say why not. What a reader need not see stands in comments before the
block, one mark each:

    <!-- untested: REASON -->          not run here; the sentence before it must say "untested" too
    <!-- runs elsewhere: WHERE -->     not run here, but there
    <!-- first: COMMAND -->            done before it: what the text tells in other words
    <!-- on: node-a -->                the machine whose files it is about
    <!-- exits with: 1 -->             its last command fails, and is meant to
    <!-- output: not compared -->      figures of another machine

So a command that somebody adds is run by the tests from that day on, or a person has written down
why it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PLAYED = ("README.md", "CONTRIBUTING.md")
DOCUMENTS = (*(ROOT / name for name in _PLAYED), *sorted((ROOT / "docs").glob("*.md")))
"""Those whose commands are run. README.vi.md has the same as README.md, which is a test."""

MARKS = ("untested", "runs elsewhere", "first", "on", "exits with", "output")
PROGRAMS = ("sh", "python")
TO_LOOK_AT = ("", "ini", "json", "mermaid", "sql", "yaml")

_FENCE = re.compile(r"( *)```(\w*)$")
_MARK = re.compile(r"<!-- ([a-z ]+): (.+) -->")


class Unclear(Exception):
    """A document says something that nobody can follow. The text says where."""


@dataclass(frozen=True)
class Block:
    """A fenced block, with the marks before it."""

    place: str
    """The document and the line, for people."""
    language: str
    text: str
    marks: dict[str, list[str]] = field(default_factory=dict)
    before: str = ""
    """The paragraph before it."""

    @property
    def is_session(self) -> bool:
        """Whether it shows commands and what they print."""
        return self.language == "" and self.text.startswith("$ ")

    @property
    def is_run(self) -> bool:
        """Whether there is something to run, and no reason not to."""
        something = self.language in PROGRAMS or self.is_session
        return something and not self.mark("untested") and not self.mark("runs elsewhere")

    def mark(self, name: str) -> str:
        """What a mark says; empty if there is none."""
        return self.marks.get(name, [""])[-1]


def blocks(document: Path) -> list[Block]:
    """The blocks of a document, in their order. Raises Unclear."""
    return list(_read(document.name, document.read_text("utf-8").splitlines()))


def _read(name: str, lines: list[str]) -> Iterator[Block]:
    marks: dict[str, list[str]] = {}
    before, ended = "", False
    rest = iter(enumerate(lines, 1))
    for number, line in rest:
        place = f"{name}:{number}"
        if found := _MARK.fullmatch(line.strip()):
            if found[1] not in MARKS:
                raise Unclear(f"{place}: nobody knows the mark {found[1]!r}")
            marks.setdefault(found[1], []).append(found[2])
        elif fence := _FENCE.match(line):
            text = "\n".join(_until_fence(rest, place, len(fence[1])))
            yield _checked(Block(place, fence[2], text, marks, before))
            marks, before = {}, ""
        elif not line.strip():
            ended = True
        elif marks:
            raise Unclear(f"{place}: a mark stands before this line, and not before a block")
        else:
            before, ended = line if ended else f"{before} {line}", False


def _until_fence(rest: Iterator[tuple[int, str]], place: str, indent: int) -> Iterator[str]:
    for _, line in rest:
        if line.strip() == "```":
            return
        yield line[indent:]
    raise Unclear(f"{place}: a block without an end")


def _checked(block: Block) -> Block:
    if block.language not in (*PROGRAMS, *TO_LOOK_AT):
        raise Unclear(f"{block.place}: nobody knows how to run {block.language!r}")
    if block.mark("untested") and "untested" not in block.before.lower():
        raise Unclear(f"{block.place}: marked untested, and the text before it does not say so")
    return block


def commands(text: str) -> list[str]:
    """The commands of a shell block, without comments and empty lines; long ones in one piece."""
    joined = text.replace("\\\n", " ")
    stripped = (re.sub(r"(^|\s+)#.*$", "", line).rstrip() for line in joined.splitlines())
    return [line for line in stripped if line]


def session(text: str) -> list[tuple[str, list[str]]]:
    """The commands of a block that shows a session, each with the lines that it prints."""
    shown: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            shown.append((line[2:], []))
        else:
            shown[-1][1].append(line)
    return shown
