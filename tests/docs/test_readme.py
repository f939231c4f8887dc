"""The tree in both READMEs is the tree that is there, as far down as they draw it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.tree import library

READMES = [ROOT / "README.md", ROOT / "README.vi.md"]
_ENTRY = re.compile(r"(|    |        )([\w./]+(?:, [\w./]+)*)(?:  .*)?")
"""How deep it stands, and what stands there: one or several, and in other words what that is."""


def drawn(readme: Path) -> list[str]:
    """What the tree names, as paths from the root."""
    (tree,) = (block.text for block in blocks(readme) if "\nkvcluster/\n" in block.text)
    above: list[str] = []
    found = []
    for line in tree.splitlines():
        if entry := _ENTRY.fullmatch(line):
            del above[len(entry[1]) // 4 :]
            names = entry[2].split(", ")
            found += ["".join([*above, name]) for name in names]
            above.append(names[0])
    return found


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.name)
def test_all_that_is_drawn_is_there(readme: Path) -> None:
    """Whoever looks for a thing looks there first."""
    for path in drawn(readme):
        assert (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).is_file(), path


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.name)
def test_no_folder_of_the_code_is_left_out(readme: Path) -> None:
    """Those in kvcluster/, and the rooms of a node among others."""
    folders = {path.parent for path in library() if path.name == "__init__.py"}
    shown = {f"{it.as_posix()}/" for it in folders if len(it.parts) < 3 or it.parts[1] == "cluster"}
    assert shown <= set(drawn(readme))


def test_both_are_the_same() -> None:
    """In the same order."""
    assert drawn(READMES[0]) == drawn(READMES[1])
    assert len(drawn(READMES[0])) > 20
