"""Ask nodes how they are: `python health_check_client.py localhost:50051 localhost:50052`.

A line for each address, in the order given, or for each of the three of the walk; exit code 0 if
all of them serve. How the questions are asked is in kvcluster/view/health.py, how they are
shown in kvcluster/commands/health_check.py beside it.
"""

from __future__ import annotations

_INTERRUPTED = 130


def main() -> int:
    """Ask every address of the command line; return the exit code."""
    try:
        from kvcluster import doorstep

        doorstep.enter()
    except KeyboardInterrupt:
        return _INTERRUPTED
    from kvcluster.commands.health_check import run  # to load it takes a moment

    return run(None)


if __name__ == "__main__":
    raise SystemExit(main())
