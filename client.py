#!/usr/bin/env python3
"""Ask the cluster: `python client.py` runs the demo, `python client.py put KEY VALUE` stores.

Every way to call it is in `python client.py --help`; what the commands do, and which node they
ask, is in kvcluster/terminal/.
"""

from __future__ import annotations

NODES = "localhost:50051,localhost:50052,localhost:50053"
_INTERRUPTED = 130


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        from kvcluster.terminal import interrupts

        interrupts.end_at_once()
    except KeyboardInterrupt:
        return _INTERRUPTED
    from kvcluster.terminal.command_line import run  # to load it takes a moment

    return run(None, default_cluster=NODES)


if __name__ == "__main__":
    raise SystemExit(main())
