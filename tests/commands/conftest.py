"""The programs, and what their tests share with those of the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from kvcluster import command_line
from kvcluster.commands import health_check
from kvcluster.console import program
from tests.client.conftest import cluster, deciders, frozen, nobody, web_server

__all__ = ["cluster", "deciders", "frozen", "nobody", "web_server"]

THE_THREE = "localhost:50051,localhost:50052,localhost:50053"


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it said."""

    code: int
    out: str
    err: str


Program = Callable[..., Ended]


@pytest.fixture
def client(capsys: pytest.CaptureFixture[str]) -> Program:
    """client.py, run in this process."""
    return _program(
        capsys, lambda arguments: command_line.run(arguments, program.client(THE_THREE))
    )


@pytest.fixture
def health(capsys: pytest.CaptureFixture[str]) -> Program:
    """health_check_client.py, run in this process."""
    return _program(capsys, health_check.run)


def _program(capsys: pytest.CaptureFixture[str], run: Callable[[Sequence[str]], int]) -> Program:
    def program(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = run(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else -1
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ended(code, out, err)

    return program
