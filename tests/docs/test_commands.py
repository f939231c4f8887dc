"""Every command in the documents is run, in its order, by a reader who never gets tired.

How blocks are read and marked is told in markdown.py, where they are played in stage.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.docs.markdown import DOCUMENTS, PROGRAMS, ROOT, Block, blocks, commands, session
from tests.docs.stage import Stage


@pytest.mark.skipif(sys.platform != "linux", reason="needs loopback addresses for machines")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_command_in_a_document_does_what_it_says(document: Path, tmp_path: Path) -> None:
    """A command that is wrong, renamed or out of order fails here, and not at a reader's."""
    with Stage(tmp_path) as stage:
        for block in blocks(document):
            if block.is_run:
                stage.play(block)
        assert "Traceback" not in stage.logs()


def test_the_twin_of_the_readme_has_the_same_commands() -> None:
    """Only one of the two is played."""
    ours, twins = (
        [_typed(block) for block in blocks(ROOT / name)] for name in ("README.md", "README.vi.md")
    )
    assert twins == ours


def _typed(block: Block) -> list[str]:
    """What a reader types, without the comments, which are in the language of the document."""
    if block.is_session:
        return [command for command, _ in session(block.text)]
    return commands(block.text) if block.language in PROGRAMS else []
