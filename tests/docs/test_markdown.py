"""The reader of the documents: what it must not let pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.markdown import Block, Unclear, blocks, commands, session
from tests.docs.sameness import unlike
from tests.docs.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage on which nothing runs."""
    with Stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


def read(folder: Path, text: str) -> list[Block]:
    """The blocks of a document with this text."""
    path = folder / "some.md"
    path.write_text(text, encoding="utf-8")
    return blocks(path)


def test_a_block_of_commands_is_run_unless_it_says_why_not(tmp_path: Path) -> None:
    """Nobody has to remember to add a new command to anything."""
    (plain,) = read(tmp_path, "Do:\n\n```sh\nmake tea\n```\n")
    (shown,) = read(tmp_path, "Do:\n\n```\n$ make tea\ntea\n```\n")
    (output,) = read(tmp_path, "It says:\n\n```\ntea\n```\n")
    (elsewhere,) = read(tmp_path, "<!-- runs elsewhere: in CI -->\n```sh\nmake tea\n```\n")
    assert [plain.is_run, shown.is_run, output.is_run, elsewhere.is_run] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Do:\n\n<!-- untested: needs tea -->\n\n```sh\nmake tea\n```\n", "does not say so"),
        ("<!-- untestd: needs tea -->\n\n```sh\nmake tea\n```\n", "untestd"),
        ("<!-- first: make water -->\n\nDo:\n\n```sh\nmake tea\n```\n", "not before a block"),
        ("```fish\nmake tea\n```\n", "fish"),
        ("```sh\nmake tea\n", "without an end"),
    ],
)
def test_what_nobody_can_follow_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """A slip in a mark must not leave a block out in silence."""
    with pytest.raises(Unclear, match=why):
        read(tmp_path, text)


def test_commands_are_read_as_a_shell_does() -> None:
    """Comments are for the reader, and a long line may be broken; a # in a word is none."""
    text = 'one --a  # first\n\n# nothing\ntwo \\\n    --b "x#y"\n'
    assert commands(text) == ["one --a", 'two      --b "x#y"']
    assert session("$ one\na\nb\n$ two\n") == [("one", ["a", "b"]), ("two", [])]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["done in 0.3 s, 1,204 keys"], ["done  in 12 min, 1,311 keys"], True),
        (["at 03:32:33.123"], ["at 18:00:00.001"], True),
        (["2 of 3 replicas"], ["3 of 3 replicas"], False),
        (["a", "...", "z"], ["a", "b", "c", "z"], True),
        (["a", "..."], ["b"], False),
        (["a"], ["a", "b"], False),
        (["a"], [], False),
        (["a"], ["a", "x:1 cannot forget 2 deletes before y:2 has confirmed them"], True),
    ],
)
def test_output_is_compared_but_for_what_is_of_the_moment(
    shown: list[str], printed: list[str], same: bool
) -> None:
    """Times and sizes differ; a count of replicas must not."""
    assert bool(unlike(shown, printed)) is not same


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nfalse\n```\n",
        "```sh\nfalse | true\n```\n",
        "```sh\nno-such-program\n```\n",
        "```\n$ echo tea\ncoffee\n```\n",
        "<!-- exits with: 1 -->\n```sh\ntrue\n```\n",
        "```python\nraise SystemExit(1)\n```\n",
        "<!-- first: false -->\n```sh\ntrue\n```\n",
    ],
)
def test_a_command_that_fails_or_prints_something_else_fails(
    stage: Stage, tmp_path: Path, text: str
) -> None:
    """Played blocks are looked at."""
    (block,) = read(tmp_path, text)
    with pytest.raises(AssertionError, match=r"some\.md"):
        stage.play(block)
