#!/usr/bin/env python3
"""Ask the cluster: `python client.py` runs the demo, `python client.py put KEY VALUE` stores.

Every way to call it is in `python client.py --help`; what the commands do, and which node they
ask, is in kvcluster/commands/.
"""

from __future__ import annotations

_INTERRUPTED = 130


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        from kvcluster import doorstep

        doorstep.enter()
    except KeyboardInterrupt:
        return _INTERRUPTED
    from kvcluster.command_line import run  # to load it takes a moment
    from kvcluster.console.program import client
    from kvcluster.model.members import DEFAULT_CLUSTER

    return run(None, client(DEFAULT_CLUSTER))


if __name__ == "__main__":
    raise SystemExit(main())
