"""Other checkouts of ours, to be measured beside this one: before and after in one run.

    --tree ../main           a folder
    --tree HEAD~1            a commit, of which a copy is made for this run
    --tree before=HEAD~1     the same, called "before" in the table
    --set rounds_in_flight=2 this checkout, with another setting

Each is one more system, with servers and library of its own. `--tree .` is this checkout once more:
what the table then shows as a difference is noise, and nothing smaller can be told apart.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from bench.systems.processes import ROOT


class NoSuchTree(Exception):
    """Neither a checkout of ours nor a commit."""


@dataclass(frozen=True)
class Variant:
    """Ours, in another form: what it is called, its code, its settings."""

    row: str
    tree: Path = ROOT
    settings: tuple[str, ...] = ()


def variants(trees: list[str], settings: list[str], folder: Path) -> list[Variant]:
    """What was asked for. Copies of commits are made in `folder`. Raises NoSuchTree."""
    found = [_variant(tree, folder) for tree in trees]
    return found + [Variant(f"ours, {setting}", settings=(setting,)) for setting in settings]


def _variant(given: str, folder: Path) -> Variant:
    name, _, what = given.rpartition("=")
    path = Path(what).expanduser().resolve()
    if (path / "server.py").exists():
        return Variant(f"ours@{name or path.name}", path)
    return Variant(f"ours@{name or what}", _copy_of(what, folder / f"tree-{name or what}"))


def _copy_of(commit: str, folder: Path) -> Path:
    """The files of a commit."""
    command = ["git", "-C", str(ROOT), "archive", commit, "--", "server.py", "kvcluster"]
    generated = ["demo_pb2.py", "demo_pb2_grpc.py"]
    done = subprocess.run([*command, *generated], capture_output=True, check=False)
    if done.returncode:
        raise NoSuchTree(f"{commit}: neither a checkout of ours nor a commit")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
