"""`client.py status`: the whole cluster in one table, once or again and again (status_table.py)."""

from __future__ import annotations

from functools import partial

from kvcluster.commands.command import LOOK_TIMEOUT_S, Asks, Call, Command, Work
from kvcluster.console.arguments import flag, interval


def _prepare(call: Call) -> Work:
    from kvcluster.commands import status_table

    if call.options.watch:
        return partial(status_table.watch, call)
    if call.options.interval:
        call.refuse("--interval goes with --watch")
    return partial(status_table.run, call)


COMMAND = Command(
    text="show all nodes, and what they say of each other",
    asks=Asks.ALL_NODES,
    page="""\
status                show all nodes, and what they say of each other;
                      --watch goes on showing them
""",
    page_in_shell="status                show all nodes, and what they say of each other",
    epilog="""\
columns:
  state         what the node says of itself or, if it does not answer, what the
                others say of it
  keys, size    what it holds
  primary/held  of how many slots it is the primary, and how many it holds
  JSON age      how long ago its JSON file was last complete
  uptime        since it was started

Below the table stands what is unusual, and where nodes disagree. Members that
only the answers name are asked as well.

examples:
  client.py status
  client.py status --watch             until Ctrl+C
  client.py status -o json

exit codes:
  0  every node answers, serves and takes writes, and no two disagree;
     Ctrl+C (--watch)
  1  otherwise
  3  no node answers
""",
    timeout_s=LOOK_TIMEOUT_S,
    arguments=(
        flag("--watch", text="go on showing them until Ctrl+C"),
        interval(),
    ),
    prepare=_prepare,
)
