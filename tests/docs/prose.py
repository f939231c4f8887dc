"""What a document says outside its blocks: links, names in code, tables.

Names in code are the words between backticks. A table is its rows, each a list of cells; the first
is the header.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.markdown import ROOT

TEXTS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
"""Every document, the twin of the README too."""

Table = list[list[str]]

_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")


def prose(document: Path) -> str:
    """A document without its blocks."""
    return _FENCED.sub("", document.read_text("utf-8"))


def links(document: Path) -> list[str]:
    """Where its links lead."""
    return _LINK.findall(prose(document))


def code(text: str) -> list[str]:
    """The words in code, each on one line."""
    return [" ".join(found.split()) for found in _CODE.findall(text)]


def anchors(document: Path) -> set[str]:
    """What can be linked to in a document: its headings, spelled as GitHub does."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(document: Path, heading: str) -> str:
    """The text below a heading, up to the next of its level."""
    found = re.search(
        rf"^(##+) {re.escape(heading)}$(.*?)(?=^\1 |\Z)", prose(document), re.MULTILINE | re.DOTALL
    )
    assert found, f"{document.name} has no heading {heading!r}"
    return found[2]


def tables(text: str) -> list[Table]:
    """The tables in a text."""
    found: list[Table] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        before = line
    return found
