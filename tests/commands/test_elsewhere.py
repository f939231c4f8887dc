"""The commands and the library where there is no POSIX: as on Windows, as far as can be hidden.

A system without these modules and signals cannot run a node, but it can use one. That nothing else
of it differs nobody has tried; here it is held that no command imports what is not there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.fake_node import FakeCluster
from tests.test_doorstep import _AS_ON_WINDOWS, _HIDING, _OF_POSIX, ROOT, _python


@pytest.mark.parametrize(
    "words",
    [
        ["put", "b", "2"],
        ["put", "b", "--file", "{file}"],
        ["get", "a"],
        ["get", "a", "--binary"],
        ["delete", "a"],
        ["scan"],
        ["locate", "a"],
        ["status"],
        ["health"],
        ["import", "{file}"],
        ["export", "{file}.new"],
        ["export", "{file}", "--force"],
        ["export", "-"],
        ["demo"],
        ["completion", "bash"],
    ],
    ids=" ".join,
)
def test_a_command_needs_nothing_of_posix(
    cluster: FakeCluster, tmp_path: Path, words: list[str]
) -> None:
    """The first import of fcntl in a module that the commands share would end this."""
    cluster.store["a"] = "1"
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"key": "c", "value": "3"}\n')
    command = [word.format(file=file) for word in words]
    asked = [] if words[0] == "completion" else ["--cluster", cluster.members]
    code = _HIDING.format(
        hidden=_OF_POSIX,
        before=_AS_ON_WINDOWS,
        words=[str(ROOT / "client.py"), *command, *asked],
        root=str(ROOT),
    )
    ended = _python(code)
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
