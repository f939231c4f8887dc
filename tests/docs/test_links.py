"""Nothing that a document points to is missing: pages, headings, files, tests."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.architecture import place_of
from tests.docs.markdown import ROOT, blocks, commands
from tests.docs.prose import TEXTS, anchors, code, links, prose

_FILE = re.compile(r"[\w./-]+\.(py|md|proto)")
_TEST = re.compile(r"test_\w+")
_CODE = re.compile(r"[\w./*-]+\.py")
_METHOD = re.compile(r"[A-Z][a-z]\w+\.[a-z]\w+")
_FOLDER = re.compile(r"(tests|kvcluster|docs)(/[\w*-]+)*/?")
_WORD = re.compile(r"make ([a-z]+)")
"""A chore of the Makefile."""
_NAME = re.compile(r"(?!kvcluster_|process_|python_|test_|data_node_)[a-z]+(_[a-z]+)+")
"""A setting, a field, a function; not a metric."""

every_text = pytest.mark.parametrize("document", TEXTS, ids=lambda document: document.name)


@cache
def files() -> tuple[str, ...]:
    """Every file that may be meant, as /its/path from the root."""
    folders = ("kvcluster", "tests", "bench", "docs")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.*")]
    return tuple(f"/{path.relative_to(ROOT).as_posix()}" for path in (*found, *ROOT.glob("*.*")))


@cache
def known_tests() -> set[str]:
    """The name of every test."""
    sources = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"def (test_\w+)", source)}


@cache
def sources() -> str:
    """Everything in which a name may stand."""
    found = [*(ROOT / "kvcluster").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return "\n".join(path.read_text("utf-8") for path in (*found, ROOT / "demo.proto"))


@every_text
def test_every_link_leads_somewhere(document: Path) -> None:
    """A page or a heading that was renamed would leave a reader at its door."""
    for link in links(document):
        if "://" in link:
            continue
        page, _, anchor = link.partition("#")
        target = document.parent / page if page else document
        assert target.exists(), f"{document.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{document.name}: {link}"


@every_text
def test_every_file_and_test_that_is_named_exists(document: Path) -> None:
    """A promise whose test is gone is no promise."""
    for word in code(prose(document)):
        if _FILE.fullmatch(word) and document.name != "CHANGELOG.md":
            name = word.removeprefix("./")
            assert any(file.endswith(f"/{name}") for file in files()), f"{document.name}: {word}"
        elif _TEST.fullmatch(word):
            assert word in known_tests(), f"{document.name}: {word}"


@every_text
def test_every_file_of_the_code_is_named_as_it_stands(document: Path) -> None:
    """From the root or from kvcluster/, so that one of that name somewhere else does not do."""
    for word in code(prose(document)):
        if _CODE.fullmatch(word) and "test_" not in word:
            places = (ROOT, ROOT / "kvcluster")
            assert any(list(place.glob(word)) for place in places), f"{document.name}: {word}"


@every_text
def test_every_method_that_is_named_is_one(document: Path) -> None:
    """`Heartbeats.tell` was another class's for a while."""
    for word in code(prose(document)):
        if _METHOD.fullmatch(word):
            place_of(word)


@every_text
def test_every_folder_that_is_named_exists(document: Path) -> None:
    """Folders move more often than files."""
    for word in code(prose(document)):
        if _FOLDER.fullmatch(word):
            assert list(ROOT.glob(word.rstrip("/"))), f"{document.name}: {word}"


@every_text
def test_every_chore_that_is_named_is_one(document: Path) -> None:
    """`make` would have no rule to make it."""
    chores = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    typed = [line for block in blocks(document) for line in commands(block.text)]
    for word in [*code(prose(document)), *typed]:
        if found := _WORD.match(word):
            assert found[1] in chores, f"{document.name}: {word}"


@every_text
def test_every_name_that_is_spelled_is_one(document: Path) -> None:
    """A setting or a field that was renamed is looked for in vain."""
    for word in code(prose(document)):
        if _NAME.fullmatch(word):
            assert word in sources(), f"{document.name}: {word}"
