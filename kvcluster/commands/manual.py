"""What `--help` says: one page, grouped by wishes.

argparse would list all commands in one heap. A person who opens this page has a wish, so it is
grouped by wishes, and fits 80 columns. What each command says of itself is in its file; the rest is
written by hand. Tests hold that every option for all of them stands here, and that no line is
longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kvcluster.commands.command import CLUSTER, WISHES, offered
from kvcluster.console.program import Program

PROGRAM = "client.py"
"""What stands for the name of the program in these texts."""

_PAGE = """\
usage: client.py [--node H:P | --cluster H:P,...] [OPTIONS] COMMAND ...

Ask the key-value cluster. Without a command: {alone}.

{commands}  help [COMMAND]        the same as COMMAND --help
  --version             print the version

options, before or after the command:
  --cluster H:P,...     the nodes (default:
                        {nodes})
  --node H:P            ask this node only (about one key), or this one first
  --timeout S           seconds to wait for an answer (default: 5; status: 2)
  -o, --output FORMAT   text or json; errors are sentences on standard error
  --tls-ca FILE         speak TLS, and believe this authority
  --tls-cert FILE       show this certificate, whose key is in --tls-key FILE
  --token-file FILE     show the token in this file
  -h, --help            this page; after a command: all about that command

environment:
  KV_NODES              as --cluster, if neither --node nor --cluster is given
  KV_TLS_CA, KV_TLS_CERT, KV_TLS_KEY, KV_TOKEN_FILE
                        as the options of these names; KV_TOKEN: the token

examples:
  client.py put city "Hà Nội"          store a value
  client.py get city                   print it
  client.py put city Huế --if-value "Hà Nội"
  client.py put note - < note.txt      store what standard input says
  client.py put degrees -- -7          a value that begins with a dash
  client.py get city --node localhost:50052
  client.py scan user/ --keys-only     the keys that begin with user/
  client.py status                     all nodes, and what they say

exit codes:
  0    done; every node answers, serves and takes writes, and no two disagree
       (status)
  1    a key is not there (get, ttl, touch, persist); a condition does not hold
       (put, delete), and one line says what is there; the lock was not free in
       time, or it was lost (lock); a step did not hold, or no node is up (demo);
       a node does not answer or serve, or is full, or nodes disagree (status);
       some calls failed (bench); lines were left out (import --skip-bad);
       nothing was deleted, you said no (delete --prefix)
  2    bad usage, a file that cannot be read, or a key, value or line that the
       cluster does not take
  3    no node could be reached or would do it, the outcome is unknown, or keys
       are missing because no live node holds them; standard error says which.
       Also: what was to be printed could not be written
  130  interrupted by Ctrl+C
  141  whoever read the output went away
"""


def page(program: Program) -> str:
    """The page of a program."""
    others = [f"{it.name:<22}{it.text}" for it in program.others]
    text = _PAGE.replace("{alone}", "the scripted demo" if program.alone else "this page")
    text = text.replace("{commands}", told(WISHES, others=others))
    return text.replace("{nodes}", program.default_cluster).replace(PROGRAM, program.name)


def told(wishes: Iterable[str], *, in_shell: bool = False, others: Sequence[str] = ()) -> str:
    """The lines of all commands for these wishes; `others`: more lines about the cluster."""
    texts = []
    for wish in wishes:
        # What starts a cluster (and no shell of ours has it) stands before what asks one.
        found = sorted(offered(wish, in_shell=in_shell), key=lambda it: it[1].in_shell)
        lines = [*others] if wish == CLUSTER else []
        for name, it in found:
            page = (in_shell and it.page_in_shell) or it.page
            lines += page.splitlines() or [f"{it.usage or name:<22}{it.text}"]
        texts.append("".join([f"{wish}:\n", *(f"  {line}\n" for line in lines)]))
    return "\n".join(texts)
