"""`kvcluster`, and `python -m kvcluster`: everything in one command, for who has installed it.

    kvcluster up                     a cluster in this terminal
    kvcluster server 50051           one node, as server.py
    kvcluster put city "Hà Nội"      each command of client.py
    kvcluster health                 as health_check_client.py

In a checkout the three scripts at the top do the same. `server.py` is one of them, and shows how a
node is put together; so it is loaded from where it stands, and from inside the package where that
was installed (see pyproject.toml): a module that is called `server` has no place among everybody's.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kvcluster import doorstep

if TYPE_CHECKING:
    from kvcluster.console.program import Program

_INTERRUPTED = 130


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        doorstep.enter()
    except KeyboardInterrupt:
        return _INTERRUPTED
    from kvcluster.command_line import run  # to load it takes a moment

    return run(None, program())


def program() -> Program:
    """What `kvcluster` is: the commands of client.py, and the server."""
    from kvcluster.console.program import Other, Program
    from kvcluster.model.members import DEFAULT_CLUSTER

    server = Other("server", "run one node: server 50051", _parser_of_server, _serve)
    return Program("kvcluster", DEFAULT_CLUSTER, alone=None, others=(server,))


def _parser_of_server(front: str) -> argparse.ArgumentParser:
    from kvcluster.server import options

    return options.parser(front)


def _serve(words: Sequence[str]) -> int:
    """Run the script that is called server, wherever it stands, as a module."""
    from importlib.util import module_from_spec, spec_from_file_location

    doorstep.enter(serves=True)
    from kvcluster.commands.demo.local_cluster import SERVER

    spec = spec_from_file_location("server", SERVER)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return int(module.main(list(words), program="kvcluster server"))


if __name__ == "__main__":
    raise SystemExit(main())
