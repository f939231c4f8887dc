"""The tree as it stands: which files there are, in which room, and what each imports.

It only reads. What may stand where is the law, which is a test (test_tree.py); the picture of it in
docs/architecture.md is drawn from here (docs/architecture.py).
"""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED = {"demo_pb2.py", "demo_pb2.pyi", "demo_pb2_grpc.py", "etcd_rpc_pb2.py"}


@cache
def sources() -> tuple[Path, ...]:
    """Every Python file of ours, relative to the root."""
    listed = _known_to_git() if (ROOT / ".git").exists() else _unpacked()
    return tuple(Path(name) for name in sorted(listed) if Path(name).name not in GENERATED)


def _known_to_git() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()


def _unpacked() -> list[str]:
    """From an archive, which holds nothing but what is ours, and environments made since."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
    return [path.as_posix() for path in found if not path.parts[0].startswith((".", "build"))]


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imports_of(path: Path) -> set[str]:
    """Full names of the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@cache
def library() -> dict[Path, str]:
    """The files of kvcluster, and in which room each stands."""
    paths = [path for path in sources() if path.parts[0] == "kvcluster"]
    return {path: room_of(".".join(path.with_suffix("").parts)) for path in paths}


def room_of(module: str) -> str:
    """The room of a module: its package, or itself where it stands in the yard."""
    path = ROOT.joinpath(*module.removesuffix(".__init__").split("."))
    folder = path if path.is_dir() else path.parent
    inner = folder.relative_to(ROOT / "kvcluster").as_posix()
    return (path.stem if path != folder else "") if inner == "." else inner


def rooms_asked(path: Path) -> set[str]:
    """The rooms from which a file imports something."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = [name for name in names if name.split(".")[0] == "kvcluster"]
    return {room_of(name if is_module(name) else name.rpartition(".")[0]) for name in ours}


def is_module(name: str) -> bool:
    """Whether a dotted name is one of a module, and not of something in it."""
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()
