"""`client.py export`: which pairs go into which file; the work is in bulk/exporting.py."""

from __future__ import annotations

from functools import partial

from kvcluster.commands.bulk.formats import arguments
from kvcluster.commands.command import Call, Command, Work
from kvcluster.console.arguments import beginning, beginning_of, flag


def _prepare(call: Call) -> Work:
    from kvcluster.commands.bulk.exporting import ExportOrder, run

    options = call.options
    if not options.file:
        call.refuse("the name of the file is empty")
    order = ExportOrder(
        call.nodes,
        options.file,
        options.format,
        beginning_of(options, call.refuse),
        options.restart,
        options.force,
        call.timeout_s,
        call.json,
    )
    return partial(run, order)


COMMAND = Command(
    text="write pairs to a file",
    page="export FILE           also .gz; write pairs to such a file",
    epilog="""\
Pairs are written in the order of their keys to FILE.kv-part, which becomes FILE
at the end. After Ctrl+C or a crash, run the same command again to continue. An
export is no snapshot: what is written meanwhile may be in it or not.

examples:
  client.py export all.jsonl
  client.py export users.json --prefix user/
  client.py export - | gzip > all.jsonl.gz

exit codes:
  0  everything is written
  2  bad usage, or a file that is there already (see --force)
  3  no node could be reached, or some keys are missing because no live node
     holds them
""",
    arguments=(
        *arguments("output"),
        *beginning(),
        flag("--force", text="replace a file that is there"),
    ),
    prepare=_prepare,
)
