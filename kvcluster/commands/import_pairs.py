"""`client.py import`: which file it is about; the work is in bulk/importing.py."""

from __future__ import annotations

from functools import partial

from kvcluster.commands.bulk.formats import arguments
from kvcluster.commands.command import Call, Command, Work
from kvcluster.console.arguments import flag


def _prepare(call: Call) -> Work:
    from kvcluster.commands.bulk.importing import ImportOrder, run

    options = call.options
    if not options.file:
        call.refuse("the name of the file is empty")
    order = ImportOrder(
        call.nodes,
        options.file,
        options.format,
        options.restart,
        options.skip_bad,
        call.timeout_s,
        call.json,
    )
    return partial(run, order)


COMMAND = Command(
    text="store the pairs of a file",
    page="import FILE           store the pairs of a file: .jsonl, .json, .csv, each",
    epilog="""\
JSON Lines: {"key": "a", "value": "1"} on each line. JSON: {"a": "1", ...}, one
flat object, as a node's data_node_*.json; it is read as a whole. The name says
which (.jsonl, .json), or the beginning of the file.

A line that cannot be stored ends the import; everything before it is stored.
How far it has come stands in FILE.kv-progress: after Ctrl+C or a crash, or when
you have mended a line, run the same command again to continue. The last second
may then be stored twice; who wrote the same keys in between is overwritten.

examples:
  client.py import users.jsonl
  client.py import data_node_50051.json --cluster other:50051
  zcat users.jsonl.gz | client.py import -

exit codes:
  0  everything is stored
  1  everything but the lines that were left out (--skip-bad)
  2  bad usage, a file that cannot be read, or a line that cannot be stored
  3  no node could be reached
""",
    standard_input={"file": "name of a file"},
    arguments=(
        *arguments("input"),
        flag("--skip-bad", text="leave out lines that cannot be stored"),
    ),
    prepare=_prepare,
)
