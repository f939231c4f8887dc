"""The doorstep: what must hold before the rest is loaded, and one sentence where it does not.

Three things go wrong before a program of ours has begun. The Python is too old to read it (3.9 is
what macOS gives). The packages are not there: a second terminal, in which nobody typed `activate`,
or `pip install grpcio grpcio-tools` and nothing more. And Ctrl+C comes while half a second of
imports is under way, where Python shows a page of traceback. Each script therefore steps in here
first. Whoever imports the library does not: an ImportError is right for programs.

So this file, `kvcluster/__init__.py` and the scripts at the top are such that Python 3.7 can read
them, and this one imports only what every Python has. A test holds both.

Rejected: to list the packages in pyproject.toml only and read it here, since tomllib came with 3.11
and is not wanted at every start; a test holds that the list here is the same.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

OLDEST = (3, 10)
NEEDED = {
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "grpc_reflection": "grpcio-reflection",
    "grpc_status": "grpcio-status",
    "google.protobuf": "protobuf",
    "orjson": "orjson",
    "prompt_toolkit": "prompt_toolkit",
    "rich": "rich",
    "shtab": "shtab",
    "xxhash": "xxhash",
}
"""Modules that are imported, and the packages that they are in."""

_INTERRUPTED = 130
_CANNOT_START = 2
_NAMED = 3
_NOT_HERE = (
    "A node needs Linux or macOS. On Windows run it in WSL (type: wsl --install); the library and"
    " the commands work here as well, and reach it at localhost."
)
_GENERATED = ("demo_pb2.py", "demo_pb2_grpc.py")
_HERE = Path(__file__).resolve().parent.parent


def enter(*, serves: bool = False) -> None:
    """Return if this Python can load the rest, with Ctrl+C ending the program where it stands.

    Otherwise say in a sentence what is wrong and what to type, and end with code 2. `serves`: what
    follows is a node.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)
    if sys.version_info < OLDEST:
        _refuse(_too_old())
    missing = [package for module, package in NEEDED.items() if not _is_here(module)]
    if missing:
        _refuse(f"{_python()} has not all that kvcluster needs: {_listed(missing)}. {_remedy()}")
    if serves and not _is_here("fcntl"):
        _refuse(_NOT_HERE)
    sys.excepthook = _tell_what_does_not_fit


def end_at_once(number: int, frame: object) -> None:
    """End the process now: a signal handler for when there is nothing to clean up yet."""
    os._exit(_INTERRUPTED)


def _is_here(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is not
        return False


def _listed(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names if rest < 2 else [*names[:_NAMED], f"and {rest} more"])


def _too_old() -> str:
    oldest = ".".join(map(str, OLDEST))
    found = ".".join(map(str, sys.version_info[:3]))
    return (
        f"kvcluster needs Python {oldest} or newer, and {sys.executable} is {found}."
        f" Install a newer one, say python3.13, and then: {_set_up('python3.13')}"
    )


def _remedy() -> str:
    """What to type where packages are missing."""
    if not _is_checkout():
        return f"Install it anew: {_python()} -m pip install --force-reinstall kvcluster"
    environment = _HERE / ".venv"
    is_made = any((environment / stamp).exists() for stamp in ("run", "dev"))
    if is_made and Path(sys.prefix).resolve() != environment.resolve():
        return f"They are in .venv; type: source {_short(environment / 'bin' / 'activate')}"
    return f"Install them: {_set_up(None)}"


def _set_up(python: str | None) -> str:
    if not _is_checkout():
        return f"{python or _python()} -m pip install kvcluster"
    makes = f"make setup PYTHON={python}" if python else "make setup"
    where = "" if Path.cwd().samefile(_HERE) else f"cd {_short(_HERE)} && "
    return f"{where}{makes} && source .venv/bin/activate"


def _is_checkout() -> bool:
    return (_HERE / "pyproject.toml").exists()


def _short(path: Path) -> str:
    relative = os.path.relpath(str(path))
    return str(path) if relative.startswith("..") else relative


def _python() -> str:
    return sys.executable or "this Python"


def _tell_what_does_not_fit(kind: type, error: BaseException, trace: object) -> None:
    """An excepthook: a package that is there, but cannot be loaded or is too old, is a sentence.

    The generated files refuse a gRPC or protobuf older than themselves, each with an exception of
    its own kind.
    """
    if not issubclass(kind, ImportError) and not _is_from_generated(trace):
        sys.__excepthook__(kind, error, trace)  # type: ignore[arg-type]
        return
    text = " ".join(str(error).split()).rstrip(".")
    _complain(f"{_python()} cannot load what kvcluster needs: {text}. {_remedy()}")


def _is_from_generated(trace: object) -> bool:
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename  # type: ignore[attr-defined]
        if Path(name).name in _GENERATED:
            return True
        trace = trace.tb_next  # type: ignore[attr-defined]
    return False


def _refuse(sentence: str) -> None:
    _complain(sentence)
    raise SystemExit(_CANNOT_START)


def _complain(sentence: str) -> None:
    if sys.stderr is not None:
        print(sentence, file=sys.stderr)
