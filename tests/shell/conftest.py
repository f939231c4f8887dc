"""The shell in this process: as a script, and with a person who presses keys."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from kvcluster.shell import interpreter
from kvcluster.shell.grammar import Grammar
from tests.client.conftest import cluster, frozen, nobody
from tests.commands.conftest import THE_THREE, Ended, Program, client

__all__ = ["client", "cluster", "frozen", "nobody"]

Script = Callable[..., Ended]
Typed = Callable[..., Ended]

CTRL_C, CTRL_D = "\x03", "\x04"


@pytest.fixture(autouse=True)
def _nobody_lives_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests has a history and a cluster of their own."""
    monkeypatch.delenv("KV_NODES", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def grammar() -> Grammar:
    """The parser of a line."""
    return Grammar(THE_THREE, {})


@pytest.fixture
def script(client: Program, monkeypatch: pytest.MonkeyPatch) -> Script:
    """`client.py shell ARGUMENTS < LINES`."""

    def run(lines: str | bytes, *arguments: str) -> Ended:
        data = lines if isinstance(lines, bytes) else lines.encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        return client("shell", *arguments)

    return run


@pytest.fixture
def typed(client: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typed]:
    """`client.py shell ARGUMENTS` where somebody presses these keys; Ctrl+D comes at the end."""
    monkeypatch.setattr(interpreter, "somebody_is_there", lambda: True)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):

        def run(text: str, *arguments: str) -> Ended:
            keys.send_text(text + CTRL_D)
            return client("shell", *arguments)

        yield run
